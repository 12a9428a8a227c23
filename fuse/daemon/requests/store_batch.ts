import { InsertFlag, MAX_ROWS_PER_FILE, NO_ID, putEmbedding } from '@vexfs/shared';
import { NO_SLOT } from '../../engine/index.js';
import { Connection } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import {
  type AsideBlocks,
  blocksToJoin,
  blocksToWrite,
  cutAside,
  dropAside,
  endAside,
  FsError,
  forSegments,
  type Inode,
  joinAside,
  NeedCommit,
  type RowLayout,
  setAside,
  strideOf,
  truncateContent,
  type Volume,
  writeContent,
} from '../../volume/index.js';
import { announce } from '../announcements.js';
import { DeviceWrites, WORTH_A_THREAD } from '../device_writes.js';
import type { Filesystem } from '../filesystem.js';
import { FreshRows } from '../fresh_rows.js';
import { Park } from '../park.js';
import { stripCapability } from '../privileges.js';
import { recordBatch } from '../record_batch.js';
import type { SlotRun } from '../slot_runs.js';
import { requireWholeRows } from '../unfinished_append.js';
import type { VectorFile } from '../vector_file.js';
import type { Batch } from './batch.js';
import { ioctlReply } from './ioctl.js';

/** A part of the batch: so many bytes from byte `from` of its rows go to byte `offset` of the file. */
interface Part {
  readonly offset: number;
  readonly from: number;
  readonly length: number;
}

/** Where a batch goes. */
interface Places {
  /** Runs of slots with the index of their first row in the batch: free slots, ascending, then new ones behind the last. */
  readonly runs: readonly SlotRun[];
  /** Those of the file's free slots among them, ascending. */
  readonly reused: readonly number[];
  /** First slot behind those that are known, and behind those of the batch. */
  readonly tail: number;
  readonly end: number;
}

/**
 * BATCH_INSERT, second half: ids, slots, blocks and data, then the records that make it all visible at once. A large batch
 * is written by another thread in between; meanwhile the file takes no other batch and keeps its size.
 */
export function storeBatch(fs: Filesystem, file: VectorFile, batch: Batch): void {
  let isHandedOn = false;
  fs.attempt(
    batch.unique,
    () => {
      isHandedOn = store(fs, file, batch);
    },
    () => {
      if (!isHandedOn) fs.transfer.give(batch.memory);
    },
  );
}

/** Whether a thread has taken the batch over. */
function store(fs: Filesystem, file: VectorFile, batch: Batch): boolean {
  fs.requireWritable();
  if (file.isGone) throw new FsError(errno.ESTALE);
  if (file.isStoring) throw new Park();
  fs.actFor(batch.uid, batch.gid);
  requireLayout(file, batch.layout);
  const { volume } = fs;
  const { inode, ids } = file;
  // New rows would lie where rows lay whose cut is not committed: a crash would bring those back with other bytes.
  if (file.cutIn > fs.committed) throw new NeedCommit();
  requireIds(file, batch);
  // Beside another flag it means nothing: the checks are done in any case.
  if (batch.flags === InsertFlag.VALIDATE) {
    fs.connection.send(batch.unique, ioctlReply(fs.connection.output.view) - Connection.PAYLOAD_AT);
    return false;
  }
  const places = choosePlaces(file, batch.rows);
  if (places.end > MAX_ROWS_PER_FILE) throw new FsError(errno.EOVERFLOW);
  if (places.end > places.tail) requireWholeRows(fs, file, batch.pid);
  const old = replacedSlots(fs, file, batch);
  if (batch.mustExist === true && old.length < batch.rows) throw new FsError(errno.ENOENT);
  const records = recordsOf(batch, places, old);
  const parts = partsOf(places, batch.layout);
  let blocks = file.set.blocksFor(records);
  for (const { offset, length } of parts) blocks += blocksToWrite(volume, inode, offset, length);
  volume.requireBlocks(blocks);
  file.set.requireNotes(records);
  fs.vectors.reserve(ids, places.end, ids.info().rows + batch.rows);
  if (batch.rows * strideOf(batch.layout) >= WORTH_A_THREAD || mayCrowd(volume, inode, parts)) {
    writeAside(fs, file, batch, places, parts);
    return true;
  }
  // Before the rows are there, because it may have to read the disk.
  stripCapability(volume, inode);
  const fresh = new FreshRows(file, parts);
  try {
    if (!writeParts(fs, inode, batch, [...parts], file.set.notesFor(records))) throw new NeedCommit();
    publish(fs, file, batch, places, old, fresh);
  } catch (error) {
    fresh.end();
    throw error;
  }
  return false;
}

function requireLayout(file: VectorFile, layout: RowLayout): void {
  const same = (Object.keys(layout) as Array<keyof RowLayout>).every(
    (key) => layout[key] === file.set.layout[key],
  );
  if (!same) throw new FsError(errno.EINVAL);
}

function requireIds(file: VectorFile, { ids, rows, flags }: Batch): void {
  const { nextId } = file.set;
  if (ids === 0 && nextId + BigInt(rows) > NO_ID) throw new FsError(errno.EOVERFLOW);
  if ((flags & InsertFlag.OVERWRITE) !== 0) return;
  const existing = ids === 0 ? file.ids.firstExistingRange(nextId, rows) : file.ids.firstExisting(ids, rows);
  if (existing !== rows) throw new FsError(errno.EEXIST);
}

function choosePlaces(file: VectorFile, rows: number): Places {
  const reused = file.freeSlots.slice(0, rows);
  const tail = file.set.slots;
  const runs: SlotRun[] = [];
  reused.forEach((slot, row) => {
    const last = runs[runs.length - 1];
    if (last !== undefined && last.slot + last.count === slot) last.count += 1;
    else runs.push({ slot, row, count: 1 });
  });
  const rest = rows - reused.length;
  if (rest > 0) runs.push({ slot: tail, row: reused.length, count: rest });
  return { runs, reused, tail, end: tail + rest };
}

function partsOf(places: Places, layout: RowLayout): Part[] {
  const stride = strideOf(layout);
  return places.runs.map(({ slot, row, count }) => ({
    offset: layout.dataOffset + slot * stride,
    from: row * stride,
    length: count * stride,
  }));
}

/** Slots of the ids that the batch replaces. */
function replacedSlots(fs: Filesystem, file: VectorFile, batch: Batch): number[] {
  if (batch.ids === 0 || (batch.flags & InsertFlag.OVERWRITE) === 0) return [];
  const found = fs.scratch.take(batch.rows * 4);
  try {
    file.ids.findBatch(batch.ids, batch.rows, found.address);
    const view = new Uint32Array(found.bytes.buffer, found.bytes.byteOffset, batch.rows);
    return Array.from(view).filter((slot) => slot !== NO_SLOT);
  } finally {
    fs.scratch.give(found);
  }
}

/** Records of the batch. */
function recordsOf(batch: Batch, places: Places, old: readonly number[]): number {
  return (batch.ids === 0 ? places.runs.length : batch.rows) + old.length;
}

/**
 * Whether new blocks behind the end of the file may be too many for the transaction of the records, each in a group of its own:
 * then they are set aside, and become the file's by several. Those in front of the end can be taken by several in any case.
 */
function mayCrowd({ geometry, crowdedAt }: Volume, inode: Inode, parts: readonly Part[]): boolean {
  let bytes = 0;
  for (const { offset, length } of parts)
    bytes += Math.max(0, offset + length - Math.max(offset, inode.size));
  const pieces = Math.ceil(bytes / geometry.blockSize);
  return Math.min(pieces, geometry.groupCount + geometry.descriptorBlocks) + pieces / 16 > crowdedAt;
}

/**
 * Writes parts of a batch now, and takes them from `parts`; whether all, and there is room for `more` blocks: it may be too much for
 * the transaction. Nothing refers to them yet: what was added behind the end goes again when it is not all, or after an error.
 */
function writeParts(fs: Filesystem, inode: Inode, batch: Batch, parts: Part[], more = 0): boolean {
  // A window of the memory that is there: a new view of so many bytes makes V8 collect garbage.
  const start = batch.data - batch.memory.address;
  const { bytes } = batch.memory;
  const sizeBefore = inode.size;
  let isWhole = false;
  try {
    for (let part = parts[0]; part !== undefined; part = parts[0]) {
      const { offset, from, length } = part;
      const rows = bytes.subarray(start + from, start + from + length);
      const written = writeContent(fs.volume, inode, offset, rows);
      parts.shift();
      if (written === length) continue;
      parts.unshift({ offset: offset + written, from: from + written, length: length - written });
      return false;
    }
    isWhole = fs.volume.hasRoom(more);
  } finally {
    if (!isWhole && inode.size > sizeBefore) shrink(fs, inode, sizeBefore);
  }
  return isWhole;
}

function shrink(fs: Filesystem, inode: Inode, size: number): void {
  try {
    truncateContent(fs.volume, inode, size);
  } catch (error) {
    if (!(error instanceof NeedCommit)) throw error;
  }
}

/** What another thread writes, and what is left to be written when the batch is published. */
interface Plan {
  readonly writes: DeviceWrites;
  /** Free slots without blocks. What has been written is taken away. */
  readonly later: Part[];
  /** Up to the first block behind the end of the file. */
  readonly edges: readonly Part[];
  readonly aside: AsideBlocks | undefined;
}

/** Parts behind the end of the file go to blocks that it has not got yet, the others to where they belong. */
function planWrites(fs: Filesystem, file: VectorFile, batch: Batch, parts: readonly Part[]): Plan {
  const { volume } = fs;
  const { inode } = file;
  const { blockSize } = volume.geometry;
  const writes = new DeviceWrites();
  const later: Part[] = [];
  const edges: Part[] = [];
  let aside: AsideBlocks | undefined;
  for (const part of parts) {
    const stop = part.offset + part.length;
    if (stop <= inode.size) {
      forSegments(volume, inode, part.offset, part.length, (position, offset, length) => {
        const from = part.from + (offset - part.offset);
        if (position < 0) later.push({ offset, from, length });
        else writes.add(position, length, batch.data + from);
      });
      continue;
    }
    // The last part. Bytes behind the last slot that are no row stay as they are until the rows are published.
    const edge = Math.min(stop, Math.ceil(Math.max(part.offset, inode.size) / blockSize) * blockSize);
    if (edge > part.offset) edges.push({ offset: part.offset, from: part.from, length: edge - part.offset });
    if (edge === stop) continue;
    aside = setAside(volume, inode, edge, stop - edge);
    for (const run of aside.runs) {
      const at = run.logical * blockSize;
      const length = Math.min(run.length * blockSize, stop - at);
      writes.add(run.physical * blockSize, length, batch.data + part.from + (at - part.offset));
    }
  }
  return { writes, later, edges, aside };
}

function writeAside(
  fs: Filesystem,
  file: VectorFile,
  batch: Batch,
  places: Places,
  parts: readonly Part[],
): void {
  const plan = planWrites(fs, file, batch, parts);
  const fresh = new FreshRows(file, parts);
  const drop = (): void => {
    fresh.end();
    if (plan.aside !== undefined) giveBack(fs, file, plan.aside);
    file.discard(places.reused, fs.volume.store.transaction);
  };
  try {
    plan.writes.submit(fs, batch.unique, (code) => {
      let isPublished = false;
      const end = (): void => {
        if (!isPublished) drop();
        file.isStoring = false;
        file.writers -= 1;
        file.pins -= 1;
        fs.transfer.give(batch.memory);
      };
      if (code !== 0) {
        end();
        fs.connection.fail(batch.unique, code);
        return;
      }
      fs.attempt(
        batch.unique,
        () => {
          publishAside(fs, file, batch, places, plan, fresh);
          isPublished = true;
        },
        end,
      );
    });
  } catch (error) {
    fresh.end();
    if (plan.aside !== undefined) dropAside(fs.volume, plan.aside);
    throw error;
  }
  file.isStoring = true;
  file.writers += 1;
  file.pins += 1;
}

/** The batch has failed: the file has none of the blocks that it was to get. */
function giveBack(fs: Filesystem, file: VectorFile, aside: AsideBlocks): void {
  dropAside(fs.volume, aside);
  if (file.isGone) return;
  try {
    cutAside(fs.volume, file.inode, aside);
  } catch (error) {
    // The next truncation goes on with it, or the next mount.
    if (fs.errnoOf(error) === undefined) throw error;
  }
}

/** The rows are on the device. What they still need may have been used up by others: then the batch fails as a whole. */
function publishAside(
  fs: Filesystem,
  file: VectorFile,
  batch: Batch,
  places: Places,
  plan: Plan,
  fresh: FreshRows,
): void {
  fs.requireWritable();
  if (file.isGone) throw new FsError(errno.ESTALE);
  fs.actFor(batch.uid, batch.gid);
  const { volume } = fs;
  const { inode } = file;
  const { aside } = plan;
  const old = replacedSlots(fs, file, batch);
  const records = recordsOf(batch, places, old);
  let blocks = file.set.blocksFor(records) + (aside === undefined ? 0 : blocksToJoin(volume, inode, aside));
  for (const { offset, length } of [...plan.later, ...plan.edges])
    blocks += blocksToWrite(volume, inode, offset, length);
  volume.requireBlocks(blocks);
  file.set.requireNotes(records);
  stripCapability(volume, inode);
  // Bytes of free slots mean nothing: a crash between these transactions leaves no more.
  if (!writeParts(fs, inode, batch, plan.later)) throw new NeedCommit();
  const size = batch.layout.dataOffset + places.end * strideOf(batch.layout);
  if (aside !== undefined) {
    let isJoined = false;
    fs.vectors.whole(() => {
      isJoined = joinAside(volume, inode, aside, size, file.set.notesFor(records));
    });
    if (!isJoined) throw new NeedCommit();
  } else if (!volume.hasRoom(file.set.notesFor(records))) {
    throw new NeedCommit();
  }
  writeParts(fs, inode, batch, [...plan.edges]);
  if (aside !== undefined) fs.vectors.whole(() => endAside(volume, inode, size));
  publish(fs, file, batch, places, old, fresh);
}

/** The rows are where they belong: records make them visible, the kernel is told, the caller gets his answer. */
function publish(
  fs: Filesystem,
  file: VectorFile,
  batch: Batch,
  places: Places,
  old: number[],
  fresh: FreshRows,
): void {
  const { set, inode, ids } = file;
  if (batch.argument !== undefined) {
    const argument = new DataView(batch.argument.buffer);
    if (batch.ids === 0) putEmbedding.id.setBig(argument, 0, set.nextId);
    putEmbedding.slot.set(argument, 0, places.runs[0]!.slot);
  }
  fs.vectors.whole(() => {
    recordBatch(file, batch, places.runs, old);
    set.slots = Math.max(set.slots, places.end);
    set.liveRows = ids.info().rows;
    file.takeFreeSlots(places.reused);
    if (old.length > 0) {
      file.freed.push({ transaction: fs.volume.store.transaction, slots: old });
      fs.packing.wake(file);
    }
    fs.vectors.compactIfDue(file);
  });
  file.insertCalls += 1;
  file.rowsInserted += batch.rows;
  fs.markChanged(inode, batch);
  const { layout } = set;
  announce(fs, inode, {
    unique: batch.unique,
    from: layout.dataOffset + places.runs[0]!.slot * strideOf(layout),
    end: places.end > places.tail ? inode.size : -1,
    argument: batch.argument,
    fresh,
    sync: batch.sync,
  });
}
