import type { IdTable } from '../engine/index.js';
import { addressOf, errno } from '../system/index.js';
import { DamageError, EUCLEAN, FsError, type Inode, type VectorSet } from '../volume/index.js';
import type { FreshRows } from './fresh_rows.js';
import type { FileIndex } from './indexing/file_index.js';
import type { RowMapping } from './row_mapping.js';
import type { UnfinishedAppend } from './unfinished_append.js';

/** Log blocks below which compaction is not worth looking for. */
export const LEAST_COMPACTED = 8;
/** Slots that are deleted, or looked at, at a time. */
export const SLOT_PIECE = 65536;

/** Slots that a transaction freed: reusable when it is committed and no search begun before is left. */
interface FreedSlots {
  readonly transaction: number;
  slots: number[];
}

/** A vector set in use: its header and log on the volume, its ids in the engine, its rows mapped. */
export class VectorFile {
  readonly inode: Inode;
  readonly set: VectorSet;
  ids: IdTable;
  /** Free slots below the slot count that may take rows now, ascending. */
  freeSlots: number[] = [];
  freed: FreedSlots[] = [];
  mapping: RowMapping | undefined;
  /** Rows whose pages the kernel may still have as they were before. */
  readonly fresh = new Set<FreshRows>();
  /** Whether a write(2) has appended to it since it was loaded. */
  isAppendedTo = false;
  /** An appending write(2) of which more may come before rows are added. */
  unfinishedAppend: UnfinishedAppend | undefined;
  /** Transaction that cut off live rows last: until it is committed, their bytes may be needed again. */
  cutIn = 0;
  /** Searches and other jobs that use it. */
  pins = 0;
  /** Jobs that write into its blocks: until they are done it keeps its size and its extents. */
  writers = 0;
  /** Whether one of them writes a batch, or a write(2) behind its end goes on in the next transaction: the next batch waits. */
  isStoring = false;
  /** Deleted, or let go: what comes back to it must not change it. */
  isGone = false;
  /** Log blocks at which compaction is considered next. */
  compactAt = LEAST_COMPACTED;
  /** Its index, when it has one. */
  index: FileIndex | undefined;
  searches = 0;
  rowsScanned = 0;
  insertCalls = 0;
  rowsInserted = 0;

  constructor(inode: Inode, set: VectorSet, ids: IdTable) {
    this.inode = inode;
    this.set = set;
    this.ids = ids;
  }

  /** Rows slot..slot+count-1 die. 0 or -errno. */
  deleteSlots(slot: number, count: number): number {
    if (slot + count > this.ids.info().slots) return -EUCLEAN;
    const slots = new Uint32Array(Math.max(32, Math.min(count, SLOT_PIECE)));
    for (let done = 0; done < count; done += SLOT_PIECE) {
      const piece = Math.min(SLOT_PIECE, count - done);
      for (let i = 0; i < piece; i++) slots[i] = slot + done + i;
      const result = this.ids.deleteSlots(addressOf(new Uint8Array(slots.buffer)), piece);
      if (result < 0) return result;
    }
    return 0;
  }

  /** Rows have been put into the first of the free slots. */
  takeFreeSlots(slots: readonly number[]): void {
    const last = slots.length - 1;
    if (this.freeSlots[last] === slots[last]) {
      this.freeSlots = this.freeSlots.slice(slots.length);
    } else {
      const taken = new Set(slots);
      this.freeSlots = this.freeSlots.filter((slot) => !taken.has(slot));
    }
  }

  /** Changes its rows as no call has asked for. */
  behindTheScenes(work: () => void): void {
    if (this.index === undefined) work();
    else this.index.queue.behindTheScenes(work);
  }

  /** Free slots got bytes that no row has: they are zeroed like freed ones before they are used. */
  discard(slots: readonly number[], transaction: number): void {
    if (slots.length === 0) return;
    this.takeFreeSlots(slots);
    this.freed.push({ transaction, slots: [...slots] });
  }

  /** What `ids` answered must not happen here: the checks came before. */
  must(result: number): void {
    if (result === -errno.ENOMEM) throw new FsError(errno.ENOMEM);
    if (result < 0)
      throw new DamageError(`the row log of inode ${this.inode.number} contradicts itself (${result})`);
  }
}
