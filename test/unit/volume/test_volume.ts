import { JournalWriter } from '@vexfs/fuse/journal';
import {
  commitNow,
  type FrozenTransaction,
  FsError,
  finishOrphans,
  formatVolume,
  NeedCommit,
  planFormat,
  Volume,
  writeTransaction,
} from '@vexfs/fuse/volume';
import { MemoryDevice } from './memory_device.js';

export interface VolumeChoices {
  readonly blockSize: number;
  /** Blocks behind fixed metadata and journal, about. */
  readonly dataBlocks: number;
  readonly inodes?: number;
  readonly reservedPercent?: number;
  readonly records?: boolean;
}

/** Changed blocks from which on an operation is followed by a commit: far below the smallest journal's bound. */
const SOFT_LIMIT = 80;
/** Commits that one operation may need before it counts as hanging. */
const MOST_COMMITS = 2000;

/** The bytes of an empty volume; the same for the same choices. */
export function emptyImage(choices: VolumeChoices): Uint8Array {
  const { blockSize } = choices;
  const inodes = choices.inodes ?? 64;
  const fixed = 4 + Math.ceil((inodes * 256) / blockSize) + 1024;
  const plan = planFormat({
    sizeBytes: (fixed + choices.dataBlocks) * blockSize,
    blockSize,
    inodes,
    journalBytes: 1024 * blockSize,
    reservedPercent: choices.reservedPercent ?? 0,
    uuid: new Uint8Array(16).fill(7),
    hashKey: new Uint8Array(16).fill(9),
    time: 1_700_000_000_000,
  });
  const bytes = new Uint8Array(plan.geometry.totalBlocks * blockSize);
  formatVolume(new MemoryDevice(bytes), plan);
  return bytes;
}

/** A volume in memory with its journal: operations, commits, and opening it again. */
export class TestVolume {
  readonly device: MemoryDevice;
  volume: Volume;
  writer: JournalWriter;
  /** Runs when a transaction is cut off from what follows, before it is written, and when its commit has returned. */
  onFreeze: () => void = () => {};
  onWrite: () => void = () => {};
  onCommit: () => void = () => {};
  private frozen: FrozenTransaction | undefined;
  freeBudget = 64;

  constructor(device: MemoryDevice, freeBudget = 64) {
    this.device = device;
    this.freeBudget = freeBudget;
    const opened = openVolume(device);
    this.volume = opened.volume;
    this.writer = opened.writer;
    this.volume.freeBudget = freeBudget;
  }

  static make(choices: VolumeChoices, freeBudget = 64): TestVolume {
    return new TestVolume(new MemoryDevice(emptyImage(choices), choices.records ?? false), freeBudget);
  }

  /** Whether a transaction is frozen and not written. */
  get isCommitting(): boolean {
    return this.frozen !== undefined;
  }

  /** Ends the running transaction; operations may follow before `finishCommit` writes it, as in the daemon. */
  beginCommit(): void {
    this.finishCommit();
    this.frozen = this.volume.freeze();
    this.onFreeze();
  }

  finishCommit(): void {
    const { frozen, volume, writer } = this;
    if (frozen === undefined) return;
    this.frozen = undefined;
    this.onWrite();
    writeTransaction(this.device, writer, volume.geometry.blockSize, frozen);
    volume.committed(frozen.id, Number.MAX_SAFE_INTEGER);
    volume.store.writtenInPlace(frozen.id);
    this.onCommit();
  }

  commit(): void {
    this.finishCommit();
    this.onFreeze();
    this.onWrite();
    commitNow(this.volume, this.writer);
    this.onCommit();
  }

  /** Runs an operation, with commits in between for as long as it wants them. Throws what it throws. */
  run<T>(operation: () => T): T {
    for (let commits = 0; commits < MOST_COMMITS; commits++) {
      try {
        const result = operation();
        this.settle();
        return result;
      } catch (error) {
        if (!(error instanceof NeedCommit)) throw error;
        this.commit();
      }
    }
    throw new Error(`the operation still wants a commit after ${MOST_COMMITS} of them`);
  }

  /** Runs an operation that may find no space or no such thing: its errno, or 0. */
  attempt(operation: () => void): number {
    try {
      this.run(operation);
      return 0;
    } catch (error) {
      if (!(error instanceof FsError) || error.name === 'DamageError') throw error;
      return error.errno;
    }
  }

  /** Commits when the running transaction has become large, as the daemon does between operations. */
  settle(): void {
    const { volume } = this;
    if (volume.transactionBlocks + volume.store.revokedBlocks > SOFT_LIMIT) this.commit();
    volume.store.trim();
  }

  /** Commits and opens the volume again from its bytes; orphans are finished. */
  reopen(): void {
    this.commit();
    this.writer.close();
    const opened = openVolume(this.device);
    this.volume = opened.volume;
    this.writer = opened.writer;
    this.volume.freeBudget = this.freeBudget;
    finishOrphans(this.volume, () => this.commit());
  }
}

/** Opens a volume for writing; orphans are left. */
export function openVolume(device: MemoryDevice): {
  volume: Volume;
  writer: JournalWriter;
  replayed: number;
} {
  const { volume, nextSequence, replayed } = Volume.open(device, { readOnly: false });
  const { journalStart, journalBlocks, blockSize, totalBlocks } = volume.geometry;
  const area = { start: journalStart, blocks: journalBlocks, blockSize };
  return { volume, writer: new JournalWriter(device, area, totalBlocks, nextSequence), replayed };
}
