import { finishOrphans } from '@vexfs/fuse/volume';
import { examine } from '@vexfs/mkfs/fsck';
import { MemoryDevice } from '../../unit/volume/memory_device.js';
import { TestVolume } from '../../unit/volume/test_volume.js';
import { differenceOf } from '../workload/difference.js';
import { type FoundTree, readVolume } from '../workload/found.js';
import type { Recording } from '../workload/recording.js';

/** A device that tells of what is written to it, so that it can be undone. */
class WatchedDevice extends MemoryDevice {
  private readonly touched: (at: number, length: number) => void;

  constructor(bytes: Uint8Array, touched: (at: number, length: number) => void) {
    super(bytes);
    this.touched = touched;
  }

  override write(position: number, from: Uint8Array): void {
    this.touched(position, from.length);
    super.write(position, from);
  }
}

/** Throws when fsck.vexfs -n would find something. */
export function assertClean(bytes: Uint8Array, when: string): void {
  const { findings, journalReset, superblock } = examine(new MemoryDevice(bytes), { lookOnly: true });
  const complaints = findings.list.map(({ message }) => message);
  if (journalReset) complaints.push('the journal cannot be replayed');
  if (when === RECOVERED && superblock.orphanHead !== 0) complaints.push('orphans are left');
  if (complaints.length > 0)
    throw new Error(`fsck finds, ${when}:\n  ${complaints.slice(0, 8).join('\n  ')}`);
}

const RECOVERED = 'after the recovery';

/**
 * Checks what a crash after `at` steps of the disk has left: fsck finds nothing, what was promised is there, what was not is
 * there whole or not at all, and the recovered volume is sound. Throws an Error that tells what is wrong.
 */
export function checkCrash(
  bytes: Uint8Array,
  recording: Recording,
  at: number,
  touched: (at: number, length: number) => void,
): void {
  assertClean(bytes, 'before the recovery');
  const target = new TestVolume(new WatchedDevice(bytes, touched));
  finishOrphans(target.volume, () => target.commit());
  const found = readVolume(target.volume, recording.folder);
  if (found === undefined) throw new Error(`the folder ${recording.folder} is missing`);
  assertState(found, recording, at);
  target.commit();
  target.writer.close();
  assertClean(bytes, RECOVERED);
}

/** Throws when a folder is in none of the states that a crash after `at` steps may leave it in. */
export function assertState(found: FoundTree, recording: Recording, at: number): void {
  const { snapshots, promises, attempts = [], showsOlderBytes = false } = recording;
  const least = Math.max(
    ...promises.filter(({ returned }) => returned <= at).map(({ snapshot }) => snapshot),
  );
  const complaints: string[] = [];
  for (let i = least; i < snapshots.length && (i === least || snapshots[i]!.begun < at); i++) {
    const later = (number: number): Buffer[] =>
      [...snapshots.slice(showsOlderBytes ? 0 : i + 1), ...attempts]
        .filter(({ begun }) => begun < at)
        .flatMap(({ tree }) => tree.nodes.get(number)?.content ?? []);
    const difference = differenceOf(found, snapshots[i]!.tree, later);
    if (difference === undefined) return;
    complaints.push(`after ${i} operations: ${difference}`);
  }
  throw new Error(`neither what was promised nor what was under way:\n  ${complaints.join('\n  ')}`);
}
