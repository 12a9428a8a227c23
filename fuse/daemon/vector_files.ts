import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { NO_ID, RECORD_DELETE, RECORD_PUT, RECORD_RANGE } from '@vexfs/shared';
import { IdTable } from '../engine/index.js';
import { addressOf, errno, memoryAt } from '../system/index.js';
import {
  DamageError,
  FsError,
  type Inode,
  idOf,
  type RowLayout,
  slotsIn,
  VectorSet,
  type Volume,
} from '../volume/index.js';
import type { Indexing } from './indexing/indexing.js';
import { Park } from './park.js';
import { canMap, RowMapping } from './row_mapping.js';
import type { RowPacking } from './row_packing.js';
import { LEAST_COMPACTED, SLOT_PIECE, VectorFile } from './vector_file.js';

/** Vector files kept loaded though nobody has them open. */
const MOST_IDLE = 32;
/** What an id table takes for a slot and for a row, in bytes: an array of ids that grows by halves, a hash at 3/8 to 3/4. */
const SLOT_BYTES = 13;
const ROW_BYTES = 22;
/** Growth of an id table that needs no look at what all of them hold together. */
const SMALL_GROWTH = 16 << 20;
/** Bytes that the id tables of a mount may hold: rows are made by a mere truncate(2), so somebody has to count. */
const MOST_TABLES = Math.floor(totalmem() / 2);
/**
 * Mapped regions and reserved addresses of all files together. A process has 65,530 regions (vm.max_map_count) and 2^47
 * bytes of addresses, and when they run out any thread fails, the JavaScript heap too.
 */
const MOST_REGIONS = 24_000;
const MOST_RESERVED = 2 ** 45;
/** Free slots of a file that are listed: a sparse file whose ids have run out may have billions. */
const MOST_FREE = 1 << 20;

/** Memory to be freed when no search that began before `transaction` ended is left. */
interface Retired {
  readonly transaction: number;
  readonly free: () => void;
}

/** All vector sets in use on a mount. */
export class VectorFiles {
  private readonly volume: Volume;
  private readonly fd: number;
  private readonly canMap: boolean;
  private readonly files = new Map<number, VectorFile>();
  /** Numbers of the hidden inodes that loaded sets hold. */
  private readonly hidden = new Set<number>();
  private retired: Retired[] = [];
  /** What the mappings take, those included that are still to be unmapped. */
  private regions = 0;
  private reserved = 0;
  /** Keeps the indexes of a mount; without it sets are used as if they had none. */
  indexing: Indexing | undefined;
  /** Gives back the space of free slots; without it they stay where they are. */
  packing: RowPacking | undefined;
  /** Slots that no row and no search needs any more. */
  onFreed: (file: VectorFile, slots: number[]) => void = () => {};
  /** An inode without links whose blocks are to be freed over several transactions. */
  onOrphan: (inode: Inode) => void = () => {};
  /** Half of a change is in memory and the rest failed: nothing of it may reach the disk. */
  onBroken: (error: unknown) => void = () => {};

  constructor(volume: Volume, fd: number) {
    this.volume = volume;
    this.fd = fd;
    this.canMap = canMap(volume, fd);
  }

  /** The set of an inode, or undefined when it has none. Reads the whole row log the first time. */
  get(inode: Inode): VectorFile | undefined {
    if (inode.vectorSet === 0) return undefined;
    const file = this.files.get(inode.number) ?? this.load(inode);
    // Arrays that the table replaces from here on may be read by searches of this transaction and earlier ones.
    file.ids.setEpoch(this.volume.store.transaction);
    return file;
  }

  /** The set of an inode if it is in use: it has been since the file last got longer. */
  loaded(inode: Inode): VectorFile | undefined {
    return this.files.get(inode.number);
  }

  isAppendedTo(number: number): boolean {
    return this.files.get(number)?.isAppendedTo ?? false;
  }

  /** Whether the inode cache has to keep an inode. */
  holds(number: number): boolean {
    return this.files.has(number) || this.hidden.has(number);
  }

  private load(inode: Inode): VectorFile {
    const set = VectorSet.open(this.volume, inode);
    const ids = new IdTable(randomBytes(8).readBigUInt64LE());
    const file = new VectorFile(inode, set, ids);
    const index = this.indexing?.load(file);
    let known = 0;
    let record = 0;
    try {
      set.replay((type, at, low, high, count) => {
        index?.replayed(record, type, at, low, high, count);
        record += 1;
        if (type === RECORD_PUT || type === RECORD_RANGE) {
          // What a log claims is no reason to take all memory: it is counted as the growth of a file is.
          if (at + count > known + SLOT_PIECE) {
            known = at + count;
            this.reserve(ids, known, ids.info().rows + count, 0);
          }
          file.must(ids.putRange(at, idOf(low, high), count));
        } else if (type === RECORD_DELETE) {
          file.must(file.deleteSlots(at, count));
        } else if (at < ids.info().slots) {
          file.must(ids.truncate(at));
        }
      });
      const { slots, rows, idBound } = ids.info();
      if (slots > set.slots)
        throw new DamageError(`the row log of inode ${inode.number} knows more slots than its file has`);
      if (rows !== set.liveRows)
        throw new DamageError(`the vector set of inode ${inode.number} counts its rows wrong`);
      if (idBound > set.nextId)
        throw new DamageError(`the vector set of inode ${inode.number} has ids past its mark`);
      if (slots < set.slots) {
        this.reserve(ids, set.slots, rows);
        file.must(ids.truncate(set.slots));
      }
    } catch (error) {
      ids.destroy();
      if (index !== undefined) this.indexing?.letGo(index);
      throw error;
    }
    file.freeSlots = this.findFree(file);
    file.index = index;
    if (index !== undefined) this.indexing?.loaded(index);
    this.adopt(file);
    this.packing?.loaded(file);
    return file;
  }

  private adopt(file: VectorFile): void {
    this.files.set(file.inode.number, file);
    this.hidden.add(file.set.inode.number);
  }

  /** The lowest free slots; what lies behind the most that are kept is found when the file is loaded again. */
  private findFree(file: VectorFile): number[] {
    const free: number[] = [];
    const piece = new Uint32Array(SLOT_PIECE);
    const address = addressOf(new Uint8Array(piece.buffer));
    for (let from = 0; free.length < MOST_FREE; ) {
      const count = file.ids.freeSlots(from, address, SLOT_PIECE);
      for (let i = 0; i < count; i++) free.push(piece[i]!);
      if (count < SLOT_PIECE) break;
      from = piece[count - 1]! + 1;
    }
    return free;
  }

  /** Gives an inode a set, or a set without rows another layout, and takes the bytes that are there as rows. */
  define(inode: Inode, layout: RowLayout): void {
    this.requireStill(inode);
    const existing = this.get(inode);
    if (existing === undefined) this.volume.requireBlocks(VectorSet.createBlocks);
    const slots = slotsIn(layout, inode.size);
    if (existing === undefined) {
      const ids = new IdTable(randomBytes(8).readBigUInt64LE());
      let file: VectorFile;
      try {
        this.reserve(ids, slots, slots);
        file = new VectorFile(inode, VectorSet.create(this.volume, inode), ids);
      } catch (error) {
        ids.destroy();
        throw error;
      }
      this.adopt(file);
      this.whole(() => this.lay(file, layout, slots));
    } else {
      this.volume.requireBlocks(existing.set.blocksFor(2));
      this.reserve(existing.ids, slots, slots);
      this.whole(() => {
        if (existing.set.slots > 0) existing.set.appendTruncate(0);
        this.cutTable(existing, 0);
        existing.freeSlots = [];
        existing.freed = [];
        this.lay(existing, layout, slots);
      });
      this.indexing?.outdated(existing);
    }
  }

  private lay(file: VectorFile, layout: RowLayout, slots: number): void {
    file.set.layout = layout;
    file.set.slots = 0;
    file.set.liveRows = 0;
    this.grow(file, slots);
  }

  /**
   * Makes room in an id table, so that puts of up to `certain` rows cannot fail for want of memory; `rows` is how many there may
   * come to be. Throws ENOMEM.
   */
  reserve(ids: IdTable, slots: number, rows: number, certain: number = rows): void {
    const { slotCapacity, memoryBytes } = ids.info();
    const growth = slots <= slotCapacity ? 0 : slots * SLOT_BYTES + rows * ROW_BYTES - memoryBytes;
    if (growth > SMALL_GROWTH) {
      let held = 0;
      for (const file of this.files.values()) held += file.ids.info().memoryBytes;
      if (held + growth > MOST_TABLES)
        throw new FsError(errno.ENOMEM, 'the ids of the rows need too much memory');
    }
    const result = ids.reserve(slots, certain);
    if (result < 0) throw new FsError(-result);
  }

  /** Runs changes that belong together; one that fails half-way ends all writing. */
  whole(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.onBroken(error);
      throw error;
    }
  }

  /** Cuts the id table. Slots behind the cut may get other ids at once, so searches under way keep the table as it was. */
  private cutTable(file: VectorFile, slots: number): void {
    if (file.pins > 0) {
      const old = file.ids;
      const info = old.info();
      const fresh = new IdTable(randomBytes(8).readBigUInt64LE());
      if (fresh.reserve(info.slots, info.rows) === 0) {
        this.forRuns(file, (slot, low, high, count) => {
          file.must(fresh.putRange(slot, idOf(low, high), count));
        });
        fresh.setEpoch(this.volume.store.transaction);
        file.ids = fresh;
        this.retire(file, () => old.destroy());
      } else {
        fresh.destroy();
      }
    }
    file.must(file.ids.truncate(slots));
  }

  /** Slots from the known ones up to `slots` become rows, with ids from the mark on while there are any. */
  private grow(file: VectorFile, slots: number): void {
    const known = file.set.slots;
    const { nextId } = file.set;
    const left = NO_ID - nextId;
    const count = Math.min(slots - known, left > 0xffff_ffffn ? 0xffff_ffff : Number(left));
    if (count > 0) {
      file.must(file.ids.putRange(known, nextId, count));
      file.set.appendPut(known, Number(nextId & 0xffff_ffffn), Number(nextId >> 32n), count);
      file.set.nextId = nextId + BigInt(count);
    }
    if (known + count < slots) {
      file.must(file.ids.truncate(slots));
      const end = Math.min(slots, known + count + MOST_FREE);
      for (let slot = known + count; slot < end; slot++) file.freeSlots.push(slot);
    }
    file.set.slots = slots;
    file.set.liveRows = file.ids.info().rows;
  }

  /** Before the blocks of a file change. Throws Park while a thread writes into them. */
  requireStill(inode: Inode): void {
    const file = this.files.get(inode.number);
    if (file !== undefined && file.writers > 0) throw new Park();
  }

  /**
   * Before the size of a file changes: its set is loaded, log and id table have room. Throws ENOSPC, ENOMEM, NeedCommit, Park,
   * EUCLEAN.
   */
  beforeResize(inode: Inode, size: number): void {
    const file = this.get(inode);
    if (file === undefined) return;
    this.requireStill(inode);
    this.volume.requireBlocks(file.set.blocksFor(1));
    const slots = slotsIn(file.set.layout, size);
    const more = slots - file.set.slots;
    if (more > 0) this.reserve(file.ids, slots, file.ids.info().rows + more);
  }

  /** Blocks that must be left after `beforeResize` until `afterResize`. */
  blocksToResize(inode: Inode): number {
    return this.files.get(inode.number)?.set.blocksFor(1) ?? 0;
  }

  /** After the size of a file has changed, in the same transaction: the log follows. */
  afterResize(inode: Inode): void {
    const file = this.files.get(inode.number);
    if (file === undefined) return;
    const slots = slotsIn(file.set.layout, inode.size);
    const known = file.set.slots;
    if (slots > known) {
      this.whole(() => this.grow(file, slots));
    } else if (slots < known) {
      this.whole(() => {
        this.cutTable(file, slots);
        file.set.appendTruncate(slots);
        file.set.slots = slots;
        const { rows } = file.ids.info();
        if (rows < file.set.liveRows) file.cutIn = this.volume.store.transaction;
        file.set.liveRows = rows;
      });
      file.freeSlots = file.freeSlots.filter((slot) => slot < slots);
      for (const freed of file.freed) freed.slots = freed.slots.filter((slot) => slot < slots);
      file.freed = file.freed.filter((freed) => freed.slots.length > 0);
      // Who waits for the space is told when nothing of it is left.
      if (file.index !== undefined) this.indexing?.wake(file.index);
    }
  }

  /** The mapping of a file's content as it is now, or undefined where it has to be read. */
  mapping(file: VectorFile): RowMapping | undefined {
    if (!this.canMap) return undefined;
    const { mapping: had } = file;
    if (had !== undefined) {
      const before = had.regions;
      const follows = had.extend(this.volume, file.inode);
      this.regions += had.regions - before;
      if (follows && this.regions <= MOST_REGIONS) return had;
      this.retireMapping(file);
      if (follows) return undefined;
    }
    const limits = { regions: MOST_REGIONS - this.regions, bytes: MOST_RESERVED - this.reserved };
    const mapping = RowMapping.create(this.volume, this.fd, file.inode, limits);
    if (mapping === undefined) {
      this.unmapIdle();
      return undefined;
    }
    this.regions += mapping.regions;
    this.reserved += mapping.reserved;
    file.mapping = mapping;
    return mapping;
  }

  /** Lets go of mappings that no search uses, when they have become too many for another. */
  private unmapIdle(): void {
    if (this.regions < MOST_REGIONS / 2 && this.reserved < MOST_RESERVED / 2) return;
    for (const file of this.files.values()) if (file.pins === 0) this.retireMapping(file);
  }

  private retireMapping(file: VectorFile): void {
    const { mapping } = file;
    if (mapping === undefined) return;
    file.mapping = undefined;
    this.retire(file, () => {
      mapping.unmap();
      this.regions -= mapping.regions;
      this.reserved -= mapping.reserved;
    });
  }

  /** Frees what searches may read: at once when none uses the file, else when those that do have ended. */
  retire(file: VectorFile, free: () => void): void {
    if (file.pins === 0) free();
    else this.retired.push({ transaction: this.volume.store.transaction, free });
  }

  /** The inode is being deleted. */
  drop(inode: Inode): void {
    const file = this.files.get(inode.number);
    if (file === undefined) return;
    this.letGo(file);
  }

  private letGo(file: VectorFile): void {
    file.isGone = true;
    this.files.delete(file.inode.number);
    this.hidden.delete(file.set.inode.number);
    this.retireMapping(file);
    if (file.index !== undefined) this.indexing?.letGo(file.index);
    this.retire(file, () => file.ids.destroy());
  }

  /** Writes the log anew when it is more than twice what the live rows need. */
  compactIfDue(file: VectorFile): void {
    if (file.set.logBlocks < file.compactAt) return;
    let runs = 0;
    this.forRuns(file, () => {
      runs += 1;
    });
    // The new log is an inode of its own: without one the old log stays, as it does without blocks.
    const isPossible = file.set.logRecords > 2 * runs && this.volume.superblock.freeInodes > 0;
    const isPlaced = isPossible && file.set.blocksFor(runs) <= this.volume.blocks.available;
    if (isPlaced && this.volume.hasRoom(file.set.notesFor(runs) + this.volume.freeBudget)) {
      const rest = file.set.compact((emit) => this.forRuns(file, emit));
      if (rest !== undefined) this.onOrphan(rest);
    }
    file.compactAt = Math.max(LEAST_COMPACTED, file.set.logBlocks * 2);
  }

  /** Visits maximal runs of live slots whose ids follow each other: one record each. Makes no objects: there may be millions. */
  private forRuns(
    file: VectorFile,
    visit: (slot: number, idLow: number, idHigh: number, count: number) => void,
  ): void {
    const { ids, live, slots } = file.ids.info();
    if (slots === 0) return;
    const idBytes = memoryAt(ids, slots * 8).bytes;
    const halves = new Uint32Array(idBytes.buffer, idBytes.byteOffset, slots * 2);
    const liveBytes = memoryAt(live, Math.ceil(slots / 64) * 8).bytes;
    let first = 0;
    let count = 0;
    for (let slot = 0; slot < slots; slot++) {
      const isLive = (liveBytes[slot >> 3]! & (1 << (slot & 7))) !== 0;
      // A run ends where the low half of its ids would overflow, too.
      const follows =
        isLive &&
        count > 0 &&
        halves[slot * 2] === halves[first * 2]! + count &&
        halves[slot * 2 + 1] === halves[first * 2 + 1];
      if (follows) {
        count += 1;
        continue;
      }
      if (count > 0) visit(first, halves[first * 2]!, halves[first * 2 + 1]!, count);
      first = slot;
      count = isLive ? 1 : 0;
    }
    if (count > 0) visit(first, halves[first * 2]!, halves[first * 2 + 1]!, count);
  }

  /** After a commit or the end of a search: what nobody can see any more is reused or freed. */
  release(committed: number, oldestPin: number): void {
    const limit = Math.min(committed, oldestPin - 1);
    if (this.retired.length > 0) {
      const rest = this.retired.filter((one) => one.transaction >= oldestPin);
      for (const one of this.retired) if (one.transaction < oldestPin) one.free();
      this.retired = rest;
    }
    for (const file of this.files.values()) {
      file.ids.reclaim(oldestPin);
      if (file.freed.length === 0 || file.freed[0]!.transaction > limit) continue;
      const reusable = file.freed.filter((freed) => freed.transaction <= limit);
      file.freed = file.freed.filter((freed) => freed.transaction > limit);
      const slots = reusable.flatMap((freed) => freed.slots);
      if (slots.length > 0) this.onFreed(file, slots);
    }
  }

  /** Lets sets go that nobody has open, when there are many. */
  trim(isOpen: (number: number) => boolean): void {
    if (this.files.size <= MOST_IDLE) return;
    for (const [number, file] of this.files) {
      if (this.files.size <= MOST_IDLE) break;
      const isPending = this.packing?.isPending(file) ?? false;
      const isIdle = file.pins === 0 && file.fresh.size === 0 && !isPending && (file.index?.isStored ?? true);
      if (isIdle && !isOpen(number)) this.letGo(file);
    }
  }
}
