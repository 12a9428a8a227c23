import { allocateMemory, errno, freeMemory, type Memory } from '../system/index.js';
import { DeviceError, type FrozenTransaction, FsError, type Volume } from '../volume/index.js';
import { type Exchange, JOURNAL_QUEUE, type JobSlot, SPARE } from './exchange.js';
import { anyJob, commitJob, JOB } from './jobs.js';
import { log, logOnce } from './log.js';

/** Milliseconds after which a change is committed though nobody asked. */
const INTERVAL = 1000;
/** Milliseconds that a commit is held at most for callers who are expected to join it. */
const GATHERING = 1;
/** Bytes of a transaction at most; the copy for the journal thread takes as much memory. */
const MOST_STAGED = 64 << 20;

/** Runs when a transaction is durable; `code` is 0 or the positive errno that kept it from the disk. */
export type OnDurable = (code: number) => void;

/**
 * When transactions are committed. At most one is being written; while it is, changes gather in the next one, and who
 * waits for durability shares the commit that covers him.
 *
 * Callers who make one change after another durable would fall into two halves, of which one waits while the other is
 * written: so after a commit the next one is held until as many wait as waited for it and behind it, GATHERING at most. A single
 * caller is never held. jbd2 does the same by its max_batch_time (fs/jbd2/transaction.c, jbd2_journal_stop).
 */
export class Commits {
  private readonly volume: Volume;
  private readonly exchange: Exchange;
  /** Blocks of the running transaction from which on a commit is due: the rest of the journal's bound is for one more operation. */
  private readonly softLimit: number;
  private staging: Memory | undefined;
  private committing: { readonly id: number; readonly waiters: OnDurable[] } | undefined;
  private waiters: OnDurable[] = [];
  private asked = false;
  private dirtySince = 0;
  /** How many are expected to wait for the next commit, and until when (performance.now()) it is held for them. */
  private expected = 0;
  private heldUntil = 0;
  private ending = false;
  /** A device error ended writing: nothing more is committed, the volume is read-only. */
  failed = 0;
  onCommitted: (id: number) => void = () => {};

  constructor(volume: Volume, exchange: Exchange, maxTransactionBlocks: number) {
    this.volume = volume;
    this.exchange = exchange;
    this.softLimit = Math.floor(Math.min(maxTransactionBlocks, MOST_STAGED / volume.geometry.blockSize) / 4);
    volume.freeBudget = Math.max(8, this.softLimit >> 2);
    volume.crowdedAt = this.softLimit;
  }

  private get hasChanges(): boolean {
    return this.volume.transactionBlocks > 1;
  }

  /** Whether the running transaction is large enough to be committed now. */
  get crowded(): boolean {
    return this.volume.transactionBlocks > this.softLimit;
  }

  /** Whether requests must wait for the commit that is under way. */
  get stalled(): boolean {
    return this.committing !== undefined && this.crowded;
  }

  get busy(): boolean {
    return this.committing !== undefined || this.waiters.length > 0;
  }

  /** Whether more are expected to wait for the next commit. */
  private get gathers(): boolean {
    return this.waiters.length < this.expected && !this.crowded && !this.ending;
  }

  /** The mount has ended: nobody joins a commit any more, so none is held. */
  end(): void {
    this.ending = true;
    this.start();
  }

  /** Calls `done` when everything changed so far is durable. */
  whenDurable(done: OnDurable): void {
    if (this.failed !== 0) {
      done(this.failed);
    } else if (this.hasChanges) {
      this.waiters.push(done);
      this.asked = true;
      if (!this.gathers) this.start();
    } else if (this.committing !== undefined) {
      this.committing.waiters.push(done);
    } else {
      done(0);
    }
  }

  /** After each operation and each timeout: starts a commit when one is due. Returns milliseconds to the next, or -1. */
  tend(now: number): number {
    if (this.failed !== 0 || !this.hasChanges) {
      this.dirtySince = 0;
      return -1;
    }
    if (this.dirtySince === 0) this.dirtySince = now;
    if (this.asked && this.committing === undefined && this.gathers && now < this.heldUntil) return GATHERING;
    this.start();
    const left = this.dirtySince + INTERVAL - now;
    if (left <= 0 || this.crowded) {
      this.asked = true;
      this.start();
      return -1;
    }
    return this.committing === undefined ? Math.ceil(left) : -1;
  }

  /** Hands the running transaction to the journal thread, if none is there and a slot is free. */
  private start(): void {
    if (this.committing !== undefined || !this.asked || this.failed !== 0) return;
    const slot = this.exchange.take(SPARE.commit);
    if (slot === undefined) return;
    let used = 0;
    const { blockSize } = this.volume.geometry;
    let frozen: FrozenTransaction | undefined;
    try {
      frozen = this.volume.freeze((bytes) => {
        const at = used;
        used += blockSize;
        this.room(used).set(bytes, at);
      });
    } catch (error) {
      // A block that had left memory could not be read to take a change: nothing of this transaction reaches the disk.
      if (!(error instanceof DeviceError) && !(error instanceof FsError)) throw error;
      logOnce(error.message);
      this.exchange.give(slot);
      this.fail(errno.EIO);
      return;
    }
    this.asked = false;
    this.dirtySince = 0;
    this.expected = 0;
    const { waiters } = this;
    this.waiters = [];
    if (frozen === undefined) {
      this.exchange.give(slot);
      for (const done of waiters) done(0);
      return;
    }
    this.committing = { id: frozen.id, waiters };
    this.describe(slot, frozen, used);
    this.exchange.submit(JOURNAL_QUEUE, slot);
  }

  /** Blocks, their numbers and the revoked numbers follow each other in the staging memory. */
  private describe(slot: JobSlot, frozen: FrozenTransaction, used: number): void {
    const numbers = frozen.blocks.length;
    const revoked = frozen.revoked.length;
    const memory = this.memory(used + (numbers + revoked) * 8);
    const { fields } = slot;
    const view = new Float64Array(memory.bytes.buffer, memory.bytes.byteOffset + used, numbers + revoked);
    frozen.blocks.forEach((block, index) => {
      view[index] = block.number;
    });
    view.set(frozen.revoked, numbers);
    fields[anyJob.kind] = JOB.COMMIT;
    fields[commitJob.staging] = memory.address;
    fields[commitJob.blocks] = numbers;
    fields[commitJob.numbers] = memory.address + used;
    fields[commitJob.revokes] = revoked;
    fields[commitJob.error] = 0;
  }

  private room(bytes: number): Uint8Array {
    return this.memory(bytes).bytes;
  }

  /** The staging memory, grown to hold `bytes`; only touched pages of it are real. */
  private memory(bytes: number): Memory {
    if (this.staging === undefined || this.staging.bytes.length < bytes) {
      const grown = allocateMemory(Math.max(bytes * 2, 8 << 20));
      if (this.staging !== undefined) {
        grown.bytes.set(this.staging.bytes);
        freeMemory(this.staging);
      }
      this.staging = grown;
    }
    return this.staging;
  }

  /** The journal thread is done with a commit. */
  finished(slot: JobSlot): void {
    const code = slot.fields[commitJob.error]!;
    this.exchange.give(slot);
    const current = this.committing!;
    this.committing = undefined;
    if (code === 0) {
      this.onCommitted(current.id);
    } else {
      this.fail(code);
    }
    this.expected = current.waiters.length + this.waiters.length;
    this.heldUntil = performance.now() + GATHERING;
    for (const done of current.waiters) done(code);
    if (!this.gathers) this.start();
  }

  /** Nothing more is written; who waits gets the error. */
  fail(code: number): void {
    if (this.failed === 0)
      log('writing has failed: the volume takes no more changes until it is mounted again');
    this.failed = code === 0 ? errno.EIO : code;
    const { waiters } = this;
    this.waiters = [];
    for (const done of waiters) done(this.failed);
  }
}
