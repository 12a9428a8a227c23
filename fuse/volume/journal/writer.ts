import { Errno } from '@vexfs/shared';
import type { BlockDevice } from '../../system/device.js';
import { JournalError } from './error.js';
import { nextSequence, revokesPerBlock, sequenceDistance } from './format.js';
import { type JournalArea, openJournal, writeTail } from './superblock.js';
import { TransactionBlocks, tagsPerRun } from './transaction-blocks.js';

/** The new content of a block of the volume: `data` is one block long and stays unchanged during the commit. */
export interface JournaledBlock {
  readonly number: number;
  readonly data: Uint8Array;
}

/** What one transaction changes. */
export interface Transaction {
  /** Metadata to be logged. A block that is named twice ends with the later content. */
  readonly blocks: Iterable<JournaledBlock>;
  /**
   * Metadata blocks that were freed: no older copy of them may be replayed. A block that is also in `blocks` was
   * allocated again, and its revoke is left out.
   */
  readonly revoked: Iterable<number>;
}

/** A committed transaction that still occupies the log. */
interface Live {
  readonly sequence: number;
  readonly start: number;
  readonly length: number;
}

/**
 * Commits transactions to a clean journal.
 *
 * A commit is: log blocks, flush, commit block, flush. Its first flush also makes durable whatever was written in place
 * before: the plain data that the transaction refers to, and the metadata of earlier transactions, whose space in the
 * log may be used again from then on. Only the transactions named by `checkpointed` count as written in place.
 *
 * The tail in the superblock moves before a commit's first flush, and the space behind it is used after that flush, so
 * a tail that the disk may still hold never points at blocks that are being overwritten.
 */
export class JournalWriter {
  /** The most blocks that a transaction without revokes may have. */
  readonly maxTransactionBlocks: number;
  readonly #device: BlockDevice;
  readonly #area: JournalArea;
  readonly #volumeBlocks: number;
  readonly #superblock: Uint8Array;
  readonly #log: TransactionBlocks;
  readonly #first: number;
  readonly #last: number;
  readonly #maxLogBlocks: number;
  /** Where the next transaction begins, and its sequence number. */
  #head: number;
  #sequence: number;
  #free: number;
  /** Blocks behind a tail that is written but not yet durable. */
  #freeAfterFlush = 0;
  #clean = true;
  #state: 'open' | 'failed' | 'closed' = 'open';
  /** Oldest first. Of these the first `#durable` are in place for good, the first `#issued` are written in place. */
  #live: Live[] = [];
  #durable = 0;
  #issued = 0;
  #lastTime = 0;

  /**
   * `sequence` is the `nextSequence` that recover() returned, `volumeBlocks` the size of the volume in blocks. Throws
   * JournalError when the journal is not clean, and as openJournal does.
   */
  constructor(device: BlockDevice, area: JournalArea, volumeBlocks: number, sequence: number) {
    const state = openJournal(device, area);
    if (state.start !== 0) {
      throw new JournalError('The journal has transactions that must be replayed first.', Errno.EUCLEAN);
    }
    if (!Number.isInteger(sequence) || sequence < 0 || sequence > 0xffffffff) {
      throw new JournalError(`${sequence} is no sequence number.`, Errno.EINVAL);
    }
    this.#device = device;
    this.#area = area;
    this.#volumeBlocks = volumeBlocks;
    this.#superblock = state.block;
    this.#first = state.first;
    this.#last = state.last;
    this.#head = state.first;
    this.#sequence = sequence;
    this.#free = state.last - state.first;
    this.#maxLogBlocks = Math.floor(this.#free / 3);
    this.maxTransactionBlocks = largestTransaction(this.#maxLogBlocks, area.blockSize);
    this.#log = new TransactionBlocks(device, area, state);
  }

  /** Whether a device error has ended this writer; what was committed before is safe. */
  get failed(): boolean {
    return this.#state === 'failed';
  }

  /** Whether a transaction of so many blocks and revokes can be committed. */
  fits(blocks: number, revokes: number): boolean {
    return logBlocks(blocks, revokes, this.#area.blockSize) <= this.#maxLogBlocks;
  }

  /**
   * Makes a transaction durable and returns its sequence number. The caller then writes the blocks in place and calls
   * `checkpointed`. Without blocks and revokes it only flushes, and returns the number of the transaction before.
   *
   * Throws JournalError and changes nothing: EINVAL for a block that is not of the volume or not one block long, E2BIG
   * when the transaction does not fit, ENOSPC when the log is full of transactions that are not checkpointed. Throws
   * DeviceError, after which the writer has failed and it is open whether this transaction will be replayed.
   */
  commit(transaction: Transaction): number {
    this.#checkOpen();
    const blocks = Array.from(transaction.blocks);
    for (const block of blocks) this.#checkBlock(block);
    const revoked = this.#effectiveRevokes(transaction.revoked, blocks);
    if (blocks.length === 0 && revoked.length === 0) {
      this.#guarded(() => this.#flush());
      return (this.#sequence - 1) >>> 0;
    }
    const length = logBlocks(blocks.length, revoked.length, this.#area.blockSize);
    if (length > this.#maxLogBlocks) {
      throw new JournalError(
        `A transaction of ${blocks.length} blocks and ${revoked.length} revokes needs ${length} log blocks; ` +
          `${this.#maxLogBlocks} is the most.`,
        Errno.E2BIG,
      );
    }
    this.#makeSpace(length);
    const sequence = this.#sequence;
    this.#guarded(() => {
      this.#passTail(length);
      this.#log.begin(this.#head, sequence);
      this.#log.revoke(revoked);
      this.#log.add(blocks);
      this.#log.end();
      this.#flush();
      this.#log.commit(this.#time());
      this.#flush();
    });
    this.#live.push({ sequence, start: this.#head, length });
    this.#head = this.#log.position;
    this.#free -= length;
    this.#sequence = nextSequence(sequence);
    return sequence;
  }

  /** States that the blocks of all transactions up to `sequence` have been written in place (flushed or not). */
  checkpointed(sequence: number): void {
    if (sequenceDistance(sequence, this.#sequence) >= 0) {
      throw new JournalError(`Transaction ${sequence} is not committed yet.`, Errno.EINVAL);
    }
    while (this.#issued < this.#live.length) {
      if (sequenceDistance(this.#live[this.#issued]!.sequence, sequence) > 0) return;
      this.#issued++;
    }
  }

  /**
   * Ends the writer. When every transaction is checkpointed, the journal is clean afterwards and the result is true;
   * otherwise, or when the writer has failed, those that are not remain to be replayed. Throws DeviceError.
   */
  close(): boolean {
    if (this.#state === 'failed') return false;
    this.#checkOpen();
    this.#guarded(() => {
      this.#flush();
      this.#forget();
      if (this.#clean) return;
      if (this.#live.length === 0) {
        writeTail(this.#device, this.#area, this.#superblock, 0, this.#sequence);
        this.#clean = true;
      } else this.#writeTail();
      this.#device.flush();
    });
    this.#state = 'closed';
    return this.#clean;
  }

  #checkOpen(): void {
    if (this.#state === 'open') return;
    throw new JournalError(
      this.#state === 'failed'
        ? 'The journal has failed and takes no more transactions.'
        : 'The journal is closed.',
      Errno.EIO,
    );
  }

  #checkBlock({ number, data }: JournaledBlock): void {
    const { start, blocks, blockSize } = this.#area;
    const inside = Number.isSafeInteger(number) && number >= 0 && number < this.#volumeBlocks;
    if (!inside || (number >= start && number < start + blocks)) {
      throw new JournalError(`Block ${number} cannot be journaled.`, Errno.EINVAL);
    }
    if (data.length !== blockSize) {
      throw new JournalError(
        `Block ${number} came with ${data.length} bytes, not ${blockSize}.`,
        Errno.EINVAL,
      );
    }
  }

  #effectiveRevokes(revoked: Iterable<number>, blocks: readonly JournaledBlock[]): number[] {
    const numbers = new Set(revoked);
    for (const number of numbers) {
      if (!Number.isSafeInteger(number) || number < 0 || number >= this.#volumeBlocks) {
        throw new JournalError(`Block ${number} cannot be revoked.`, Errno.EINVAL);
      }
    }
    // A revoke covers the transaction that carries it, so it would undo the new content.
    if (numbers.size > 0) for (const { number } of blocks) numbers.delete(number);
    return [...numbers];
  }

  /** When the log is too full for `length` blocks: moves the tail at the price of a flush or two. */
  #makeSpace(length: number): void {
    if (length <= this.#free) return;
    const freed = this.#live.slice(0, this.#issued).reduce((sum, live) => sum + live.length, 0);
    if (length > this.#free + freed) {
      const oldest = this.#live[this.#issued];
      throw new JournalError(
        `The log is full; transaction ${oldest?.sequence} is not checkpointed.`,
        Errno.ENOSPC,
      );
    }
    this.#guarded(() => {
      if (this.#durable < this.#issued) this.#flush();
      this.#forget();
      this.#writeTail();
      this.#flush();
    });
  }

  /**
   * Moves the tail at no price, when less than half of the ring would be left: the superblock goes out with the
   * transaction. The first transaction of a clean journal always needs it.
   */
  #passTail(length: number): void {
    const short = this.#free - length < (this.#last - this.#first) / 2;
    if (!this.#clean && (!short || this.#durable === 0)) return;
    this.#forget();
    this.#writeTail();
    this.#clean = false;
  }

  /** Drops the transactions that are in place for good; their space is free once a new tail is durable. */
  #forget(): void {
    for (const { length } of this.#live.splice(0, this.#durable)) this.#freeAfterFlush += length;
    this.#issued -= this.#durable;
    this.#durable = 0;
  }

  #writeTail(): void {
    const oldest = this.#live[0];
    const start = oldest === undefined ? this.#head : oldest.start;
    const sequence = oldest === undefined ? this.#sequence : oldest.sequence;
    writeTail(this.#device, this.#area, this.#superblock, start, sequence);
  }

  #flush(): void {
    const { length } = this.#live;
    const issued = Math.min(this.#issued, length);
    this.#device.flush();
    this.#durable = issued;
    this.#free += this.#freeAfterFlush;
    this.#freeAfterFlush = 0;
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#state = 'failed';
      throw error;
    }
  }

  /** Milliseconds since the epoch; never falls, because jbd2 tells old log blocks from new ones by it. */
  #time(): number {
    this.#lastTime = Math.max(this.#lastTime, Date.now());
    return this.#lastTime;
  }
}

/** Log blocks of a transaction: revoke blocks, descriptors, copies, commit block. */
function logBlocks(blocks: number, revokes: number, blockSize: number): number {
  return (
    Math.ceil(revokes / revokesPerBlock(blockSize)) + Math.ceil(blocks / tagsPerRun(blockSize)) + blocks + 1
  );
}

function largestTransaction(limit: number, blockSize: number): number {
  const perRun = tagsPerRun(blockSize);
  const blocks = limit - 1 - Math.ceil((limit - 1) / (perRun + 1));
  return logBlocks(blocks + 1, 0, blockSize) <= limit ? blocks + 1 : blocks;
}
