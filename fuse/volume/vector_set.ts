import { constants } from 'node:os';
import {
  LOG_MAGIC,
  LOG_RECORD_SIZE,
  logHeader,
  logRecord,
  MAX_TREE_DEPTH,
  RECORD_DELETE,
  RECORD_PUT,
  RECORD_RANGE,
  RECORD_TRUNCATE,
  SET_HEADER_SIZE,
  SET_MAGIC,
  setHeader,
} from '@vexfs/shared';
import type { BlockRange } from './block_allocator.js';
import { extentsOf, freeContent } from './content.js';
import { DamageError, FsError, NeedCommit } from './errors.js';
import { entriesIn } from './extent_node.js';
import { discardHidden, hiddenInode, hiddenOf } from './hidden_inode.js';
import type { Inode } from './inode.js';
import type { LogPosition, RecordFollower } from './log_position.js';
import { type RecordVisitor, runLength, visitRecords, writeRecord } from './row_records.js';
import { SetHeader } from './set_header.js';
import type { Volume } from './volume.js';

const { ENOSPC } = constants.errno;

export * from './log_position.js';
export * from './row_layout.js';
export { idOf, type RecordVisitor } from './row_records.js';

/**
 * The vector set of one inode on disk: the header in the first block of a hidden inode, with the newest log records
 * behind it, and the log blocks of a second hidden inode. A full log block is written once, in a fresh place, before
 * the transaction whose header counts it; so every change is published by the header alone.
 */
export class VectorSet extends SetHeader {
  /** Blocks that `create` may need. */
  static readonly createBlocks = 3;

  /** Gives an inode a set without rows, in the running transaction. */
  static create(volume: Volume, owner: Inode): VectorSet {
    volume.requireBlocks(VectorSet.createBlocks);
    volume.inodes.requireOne();
    const { start } = volume.blocks.take(volume.superblock.indexMetadataStart, 1);
    let inode: Inode;
    try {
      inode = hiddenInode(volume, owner);
    } catch (error) {
      volume.blocks.give({ start, length: 1 });
      throw error;
    }
    inode.blocks += 1;
    extentsOf(volume, inode).insert(0, start, 1);
    inode.size = volume.geometry.blockSize;
    const block = volume.store.fresh(start, 'set');
    setHeader.magic.set(block.view, 0, SET_MAGIC);
    setHeader.owner.set(block.view, 0, owner.number);
    setHeader.owner_generation.set(block.view, 0, owner.generation);
    owner.vectorSet = inode.number;
    owner.markDirty();
    return new VectorSet(volume, owner, inode);
  }

  /** Opens the set of an inode that has one. Throws DamageError. */
  static open(volume: Volume, owner: Inode): VectorSet {
    const inode = hiddenOf(volume, owner, owner.vectorSet);
    const set = new VectorSet(volume, owner, inode);
    set.check();
    return set;
  }

  /** Told of every record from now on. */
  follower: RecordFollower | undefined;

  /**
   * Blocks to require before `records` are appended, or before the log is compacted to so many. Throws FsError(ENOSPC)
   * when they would need a log and there is no inode for it.
   */
  blocksFor(records: number): number {
    const { view } = this.header();
    const spills = setHeader.inline_records.get(view, 0) + records > this.perBlock;
    if (spills && setHeader.log_inode.get(view, 0) === 0) this.volume.inodes.requireOne();
    const blocks = Math.ceil(records / this.perBlock) + 1;
    return blocks + 4 + Math.ceil(blocks / 16);
  }

  /**
   * An upper bound of the blocks that a transaction notes when so many records are appended, or the log is compacted to so many, with
   * free space as it lies. The caller has required `blocksFor(records)`. Throws DeviceError.
   */
  notesFor(records: number): number {
    const { blocks, geometry, superblock } = this.volume;
    const { blockSize, groupCount, descriptorBlocks } = geometry;
    const count = Math.ceil(records / this.perBlock);
    const inTree = Math.ceil(count / entriesIn(blockSize)) + MAX_TREE_DEPTH;
    const atWorst = inTree + Math.min(count, groupCount) + Math.min(count, descriptorBlocks);
    if (atWorst <= this.volume.crowdedAt / 4) return atWorst;
    const log = setHeader.log_inode.get(this.header().view, 0);
    const last =
      log === 0
        ? undefined
        : extentsOf(this.volume, this.volume.inodes.get(log)).lastBefore(Number.MAX_SAFE_INTEGER);
    let goal = last === undefined ? superblock.indexMetadataStart : last.physical + last.length;
    const tables = new Set<number>();
    const found: BlockRange[] = [];
    let runs = 0;
    try {
      for (let i = 0; i < count; i++) {
        const range = blocks.reserve(goal, 1);
        found.push(range);
        if (i === 0 || range.start !== goal) runs += 1;
        goal = range.start + 1;
        geometry.noteTables(range.start, tables);
      }
    } finally {
      for (const range of found) blocks.unreserve(range);
    }
    return Math.ceil(runs / entriesIn(blockSize)) + MAX_TREE_DEPTH + tables.size;
  }

  /**
   * Before records that belong together are appended: throws FsError(ENOSPC) when no transaction has room for them, where free space
   * lies as it does, NeedCommit when the running one has not. The caller has required `blocksFor(records)`.
   */
  requireNotes(records: number): void {
    const notes = this.notesFor(records);
    if (notes > 2 * this.volume.crowdedAt)
      throw new FsError(ENOSPC, 'the records lie in more pieces than a transaction can note');
    if (!this.volume.hasRoom(notes)) throw new NeedCommit();
  }

  appendPut(slot: number, idLow: number, idHigh: number, count: number): void {
    const view = this.changed();
    const inline = setHeader.inline_records.get(view, 0);
    if (inline === 0 || !this.extend(view, inline - 1, slot, idLow, idHigh, count))
      this.append(count === 1 ? RECORD_PUT : RECORD_RANGE, slot, idLow, idHigh, count);
    this.tell(RECORD_PUT, slot, idLow, idHigh, count);
  }

  /**
   * Row i goes to slots[i] with the id whose halves are ids[2i] (low) and ids[2i + 1]: rows that follow each other in
   * both share a record.
   */
  appendRows(slots: Uint32Array, ids: Uint32Array): void {
    let view = this.changed();
    let inline = setHeader.inline_records.get(view, 0);
    let before = this.logBlocks * this.perBlock;
    for (let row = 0; row < slots.length; ) {
      const slot = slots[row]!;
      const low = ids[row * 2]!;
      const high = ids[row * 2 + 1]!;
      const count = runLength(slots, ids, row);
      row += count;
      if (inline > 0 && this.extend(view, inline - 1, slot, low, high, count)) {
        const had = logRecord.count.get(view, SET_HEADER_SIZE + (inline - 1) * LOG_RECORD_SIZE);
        this.follower?.record(RECORD_PUT, slot, low, high, count, {
          record: before + inline - 1,
          slots: had,
        });
        continue;
      }
      if (inline === this.perBlock) {
        setHeader.inline_records.set(view, 0, inline);
        this.spill();
        view = this.changed();
        inline = 0;
        before += this.perBlock;
      }
      const type = count === 1 ? RECORD_PUT : RECORD_RANGE;
      writeRecord(view, SET_HEADER_SIZE + inline * LOG_RECORD_SIZE, type, slot, low, high, count);
      inline += 1;
      this.follower?.record(RECORD_PUT, slot, low, high, count, {
        record: before + inline - 1,
        slots: count,
      });
    }
    setHeader.inline_records.set(view, 0, inline);
  }

  /**
   * Runs `work`, which changes the set by several calls; when it throws, header and log are again as they were before,
   * so that a device error in the middle of a batch leaves nothing of it.
   */
  atomically<T>(work: () => T): T {
    const before = this.header().bytes.slice();
    try {
      return work();
    } catch (error) {
      this.restore(before);
      throw error;
    }
  }

  private restore(before: Uint8Array): void {
    const header = this.header();
    const old = new DataView(before.buffer);
    const had = setHeader.log_inode.get(old, 0);
    const has = setHeader.log_inode.get(header.view, 0);
    this.volume.store.change(header);
    header.bytes.set(before);
    if (has === 0) return;
    const log = this.volume.inodes.get(has);
    log.size = had === has ? setHeader.log_blocks.get(old, 0) * this.volume.geometry.blockSize : 0;
    log.markDirty();
    while (!freeContent(this.volume, log, log.size));
    if (had !== has) this.volume.inodes.remove(log);
  }

  /** Slots slot..slot+count-1 become free. */
  appendDelete(slot: number, count: number): void {
    const view = this.changed();
    const inline = setHeader.inline_records.get(view, 0);
    if (inline > 0) {
      const base = SET_HEADER_SIZE + (inline - 1) * LOG_RECORD_SIZE;
      const had = logRecord.count.get(view, base);
      if (logRecord.type.get(view, base) === RECORD_DELETE && logRecord.slot.get(view, base) + had === slot) {
        logRecord.count.set(view, base, had + count);
        this.tell(RECORD_DELETE, slot, 0, 0, count);
        return;
      }
    }
    this.append(RECORD_DELETE, slot, 0, 0, count);
    this.tell(RECORD_DELETE, slot, 0, 0, count);
  }

  /** Slots from `slot` on are gone. */
  appendTruncate(slot: number): void {
    this.append(RECORD_TRUNCATE, slot, 0, 0, 0);
    this.tell(RECORD_TRUNCATE, slot, 0, 0, 0);
  }

  private tell(type: number, slot: number, idLow: number, idHigh: number, count: number): void {
    this.follower?.record(type, slot, idLow, idHigh, count, this.logEnd);
  }

  /** Behind the newest record. */
  get logEnd(): LogPosition {
    const { view } = this.header();
    const inline = setHeader.inline_records.get(view, 0);
    const records = this.logBlocks * this.perBlock + inline;
    if (records === 0) return { record: 0, slots: 0 };
    // The inline records are moved when the next one is appended: the newest is among them.
    const at = SET_HEADER_SIZE + Math.max(0, inline - 1) * LOG_RECORD_SIZE;
    return { record: records - 1, slots: logRecord.count.get(view, at) };
  }

  /** A put that goes on where the newest record ends only lengthens it. */
  private extend(
    view: DataView,
    last: number,
    slot: number,
    idLow: number,
    idHigh: number,
    count: number,
  ): boolean {
    const base = SET_HEADER_SIZE + last * LOG_RECORD_SIZE;
    const type = logRecord.type.get(view, base);
    if (type !== RECORD_PUT && type !== RECORD_RANGE) return false;
    const had = logRecord.count.get(view, base);
    if (logRecord.slot.get(view, base) + had !== slot) return false;
    if ((view.getUint32(base + logRecord.id.offset, true) + had) >>> 0 !== idLow) return false;
    if (logRecord.id.getBig(view, base) + BigInt(had) !== (BigInt(idHigh) << 32n) + BigInt(idLow))
      return false;
    logRecord.type.set(view, base, RECORD_RANGE);
    logRecord.count.set(view, base, had + count);
    return true;
  }

  private append(type: number, slot: number, idLow: number, idHigh: number, count: number): void {
    let view = this.changed();
    let inline = setHeader.inline_records.get(view, 0);
    if (inline === this.perBlock) {
      this.spill();
      view = this.changed();
      inline = 0;
    }
    writeRecord(view, SET_HEADER_SIZE + inline * LOG_RECORD_SIZE, type, slot, idLow, idHigh, count);
    setHeader.inline_records.set(view, 0, inline + 1);
  }

  /** Moves the inline records, which fill a block, to the end of the log. */
  private spill(): void {
    const header = this.header();
    const log = this.logInode();
    const index = this.logBlocks;
    const start = SET_HEADER_SIZE;
    const records = header.bytes.subarray(start, start + this.perBlock * LOG_RECORD_SIZE);
    this.writeLogBlock(log, index, records);
    this.volume.store.change(header);
    setHeader.log_blocks.set(header.view, 0, index + 1);
    setHeader.inline_records.set(header.view, 0, 0);
    header.bytes.fill(0, start);
  }

  private logInode(): Inode {
    const number = setHeader.log_inode.get(this.header().view, 0);
    if (number !== 0) return this.volume.inodes.get(number);
    const inode = hiddenInode(this.volume, this.owner);
    setHeader.log_inode.set(this.changed(), 0, inode.number);
    return inode;
  }

  /** `records` fill one block. */
  private writeLogBlock(log: Inode, index: number, records: Uint8Array): void {
    const { blockSize } = this.volume.geometry;
    const tree = extentsOf(this.volume, log);
    const last = tree.lastBefore(index);
    const goal = last === undefined ? this.volume.goalFor(log.number, true) : last.physical + last.length;
    const { start } = this.volume.blocks.take(goal, 1);
    const bytes = new Uint8Array(blockSize);
    const view = new DataView(bytes.buffer);
    logHeader.magic.set(view, 0, LOG_MAGIC);
    logHeader.count.set(view, 0, this.perBlock);
    logHeader.owner.set(view, 0, this.owner.number);
    logHeader.index.set(view, 0, index);
    bytes.set(records, logHeader.$.size);
    logHeader.checksum.set(view, 0, this.volume.store.checksum(start, bytes, logHeader.checksum.offset));
    try {
      this.volume.device.write(start * blockSize, bytes);
      tree.insert(index, start, 1);
    } catch (error) {
      this.volume.blocks.give({ start, length: 1 });
      throw error;
    }
    log.blocks += 1;
    log.size = (index + 1) * blockSize;
    log.markDirty();
  }

  /** Calls `visit` with every record, oldest first. Throws DamageError for a block or record that cannot be. */
  replay(visit: RecordVisitor): void {
    const { blockSize } = this.volume.geometry;
    const number = setHeader.log_inode.get(this.header().view, 0);
    const blocks = this.logBlocks;
    const bytes = new Uint8Array(blockSize);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < blocks; index++) {
      const run = extentsOf(this.volume, this.volume.inodes.get(number)).find(index, blocks - index);
      if (run.physical === 0) throw new DamageError(`the row log of inode ${this.owner.number} has a hole`);
      this.volume.store.read(run.physical * blockSize, bytes, run.length * blockSize);
      const intact =
        logHeader.magic.get(view, 0) === LOG_MAGIC &&
        logHeader.owner.get(view, 0) === this.owner.number &&
        logHeader.index.get(view, 0) === index &&
        logHeader.count.get(view, 0) === this.perBlock &&
        logHeader.checksum.get(view, 0) ===
          this.volume.store.checksum(run.physical, bytes, logHeader.checksum.offset);
      if (!intact)
        throw new DamageError(`block ${index} of the row log of inode ${this.owner.number} is damaged`);
      visitRecords(view, logHeader.$.size, this.perBlock, this.owner.number, visit);
    }
    const header = this.header();
    const inline = setHeader.inline_records.get(header.view, 0);
    visitRecords(header.view, SET_HEADER_SIZE, inline, this.owner.number, visit);
  }

  /**
   * Replaces the log by the records that `live` emits, in a fresh hidden inode, and frees the old log with it. The
   * caller has required `blocksFor(records)`. An old log in more pieces than one transaction may free becomes an orphan
   * without an owner and is returned: the caller goes on with `deleteInode`, or the next mount does.
   */
  compact(
    live: (emit: (slot: number, idLow: number, idHigh: number, count: number) => void) => void,
  ): Inode | undefined {
    this.volume.inodes.requireOne();
    const number = setHeader.log_inode.get(this.header().view, 0);
    const old = number === 0 ? undefined : this.volume.inodes.get(number);
    const { follower } = this;
    this.follower = undefined;
    this.atomically(() => {
      const view = this.changed();
      const header = this.header();
      setHeader.log_inode.set(view, 0, 0);
      setHeader.log_blocks.set(view, 0, 0);
      setHeader.inline_records.set(view, 0, 0);
      setHeader.log_compactions.set(view, 0, this.logCompactions + 1);
      header.bytes.fill(0, SET_HEADER_SIZE);
      live((slot, idLow, idHigh, count) => this.appendPut(slot, idLow, idHigh, count));
    });
    this.follower = follower;
    this.follower?.compacted();
    return old === undefined ? undefined : discardHidden(this.volume, old);
  }

  /** Frees header and log, at most one transaction's worth; returns whether all is done. The owner loses its set then. */
  free(): boolean {
    this.volume.inodes.expectRemove(this.inode);
    const log = setHeader.log_inode.get(this.header().view, 0);
    if (log !== 0) {
      const inode = this.volume.inodes.get(log);
      const view = this.changed();
      if (!freeContent(this.volume, inode, 0)) return false;
      this.volume.inodes.remove(inode);
      setHeader.log_inode.set(view, 0, 0);
      setHeader.log_blocks.set(view, 0, 0);
    }
    if (!this.freeGraph()) return false;
    const run = extentsOf(this.volume, this.inode).find(0, 1);
    freeAllContent(this.volume, this.inode);
    this.volume.store.forget(run.physical);
    this.volume.inodes.remove(this.inode);
    this.owner.vectorSet = 0;
    this.owner.markDirty();
    return true;
  }

  /** Frees the snapshot of the index, which another program may have left; one that is not ours, or damaged, is left to fsck. */
  private freeGraph(): boolean {
    const number = setHeader.graph_inode.get(this.header().view, 0);
    if (number === 0) return true;
    const view = this.changed();
    const graph = this.snapshotInode(number);
    if (graph !== undefined) {
      if (!freeContent(this.volume, graph, 0)) return false;
      this.volume.inodes.remove(graph);
    }
    setHeader.graph_inode.set(view, 0, 0);
    return true;
  }
}

function freeAllContent(volume: Volume, inode: Inode): void {
  while (!freeContent(volume, inode, 0));
}
