import { batchInsertRequest, ElementType, InsertFlag, MAX_ROWS_PER_FILE, NO_ID } from '@vexfs/shared';
import { duplicateScratchBytes, NO_SLOT } from '../../engine/index.js';
import { addressOf, errno, type Memory } from '../../system/index.js';
import {
  blocksToWrite,
  bytesOfRow,
  FsError,
  type Inode,
  NeedCommit,
  strideOf,
  truncateContent,
  writeContent,
} from '../../volume/index.js';
import { Connection } from '../connection.js';
import { ENGINE_QUEUE, SPARE } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import {
  JOB,
  KIND,
  NODE,
  PID,
  RESULT,
  ROWS_COUNT,
  ROWS_DATA,
  ROWS_DIMENSIONS,
  ROWS_ELEMENT,
  ROWS_IDS,
  ROWS_INVALIDATE,
  ROWS_SCRATCH,
  ROWS_SOURCE,
  ROWS_STRIDE,
  ROWS_TABLE,
  UNIQUE,
} from '../jobs.js';
import { Park } from '../park.js';
import { consecutive, type VectorFile } from '../vector_files.js';
import { announce } from './announce.js';
import { type Call, ioctlReply } from './ioctl.js';

const AT = Connection.PAYLOAD_AT;
const PAGE = 4096;
const CACHE_LINE = 64;

function aligned(bytes: number): number {
  return Math.ceil(bytes / CACHE_LINE) * CACHE_LINE;
}

/** A checked batch in our own memory. */
interface Batch {
  readonly rows: number;
  readonly flags: number;
  /** Address of rows * stride bytes, as the matrix takes them. */
  readonly data: number;
  /** Address of the ids, 0 when they go on from the mark. */
  readonly ids: number;
  readonly memory: Memory;
  readonly unique: number;
  readonly pid: number;
  readonly sync: boolean;
}

/**
 * BATCH_INSERT, first half: an engine thread copies rows and ids from the caller, checks and converts them. The second
 * half runs here again when the job comes back.
 */
export function insertRows(fs: Filesystem, call: Call, file: VectorFile): void {
  const { view, bytes, unique, pid, uid, gid } = call.request;
  const { layout } = file.set;
  const rows = batchInsertRequest.vector_count.get(view, call.at);
  const flags = batchInsertRequest.flags.get(view, call.at);
  const hasIds = batchInsertRequest.vector_ids.getBig(view, call.at) !== 0n;
  const stride = strideOf(layout);
  const sourceBytes = aligned(rows * layout.dimensions * 4);
  const asIs = layout.elementType === ElementType.FLOAT32 && stride === bytesOfRow(layout);
  const dataBytes = asIs ? 0 : aligned(rows * stride);
  const idBytes = hasIds ? aligned(rows * 8) : 0;
  const scratchBytes = hasIds ? aligned(duplicateScratchBytes(rows)) : 0;
  const slot = fs.exchange.take(SPARE.caller);
  if (slot === undefined) throw new Park();
  let memory: Memory;
  try {
    memory = fs.transfer.take(sourceBytes + dataBytes + idBytes + scratchBytes);
  } catch (error) {
    fs.exchange.give(slot);
    throw error;
  }
  const { address } = memory;
  const data = asIs ? address : address + sourceBytes;
  const ids = hasIds ? address + sourceBytes + dataBytes : 0;
  const { fields } = slot;
  slot.bytes.set(bytes.subarray(call.at, call.at + batchInsertRequest.$.size));
  fields[KIND] = JOB.COPY_ROWS;
  fields[UNIQUE] = unique;
  fields[PID] = pid;
  fields[NODE] = file.inode.number;
  fields[ROWS_COUNT] = rows;
  fields[ROWS_DIMENSIONS] = layout.dimensions;
  fields[ROWS_ELEMENT] = layout.elementType;
  fields[ROWS_STRIDE] = stride;
  fields[ROWS_SOURCE] = address;
  fields[ROWS_DATA] = data;
  fields[ROWS_IDS] = ids;
  fields[ROWS_SCRATCH] = address + sourceBytes + dataBytes + idBytes;
  fields[ROWS_TABLE] = file.ids.handle;
  fields[ROWS_INVALIDATE] = firstTouched(file, stride);
  file.pins += 1;
  const layoutThen = layout;
  fs.pin(slot, () => {
    file.pins -= 1;
    const code = fields[RESULT]!;
    const batch = { rows, flags, data, ids, memory, unique, pid, sync: fs.isSynchronous(call.flags) };
    if (code !== 0) {
      fs.transfer.give(memory);
      fs.connection.fail(unique, code);
      return;
    }
    fs.attempt(
      unique,
      () => {
        fs.actFor(uid, gid);
        const same = (Object.keys(layoutThen) as Array<keyof typeof layoutThen>).every(
          (key) => layoutThen[key] === file.set.layout[key],
        );
        if (!same) throw new FsError(errno.EINVAL);
        publish(fs, file, batch);
      },
      () => fs.transfer.give(memory),
    );
  });
  fs.submit(ENGINE_QUEUE, slot, unique);
}

/** The first byte that new rows may change in pages that the kernel has: mapped stores there are written back first. */
function firstTouched(file: VectorFile, stride: number): number {
  const free = file.freeSlots[0];
  if (free !== undefined) return file.set.layout.dataOffset + free * stride;
  const { size } = file.inode;
  return size % PAGE === 0 ? -1 : size - (size % PAGE);
}

/** BATCH_INSERT, second half: ids, slots, blocks, data, and the records that make it all visible at once. */
function publish(fs: Filesystem, file: VectorFile, batch: Batch): void {
  fs.requireWritable();
  const { rows, flags } = batch;
  // New rows would lie where rows lay whose cut is not committed: a crash would bring those back with other bytes.
  if (file.cutIn > fs.committed) throw new NeedCommit();
  const { set } = file;
  const firstId = set.nextId;
  if (batch.ids === 0 && firstId + BigInt(rows) > NO_ID) throw new FsError(errno.EOVERFLOW);
  const overwrite = (flags & InsertFlag.OVERWRITE) !== 0;
  if (!overwrite) {
    const existing =
      batch.ids === 0 ? file.ids.firstExistingRange(firstId, rows) : file.ids.firstExisting(batch.ids, rows);
    if (existing !== rows) throw new FsError(errno.EEXIST);
  }
  // Beside another flag it means nothing: the checks are done in any case.
  if (flags === InsertFlag.VALIDATE) {
    fs.connection.send(batch.unique, ioctlReply(fs.connection.output.view) - AT);
    return;
  }
  const slots = chooseSlots(file, rows);
  if (slots.end > MAX_ROWS_PER_FILE) throw new FsError(errno.EOVERFLOW);
  store(fs, file, batch, slots, overwrite);
  file.insertCalls += 1;
  file.rowsInserted += rows;
  fs.markChanged(file.inode, batch);
  const { layout } = set;
  const stride = strideOf(layout);
  const first = slots.reused.length > 0 ? slots.reused[0]! : slots.tail;
  announce(fs, file.inode, {
    unique: batch.unique,
    from: layout.dataOffset + first * stride,
    end: slots.end > slots.tail ? file.inode.size : -1,
    sync: batch.sync,
  });
}

/** Where rows go: free slots, ascending, and then new ones from `tail` to `end`. */
interface Slots {
  readonly reused: readonly number[];
  readonly tail: number;
  readonly end: number;
}

function chooseSlots(file: VectorFile, rows: number): Slots {
  const reused = file.freeSlots.slice(0, rows);
  const tail = file.set.slots;
  return { reused, tail, end: tail + rows - reused.length };
}

/** Runs of slots that follow each other, with the index of their first row in the batch. */
function runsOf(slots: Slots): Array<{ slot: number; row: number; count: number }> {
  const runs: Array<{ slot: number; row: number; count: number }> = [];
  slots.reused.forEach((slot, row) => {
    const last = runs[runs.length - 1];
    if (last !== undefined && last.slot + last.count === slot) last.count += 1;
    else runs.push({ slot, row, count: 1 });
  });
  const rest = slots.end - slots.tail;
  if (rest > 0) runs.push({ slot: slots.tail, row: slots.reused.length, count: rest });
  return runs;
}

function store(fs: Filesystem, file: VectorFile, batch: Batch, slots: Slots, overwrite: boolean): void {
  const { volume } = fs;
  const { inode, set, ids } = file;
  const { layout } = set;
  const stride = strideOf(layout);
  const { rows } = batch;
  const runs = runsOf(slots);
  const old = overwrite && batch.ids !== 0 ? oldSlots(fs, file, batch) : [];
  const records = batch.ids === 0 ? runs.length : rows;
  let blocks = set.blocksFor(records + old.length);
  for (const run of runs)
    blocks += blocksToWrite(volume, inode, layout.dataOffset + run.slot * stride, run.count * stride);
  volume.requireBlocks(blocks);
  fs.vectors.reserve(ids, slots.end, ids.info().rows + rows);

  const sizeBefore = inode.size;
  // A window of the memory that is there: a new view of so many bytes makes V8 collect garbage.
  const start = batch.data - batch.memory.address;
  const data = batch.memory.bytes.subarray(start, start + rows * stride);
  const write = (run: { slot: number; row: number; count: number }): void => {
    const window = data.subarray(run.row * stride, (run.row + run.count) * stride);
    writeContent(volume, inode, layout.dataOffset + run.slot * stride, window);
  };
  try {
    for (const run of runs) write(run);
  } catch (error) {
    // Nothing refers to the rows yet: what was added behind the end goes again.
    if (inode.size > sizeBefore) shrink(fs, inode, sizeBefore);
    throw error;
  }
  fs.vectors.whole(() => {
    record(file, batch, runs, old);
    set.slots = Math.max(set.slots, slots.end);
    set.liveRows = ids.info().rows;
    file.freeSlots = file.freeSlots.slice(slots.reused.length);
    if (old.length > 0) file.freed.push({ transaction: volume.store.transaction, slots: old });
    fs.vectors.compactIfDue(file);
  });
}

function shrink(fs: Filesystem, inode: Inode, size: number): void {
  try {
    truncateContent(fs.volume, inode, size);
  } catch (error) {
    if (!(error instanceof NeedCommit)) throw error;
  }
}

/** Slots of the ids that the batch replaces. */
function oldSlots(fs: Filesystem, file: VectorFile, batch: Batch): number[] {
  const found = fs.scratch.take(batch.rows * 4);
  try {
    file.ids.findBatch(batch.ids, batch.rows, found.address);
    const view = new Uint32Array(found.bytes.buffer, found.bytes.byteOffset, batch.rows);
    return Array.from(view).filter((slot) => slot !== NO_SLOT);
  } finally {
    fs.scratch.give(found);
  }
}

/** Changes the id table and appends what changed to the log: the freed slots first, then the new rows. */
function record(
  file: VectorFile,
  batch: Batch,
  runs: ReadonlyArray<{ slot: number; row: number; count: number }>,
  old: number[],
): void {
  const { ids, set } = file;
  old.sort((a, b) => a - b);
  for (const run of consecutive(old)) {
    file.must(file.deleteSlots(run.slot, run.count));
    set.appendDelete(run.slot, run.count);
  }
  if (batch.ids === 0) {
    let id = set.nextId;
    for (const run of runs) {
      file.must(ids.putRange(run.slot, id, run.count));
      set.appendPut(run.slot, Number(id & 0xffff_ffffn), Number(id >> 32n), run.count);
      id += BigInt(run.count);
    }
    set.nextId = id;
    return;
  }
  const slots = new Uint32Array(batch.rows);
  for (const run of runs) for (let i = 0; i < run.count; i++) slots[run.row + i] = run.slot + i;
  file.must(ids.putBatch(addressOf(new Uint8Array(slots.buffer)), batch.ids, batch.rows));
  const { bytes, address } = batch.memory;
  const idsAt = bytes.byteOffset + batch.ids - address;
  set.appendRows(slots, new Uint32Array(bytes.buffer, idsAt, batch.rows * 2));
  const { idBound } = ids.info();
  if (idBound > set.nextId) set.nextId = idBound;
}
