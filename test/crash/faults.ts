import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Seeded } from '../unit/volume/seeded.js';
import { assertState, checkCrash } from './check/crash_check.js';
import { makeCold } from './device/cold.js';
import { CrashStates } from './device/crash_states.js';
import type { RecordedDisk } from './device/recorded_disk.js';
import { type Ending, ServedVolume } from './device/served_volume.js';
import type { Fault } from './device/shared_log.js';
import { readMount } from './workload/found.js';
import { OPERATIONS, type Plan, plan, ShortWrite } from './workload/operations.js';
import { type Recording, type Snapshot, syncPath } from './workload/recording.js';
import { foundRows } from './workload/rows.js';
import { makeSetting } from './workload/setting.js';
import { Tree } from './workload/tree.js';

const FOLDER = 'w';
/** A run takes a second; what takes longer hangs. */
const HANG_MS = 40_000;
/** What a call may answer when the disk fails: its error, or that the volume takes no more changes. */
const ANSWERS = new Set(['EIO', 'EROFS', 'ENOSPC']);
/** Its rows that are left lie where the filesystem likes, and asking for them may fail. */
const LEFT_OUT = new Set(['cut rows']);

/** A volume with a folder full of things, unmounted. */
export interface Base {
  readonly image: Uint8Array;
  readonly tree: Tree;
}

/** What came of a run with a fault. */
export interface Outcome {
  /** Calls of the disk that failed, and operations that did. */
  readonly hits: number;
  readonly failures: number;
  readonly mounted: boolean;
}

export async function makeBase(disk: RecordedDisk, mountpoint: string, seed: number): Promise<Base> {
  const served = await ServedVolume.start(disk.path, mountpoint);
  if (!(served instanceof ServedVolume)) throw new Error(served.output);
  try {
    mkdirSync(join(mountpoint, FOLDER));
    const tree = makeSetting(join(mountpoint, FOLDER), new Seeded(seed));
    return { image: await unmounted(disk, served), tree };
  } finally {
    await served.destroy();
  }
}

async function unmounted(disk: RecordedDisk, served: ServedVolume): Promise<Uint8Array> {
  const { how, output } = await served.unmount();
  if (how !== '0' || output !== '') throw new Error(`the daemon ended with ${how}: ${output}`);
  return disk.log.image.slice();
}

/**
 * Mounts the base from a disk with a fault, does every operation and a sync after most, unmounts, and judges the answers, the
 * log of the daemon and what is on the disk then and after power cuts at any time. Throws an Error for what is wrong.
 */
export class FaultRun {
  private readonly disk: RecordedDisk;
  private readonly mountpoint: string;
  private readonly base: Base;
  private readonly random: Seeded;
  private readonly tree: Tree;
  private readonly snapshots: Snapshot[];
  private readonly promises = [{ returned: 0, snapshot: 0 }];
  private readonly notes: string[] = [];
  private failures = 0;
  /** Whether an fsync has failed: then nothing may be changed any more. */
  private writingHasFailed = false;

  constructor(disk: RecordedDisk, mountpoint: string, base: Base, seed: number) {
    this.disk = disk;
    this.mountpoint = mountpoint;
    this.base = base;
    this.random = new Seeded(seed);
    this.tree = new Tree(base.tree);
    this.snapshots = [{ tree: base.tree, begun: 0 }];
  }

  async run(fault: Fault): Promise<Outcome> {
    const { disk } = this;
    disk.load(this.base.image);
    disk.log.arm(fault);
    const served = await ServedVolume.start(disk.path, this.mountpoint, HANG_MS);
    const mounted = served instanceof ServedVolume;
    const ending = mounted ? await this.use(served, fault) : served;
    const { hits } = disk.log;
    disk.log.disarm();
    try {
      this.judgeEnding(ending, mounted, hits);
      this.judgeDisk();
    } catch (error) {
      throw this.explained(error as Error, ending.output);
    }
    return { hits, failures: this.failures, mounted };
  }

  private explained(error: Error, output = ''): Error {
    return new Error(`${error.stack}\nthe daemon wrote: ${output}\n  ${this.notes.join('\n  ')}`, {
      cause: error,
    });
  }

  private async use(served: ServedVolume, fault: Fault): Promise<Ending> {
    try {
      for (const operation of OPERATIONS) {
        if (LEFT_OUT.has(operation)) continue;
        makeCold(this.disk.path);
        this.operate(operation);
        this.look();
        if (this.random.chance(70)) this.sync();
      }
      this.judgeService(fault);
      if (this.writingHasFailed && !(await served.tells('takes no more changes')))
        throw new Error('the log does not tell at once that the volume takes no more changes');
      return await served.unmount();
    } catch (error) {
      await served.destroy();
      throw this.explained(error as Error, served.output);
    } finally {
      await served.destroy();
    }
  }

  private operate(operation: string): void {
    let planned: Plan;
    try {
      planned = plan(operation, this.tree, this.random);
    } catch (error) {
      if (error instanceof RangeError) return;
      throw error;
    }
    const begun = this.disk.position;
    const folder = join(this.mountpoint, FOLDER);
    const isAnswered = this.attempt(planned.text, () => {
      try {
        planned.run(folder);
      } catch (error) {
        if (!(error instanceof ShortWrite) || planned.partly === undefined) throw error;
        planned = planned.partly(error.count);
        this.notes.push(`stored ${error.count} bytes of`);
      }
    });
    const isDone = isAnswered || this.wasCut(planned);
    const after = new Tree(this.tree);
    planned.apply(after, folder);
    if (isDone) {
      planned.apply(this.tree, folder);
      this.snapshots.push({ tree: after, begun });
    } else {
      // Bytes of a write that failed in the middle may be there.
      this.snapshots.push({ tree: contentsOf(after, this.tree), begun });
    }
  }

  /** Whether a truncation that has failed is done: it may have failed when blocks were to be freed. */
  private wasCut({ size, target }: Plan): boolean {
    if (size === undefined) return false;
    try {
      return lstatSync(join(this.mountpoint, FOLDER, target)).size === size;
    } catch {
      return false;
    }
  }

  /** Whether it succeeded; throws for an answer that has nothing to do with a failing disk. */
  private attempt(text: string, work: () => void): boolean {
    try {
      work();
      if (text !== 'open') this.notes.push(`${text}: ok`);
      return true;
    } catch (error) {
      const { code } = error as { code?: string };
      this.notes.push(`${text}: ${code ?? (error as Error).message}`);
      this.failures += 1;
      if (code === undefined || !ANSWERS.has(code)) throw error;
      return false;
    }
  }

  private sync(): void {
    let fd = -1;
    if (!this.attempt('open', () => (fd = openSync(this.mountpoint, 'r')))) return;
    const isDone = this.attempt('fsync', () => fsyncSync(fd));
    closeSync(fd);
    if (!isDone) this.writingHasFailed = true;
    else this.promises.push({ returned: this.disk.position, snapshot: this.snapshots.length - 1 });
  }

  /** Reads a file from the disk and searches the rows: what comes has to be right. */
  private look(): void {
    const path = this.random.of([...this.tree.of('file'), ...this.tree.of('vectors')]);
    const full = join(this.mountpoint, FOLDER, path);
    const node = this.tree.at(path);
    let found: Buffer | Map<number, number> | undefined;
    this.attempt(`look at ${path}`, () => {
      makeCold(full);
      makeCold(this.disk.path);
      found = node.kind === 'file' ? readFileSync(full) : foundRows(full);
    });
    if (found instanceof Map) {
      const same =
        found.size === node.rows.size && [...found].every(([id, value]) => node.rows.get(id) === value);
      if (!same) throw new Error(`${path}: a search found other rows`);
    } else if (found !== undefined && !found.equals(node.content) && !this.hasFailedWrites(path)) {
      throw new Error(`${path}: other bytes were read`);
    }
  }

  /** Whether a write that was answered with an error may have left some of its bytes. */
  private hasFailedWrites(path: string): boolean {
    const number = this.tree.numberOf(path);
    return this.snapshots.some(({ tree }) => tree instanceof AttemptedTree && tree.nodes.has(number));
  }

  /** The mount still answers, and takes no changes that it cannot write. */
  private judgeService(fault: Fault): void {
    this.attempt('lstat', () => lstatSync(this.mountpoint));
    if (fault.call === 'read' || this.disk.log.hits === 0) return;
    const hadFailed = this.writingHasFailed;
    const isMade = this.attempt('create at the end', () => writeFileSync(join(this.mountpoint, 'last'), ''));
    if (isMade && hadFailed) throw new Error('the volume takes changes although writing has failed');
    if (!isMade || !fault.lasting) return;
    const isDurable = this.attempt('fsync at the end', () => syncPath(this.mountpoint));
    if (isDurable) throw new Error('a change is said to be durable although the disk takes no writes');
  }

  private judgeEnding({ how, output }: Ending, mounted: boolean, hits: number): void {
    if (how !== '0' && how !== '1') throw new Error(`the daemon ended with ${how}`);
    const lines = output.split('\n').filter((line) => line !== '');
    const strange = lines.find((line) => !line.startsWith('vexfs-fuse: '));
    if (strange !== undefined) throw new Error(`a line of the log is strange: ${strange}`);
    if (new Set(lines).size !== lines.length) throw new Error('the log repeats itself');
    if (hits > 0 && this.failures > 0 && lines.length === 0) throw new Error('the log tells nothing');
    if (hits === 0 && lines.length > 0) throw new Error('the log tells of something');
    if (!mounted && how !== '1') throw new Error(`not mounted, and the exit status is ${how}`);
    if (this.writingHasFailed && how !== '1')
      throw new Error(`writing has failed and the exit status is ${how}`);
    // Status 0: everything is on the disk.
    if (mounted && how === '0')
      this.promises.push({ returned: this.disk.position, snapshot: this.snapshots.length - 1 });
  }

  /** What is on the disk, and what power cuts before would have left. */
  private judgeDisk(): void {
    const { disk, snapshots, promises } = this;
    const to = disk.position;
    const recording: Recording = {
      choice: { seed: 0, steps: [] },
      text: '',
      folder: FOLDER,
      from: 0,
      to,
      snapshots: snapshots.filter(({ tree }) => !(tree instanceof AttemptedTree)),
      promises: promises.map(({ returned, snapshot }) => ({
        returned,
        snapshot: this.wholeBefore(snapshot),
      })),
      attempts: snapshots.filter(({ tree }) => tree instanceof AttemptedTree),
    };
    const states = new CrashStates(this.base.image, to, (index) => disk.log.step(index));
    states.visit([recording], 2, this.random, (image, window, { at, what }, touched) => {
      try {
        checkCrash(image, window, at, touched);
      } catch (error) {
        throw new Error(`cut after ${at} of ${to} steps with ${what}: ${(error as Error).stack}`, {
          cause: error,
        });
      }
    });
  }

  /** Where a snapshot stands among those that are whole. */
  private wholeBefore(index: number): number {
    return (
      this.snapshots.slice(0, index + 1).filter(({ tree }) => !(tree instanceof AttemptedTree)).length - 1
    );
  }

  /** Mounts what is on the disk once more, without faults, and looks at it by system calls. */
  async mountAgain(): Promise<void> {
    const served = await ServedVolume.start(this.disk.path, this.mountpoint, HANG_MS);
    if (!(served instanceof ServedVolume))
      throw this.explained(new Error('not mounted again'), served.output);
    try {
      const whole = this.snapshots.filter(({ tree }) => !(tree instanceof AttemptedTree));
      const last = this.promises.at(-1)!;
      const attempts = this.snapshots.filter(({ tree }) => tree instanceof AttemptedTree);
      const promises = [{ returned: 0, snapshot: this.wholeBefore(last.snapshot) }];
      const found = readMount(join(this.mountpoint, FOLDER));
      const rest = { choice: { seed: 0, steps: [] }, text: '', folder: FOLDER, from: 0, to: 0 };
      assertState(found, { ...rest, snapshots: whole, promises, attempts }, Number.POSITIVE_INFINITY);
      writeFileSync(join(this.mountpoint, 'again'), 'works');
      const { how } = await served.unmount();
      if (how !== '0') throw new Error(`the daemon ended with ${how}`);
    } catch (error) {
      throw this.explained(error as Error);
    } finally {
      await served.destroy();
    }
  }
}

/** A tree that an operation would have made which has failed: only the contents that it was to change. */
class AttemptedTree extends Tree {}

function contentsOf(after: Tree, before: Tree): AttemptedTree {
  const attempted = new AttemptedTree();
  for (const [number, node] of after.nodes) {
    const old = before.nodes.get(number);
    if (old !== undefined && !old.content.equals(node.content)) attempted.nodes.set(number, node);
  }
  return attempted;
}
