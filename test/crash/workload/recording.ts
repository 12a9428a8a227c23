import { closeSync, fdatasyncSync, fsyncSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Seeded } from '../../unit/volume/seeded.js';
import { plan } from './operations.js';
import { makeSetting } from './setting.js';
import { parentOf, Tree } from './tree.js';

/** What follows an operation. */
export const SYNCS = ['fsync', 'fdatasync', 'sync', 'nothing'] as const;
export type Sync = (typeof SYNCS)[number];

/** One or two operations, by name, and what follows each. */
export interface WorkloadChoice {
  /** Decides sizes and targets. */
  readonly seed: number;
  readonly steps: ReadonlyArray<{ readonly operation: string; readonly sync: Sync }>;
}

/** A state that the folder was in: after `begun` of the disk's steps the operation that led to it had begun. */
export interface Snapshot {
  readonly tree: Tree;
  readonly begun: number;
}

/** What was recorded of a workload. */
export interface Recording {
  readonly choice: WorkloadChoice;
  /** What was done, for messages. */
  readonly text: string;
  /** Name of its folder in the root directory. */
  readonly folder: string;
  /** Steps of the disk before it began, and when its last sync had returned. */
  readonly from: number;
  readonly to: number;
  readonly snapshots: readonly Snapshot[];
  /** Trees that operations which failed would have made: bytes of their files may be there. */
  readonly attempts?: readonly Snapshot[];
  /** Whether a file may show older bytes where it was overwritten in place: who writes them there waits for no commit. */
  readonly showsOlderBytes?: boolean;
  /** After `returned` steps a sync had returned that covers the first `snapshot` snapshots. */
  readonly promises: ReadonlyArray<{ readonly returned: number; readonly snapshot: number }>;
}

/** A disk that is recorded; every step of it has its place in one order. */
export interface Recorder {
  /** How far that has got. */
  readonly position: number;
}

/** fsync(2) of a file or folder. */
export function syncPath(path: string, dataOnly = false): void {
  const fd = openSync(path, 'r');
  try {
    if (dataOnly) fdatasyncSync(fd);
    else fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** What the backend promises of syncs. */
export interface Syncing {
  /** Makes durable whatever was changed on the volume. */
  everything(mountpoint: string): void;
  /** Whether fdatasync(2) covers attributes too. */
  readonly dataSyncsCoverAll: boolean;
}

/** sync(2) does not reach it. */
const OF_DAEMON: Syncing = { everything: (mountpoint) => syncPath(mountpoint), dataSyncsCoverAll: true };

/** Makes what an operation has changed durable. Whether that is promised afterwards. */
function sync(
  how: Sync,
  syncing: Syncing,
  mountpoint: string,
  folder: string,
  tree: Tree,
  target: string,
): boolean {
  if (how === 'nothing') return false;
  if (how === 'sync') {
    syncing.everything(mountpoint);
    return true;
  }
  const kind = tree.names.has(target) ? tree.at(target).kind : 'folder';
  const cannotBeOpened = kind === 'symlink' || kind === 'fifo';
  syncPath(join(folder, cannotBeOpened ? parentOf(target) : target), how === 'fdatasync');
  return how !== 'fdatasync' || syncing.dataSyncsCoverAll;
}

/**
 * Does a workload in a new folder of the mounted volume that lies on the disk. Undefined when its operations cannot follow
 * each other, such as two that remove the only thing of their kind.
 */
export function record(
  disk: Recorder,
  mountpoint: string,
  name: string,
  choice: WorkloadChoice,
  syncing: Syncing = OF_DAEMON,
): Recording | undefined {
  const random = new Seeded(choice.seed);
  const folder = join(mountpoint, name);
  mkdirSync(folder);
  const tree = makeSetting(folder, random);
  syncing.everything(mountpoint);
  const from = disk.position;
  const snapshots: Snapshot[] = [{ tree: new Tree(tree), begun: from }];
  const promises = [{ returned: from, snapshot: 0 }];
  const texts: string[] = [];
  for (const step of choice.steps) {
    let planned: ReturnType<typeof plan>;
    try {
      planned = plan(step.operation, tree, random);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
    const begun = disk.position;
    planned.run(folder);
    planned.apply(tree, folder);
    snapshots.push({ tree: new Tree(tree), begun });
    texts.push(`${planned.text}, ${step.sync}`);
    if (sync(step.sync, syncing, mountpoint, folder, tree, planned.target))
      promises.push({ returned: disk.position, snapshot: snapshots.length - 1 });
  }
  syncing.everything(mountpoint);
  const to = disk.position;
  promises.push({ returned: to, snapshot: snapshots.length - 1 });
  return { choice, text: texts.join('; '), folder: name, from, to, snapshots, promises };
}

/** Removes what a workload has left. */
export function forget(mountpoint: string, name: string): void {
  rmSync(join(mountpoint, name), { recursive: true });
}
