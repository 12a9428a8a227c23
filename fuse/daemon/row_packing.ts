import {
  INODE_APPEND,
  INODE_IMMUTABLE,
  NO_ID,
  PACK_LEAST_BYTES,
  PACK_LEAST_ROWS,
  PACK_LEAST_SHARE,
  PACK_MOST_BYTES,
  PACK_MOST_ROWS,
} from '@vexfs/shared';
import { addressOf, type Memory, memoryAt } from '../system/index.js';
import {
  blocksToWrite,
  FsError,
  finishTruncate,
  NeedCommit,
  NeedRead,
  readContent,
  strideOf,
  writeContent,
} from '../volume/index.js';
import { announce } from './announcements.js';
import { ENGINE_QUEUE } from './exchange.js';
import type { Filesystem } from './filesystem.js';
import { FreshRows } from './fresh_rows.js';
import { anyJob, JOB, settleJob } from './jobs.js';
import { Park } from './park.js';
import { recordBatch } from './record_batch.js';
import { segmentPairs } from './segments.js';
import { cutEnd } from './slot_recycling.js';
import { consecutive, type SlotRun } from './slot_runs.js';
import { takeJob } from './take_job.js';
import type { VectorFile } from './vector_file.js';

/** Rows that move: from[i] to to[i], both ascending. */
interface Move {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

/** Whether so many free slots are to be packed (docs/format.md, section 10). */
function isWorthwhile(slots: number, live: number, stride: number): boolean {
  const free = slots - live;
  return free * PACK_LEAST_SHARE > slots && free * stride > PACK_LEAST_BYTES;
}

function isSame(one: Move, other: Move): boolean {
  const equal = (a: Uint32Array, b: Uint32Array): boolean =>
    a.length === b.length && a.every((slot, i) => slot === b[i]);
  return equal(one.from, other.from) && equal(one.to, other.to);
}

/**
 * Gives the space of free slots back: rows from the end of a file move into them, batch by batch, and the file is cut off. A
 * batch is made when everything before it is committed, and taken by the index. Lives on the FUSE thread.
 */
export class RowPacking {
  private readonly fs: Filesystem;
  /** Files whose slots may be given back. */
  private readonly waiting = new Set<VectorFile>();
  /** Those in which it has begun, and goes on until no slot is free. */
  private readonly begun = new Set<VectorFile>();
  /** Those whose next batch is being read. */
  private readonly busy = new Set<VectorFile>();
  /** Rows of the next batch at most, where the disk had no space for the records of a larger one. */
  private readonly bounds = new Map<VectorFile, number>();
  /** The transaction whose commit has been asked for. */
  private asked = 0;

  constructor(fs: Filesystem) {
    this.fs = fs;
  }

  /** Slots of a file are free, or will be with the next commit. */
  wake(file: VectorFile): void {
    if (!this.fs.readOnly) this.waiting.add(file);
  }

  /** A set has been loaded: what was left to be done before is done now. */
  loaded(file: VectorFile): void {
    const { slots, liveRows, layout, nextId } = file.set;
    // Without an id left new slots of a file stay free: those are no leftovers.
    if (nextId !== NO_ID && isWorthwhile(slots, liveRows, strideOf(layout))) this.wake(file);
  }

  /** Whether something of a file is still to be given back. */
  isPending(file: VectorFile): boolean {
    const { fs } = this;
    return !fs.readOnly && fs.commits.failed === 0 && (this.waiting.has(file) || file.freed.length > 0);
  }

  /** After operations: the next step of each file that can make one. */
  tend(): void {
    if (this.waiting.size === 0) return;
    for (const file of [...this.waiting]) {
      try {
        this.advance(file);
      } catch (error) {
        if (error instanceof Park) continue;
        if (error instanceof NeedCommit && this.fs.canWait) this.commit();
        else if (this.fs.errnoOf(error) === undefined && !(error instanceof NeedCommit)) throw error;
        // Without space or with a device that fails it ends here: a later deletion wakes it again.
        else this.end(file);
      }
    }
  }

  private end(file: VectorFile): void {
    this.waiting.delete(file);
    this.begun.delete(file);
    this.bounds.delete(file);
    if (file.index !== undefined) this.fs.indexing.wake(file.index);
  }

  /** Asks for a commit of what has changed so far, once. */
  private commit(): void {
    const { commits, volume } = this.fs;
    if (this.asked === volume.store.transaction) return;
    this.asked = volume.store.transaction;
    commits.whenDurable(() => {});
  }

  /** Whether a file can be changed behind the scenes now. */
  private isStill(file: VectorFile): boolean {
    return !file.isStoring && file.writers === 0 && (file.index?.isQuiet ?? true);
  }

  private advance(file: VectorFile): void {
    const { fs } = this;
    if (file.isGone || fs.commits.failed !== 0 || fs.indexing.hasEnded) {
      this.end(file);
      return;
    }
    if (this.busy.has(file) || !this.isStill(file)) return;
    if (file.freed.length > 0) {
      const isAwaited = this.begun.has(file) || (file.index?.isAwaited ?? false);
      if (file.freed[0]!.transaction <= fs.committed) fs.reclaim();
      else if (isAwaited) this.commit();
      return;
    }
    cutEnd(fs, file);
    finishTruncate(fs.volume, file.inode);
    const move = this.isStill(file) ? this.next(file) : undefined;
    if (move !== undefined) this.settle(file, move);
    else if (this.isStill(file)) this.end(file);
  }

  /** The next batch; undefined when there is none. */
  private next(file: VectorFile): Move | undefined {
    const { set, ids, inode } = file;
    const { slots, liveRows } = set;
    const stride = strideOf(set.layout);
    if ((inode.flags & (INODE_APPEND | INODE_IMMUTABLE)) !== 0) return undefined;
    if (!this.begun.has(file) && !isWorthwhile(slots, liveRows, stride)) return undefined;
    const bound = this.bounds.get(file) ?? PACK_MOST_ROWS;
    const most = Math.max(1, Math.min(bound, Math.floor(PACK_MOST_BYTES / stride)));
    const free = new Uint32Array(most);
    const found = ids.freeSlots(0, addressOf(new Uint8Array(free.buffer)), most);
    const to = free.subarray(0, found).filter((slot) => slot < liveRows);
    if (to.length === 0) return undefined;
    const info = ids.info();
    const live = memoryAt(info.live, Math.ceil(info.slots / 64) * 8).bytes;
    const from = new Uint32Array(to.length);
    let left = to.length;
    for (let slot = info.slots - 1; left > 0; slot--) {
      if ((live[slot >> 3]! & (1 << (slot & 7))) === 0) continue;
      left -= 1;
      from[left] = slot;
    }
    return { from, to };
  }

  /** A thread has mapped stores to the file written back, and reads the rows; then they move. Throws Park, ENOMEM. */
  private settle(file: VectorFile, move: Move): void {
    const { fs } = this;
    const { inode, set } = file;
    const { dataOffset } = set.layout;
    const stride = strideOf(set.layout);
    const pairs: number[] = [];
    for (const { slot, count } of consecutive(Array.from(move.from)))
      pairs.push(...segmentPairs(fs.volume, inode, dataOffset + slot * stride, count * stride));
    const rowsAt = pairs.length * 8;
    const { slot, memory } = takeJob(fs, rowsAt + move.from.length * (stride + 8));
    new Float64Array(memory.bytes.buffer, memory.bytes.byteOffset, pairs.length).set(pairs);
    const { fields } = slot;
    fields[anyJob.kind] = JOB.SETTLE;
    fields[anyJob.unique] = 0;
    fields[anyJob.node] = inode.number;
    fields[settleJob.from] = dataOffset + move.to[0]! * stride;
    fields[settleJob.segments] = pairs.length / 2;
    fields[settleJob.segmentsAt] = memory.address;
    fields[settleJob.room] = memory.address + rowsAt;
    this.busy.add(file);
    this.begun.add(file);
    file.pins += 1;
    fs.pin(slot, () => {
      file.pins -= 1;
      this.busy.delete(file);
      try {
        this.settled(file, move, memory);
      } catch (error) {
        if (error instanceof NeedCommit && fs.canWait) this.commit();
        else if (fs.errnoOf(error) === undefined && !(error instanceof NeedCommit)) throw error;
        else this.end(file);
      } finally {
        fs.transfer.give(memory);
      }
    });
    fs.submit(ENGINE_QUEUE, slot, 0);
  }

  /** The rows are in the page cache: they move, unless the file has changed meanwhile. Throws ENOSPC, ENOMEM, NeedCommit. */
  private settled(file: VectorFile, planned: Move, memory: Memory): void {
    const { fs } = this;
    if (file.isGone || fs.commits.failed !== 0 || file.freed.length > 0 || !this.isStill(file)) return;
    const move = this.next(file);
    if (move === undefined || !isSame(move, planned)) return;
    const { volume, vectors } = fs;
    const { inode, set, ids } = file;
    const { dataOffset } = set.layout;
    const stride = strideOf(set.layout);
    const rows = move.from.length;
    const data = memory.bytes.subarray(0, rows * stride);
    try {
      let at = 0;
      for (const { slot, count } of consecutive(Array.from(move.from))) {
        const into = data.subarray(at, at + count * stride);
        this.readHeld(() => readContent(volume, inode, dataOffset + slot * stride, into));
        at += into.length;
      }
    } catch (error) {
      // It has left the page cache again: the next step reads it once more.
      if (error instanceof NeedRead) return;
      throw error;
    }
    fs.requireWritable();
    fs.actFor(0, 0);
    const runs: SlotRun[] = [];
    let row = 0;
    let blocks = set.blocksFor(2 * rows);
    for (const { slot, count } of consecutive(Array.from(move.to))) {
      runs.push({ slot, row, count });
      row += count;
      blocks += blocksToWrite(volume, inode, dataOffset + slot * stride, count * stride);
    }
    if (!this.hasSpace(file, rows, blocks)) return;
    vectors.reserve(ids, set.slots, set.liveRows + rows);
    const fresh = new FreshRows(
      file,
      runs.map(({ slot, count }) => ({ offset: dataOffset + slot * stride, length: count * stride })),
    );
    let isPublished = false;
    try {
      for (const { slot, row: first, count } of runs) {
        const row = data.subarray(first * stride, (first + count) * stride);
        // What the transaction has no room for gets its blocks with the next ones, before the batch is tried again.
        if (writeContent(volume, inode, dataOffset + slot * stride, row) < row.length) throw new NeedCommit();
      }
      if (!volume.hasRoom(set.notesFor(2 * rows))) throw new NeedCommit();
      this.publish(file, move, runs, memory, Math.ceil((rows * stride) / 8) * 8, fresh);
      isPublished = true;
    } finally {
      if (!isPublished) fresh.end();
    }
  }

  /** Reads what a job has just read. Throws NeedRead when the page cache has let go of it, where that can be told. */
  private readHeld(work: () => void): void {
    const { device, volume } = this.fs;
    if (device.tellsCached) volume.store.withoutWaiting(work);
    else volume.store.waitingAnyway(work);
  }

  /** Whether there are so many blocks for a batch of `rows`; else the next one is smaller: on a full disk this is how space comes back. Throws ENOSPC, NeedCommit. */
  private hasSpace(file: VectorFile, rows: number, blocks: number): boolean {
    try {
      this.fs.volume.requireBlocks(blocks);
      file.set.requireNotes(2 * rows);
    } catch (error) {
      if (!(error instanceof FsError) || error instanceof NeedCommit || rows <= PACK_LEAST_ROWS) throw error;
      this.bounds.set(file, Math.floor(rows / 2));
      return false;
    }
    this.bounds.delete(file);
    return true;
  }

  /** The records that make the rows live in their new slots, as a batch that replaces them would. `idsAt`: room for their ids. */
  private publish(
    file: VectorFile,
    move: Move,
    runs: SlotRun[],
    memory: Memory,
    idsAt: number,
    fresh: FreshRows,
  ): void {
    const { fs } = this;
    const { ids, set, inode } = file;
    const rows = move.from.length;
    ids.setEpoch(fs.volume.store.transaction);
    const info = ids.info();
    const table = memoryAt(info.ids, info.slots * 8).view;
    move.from.forEach((slot, row) => {
      memory.view.setBigUint64(idsAt + row * 8, table.getBigUint64(slot * 8, true), true);
    });
    const old = Array.from(move.from);
    file.behindTheScenes(() =>
      fs.vectors.whole(() => {
        recordBatch(file, { rows, ids: memory.address + idsAt, memory }, runs, old);
        file.takeFreeSlots(Array.from(move.to));
        file.freed.push({ transaction: fs.volume.store.transaction, slots: old });
        fs.vectors.compactIfDue(file);
      }),
    );
    const from = set.layout.dataOffset + move.to[0]! * strideOf(set.layout);
    announce(fs, inode, { unique: 0, from, end: -1, sync: false, fresh });
  }
}
