import { batchSearch, type SearchType } from '@vexfs/shared';
import { SearchPath } from '../../engine/index.js';
import { Connection } from '../../server/connection.js';
import type { Memory } from '../../system/index.js';
import { bytesOfRow, strideOf } from '../../volume/index.js';
import { ENGINE_QUEUE, INDEX_QUEUE, type JobSlot, SPARE } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import { rowExtentsOf } from '../indexing/extents.js';
import type { FileIndex } from '../indexing/file_index.js';
import { guideOf } from '../indexing/guide.js';
import {
  JOB,
  KIND,
  NODE,
  PID,
  RESULT,
  SEARCH_BASE,
  SEARCH_BATCH,
  SEARCH_DIMENSIONS,
  SEARCH_EF,
  SEARCH_ELEMENT,
  SEARCH_EXTENTS,
  SEARCH_FIRST,
  SEARCH_HNSWLIB,
  SEARCH_IDS,
  SEARCH_INDEX,
  SEARCH_LIVE,
  SEARCH_OFFSET,
  SEARCH_PATH,
  SEARCH_POPULATE,
  SEARCH_POPULATE_END,
  SEARCH_QUERIES,
  SEARCH_ROW_BYTES,
  SEARCH_ROWS,
  SEARCH_SEGMENT_COUNT,
  SEARCH_SEGMENTS,
  SEARCH_SLOTS,
  SEARCH_STRIDE,
  SEARCH_TAIL,
  SEARCH_TAIL_COUNT,
  UNIQUE,
} from '../jobs.js';
import { Park } from '../park.js';
import type { RowMapping } from '../row_mapping.js';
import { segmentPairs } from '../segments.js';
import type { VectorFile } from '../vector_files.js';
import { type Call, ioctlReply } from './ioctl.js';

/** What VECTOR_SEARCH or BATCH_SEARCH asks for. */
export interface SearchRequest {
  readonly isBatch: boolean;
  readonly queries: number;
  readonly metric: SearchType;
  readonly k: number;
  /** Candidates, 0: as the index says. */
  readonly ef: number;
  /** Whether every row is compared, whatever there is. */
  readonly exact: boolean;
}

/** Queries below which a batch is not worth another thread. */
const LEAST_PART = 16;

/** What a search sees of a file, and how it is to look. */
interface View {
  readonly file: VectorFile;
  readonly guide: FileIndex | undefined;
  readonly mapping: RowMapping | undefined;
  /** Copies that the threads read until the last has ended. */
  readonly memory: Memory[];
}

/**
 * Pins what a search sees at this moment (the mapped rows, the ids, which slots are live) and gives it to an engine
 * thread, which answers the call; the queries of a batch to several. Blocks, slots and arrays that are freed later are not reused before the
 * search ends.
 */
export function searchRows(fs: Filesystem, call: Call, file: VectorFile, search: SearchRequest): void {
  const guide = search.exact ? undefined : guideOf(fs, file, search.metric, search.k);
  const mapping = fs.vectors.mapping(file);
  // Graphs of hnswlib belong to one thread.
  const isHnswlib = guide !== undefined && fs.indexing.options.hnswlib;
  const slots = takeSlots(fs, isHnswlib ? 1 : search.queries);
  const [first] = slots as [JobSlot];
  const view: View = { file, guide, mapping, memory: [] };
  let rows: number;
  try {
    rows = describe(fs, first, view, search);
  } catch (error) {
    for (const block of view.memory) fs.transfer.give(block);
    for (const slot of slots) fs.exchange.give(slot);
    throw error;
  }
  const { fields } = first;
  fields[PID] = call.request.pid;
  fields[NODE] = file.inode.number;
  fields[SEARCH_BATCH] = search.isBatch ? 1 : 0;
  first.bytes.set(call.request.bytes.subarray(call.at, call.at + call.size));
  file.searches += search.queries;
  if (guide === undefined) file.rowsScanned += rows * search.queries;
  else guide.searches += search.queries;
  if (slots.length === 1) begin(fs, view, first, call.request.unique);
  else beginParts(fs, view, slots, call, search.queries);
}

/**
 * Has an engine thread measure the recall of an index by so many of its rows; `done` gets an errno, or 0 and the recall. Throws
 * Park when no thread is free.
 */
export function measureRecall(
  fs: Filesystem,
  unique: number,
  guide: FileIndex,
  sample: number,
  done: (code: number, recall: number) => void,
): void {
  const { file, description } = guide;
  const view: View = { file, guide, mapping: fs.vectors.mapping(file), memory: [] };
  const [slot] = takeSlots(fs, 1) as [JobSlot];
  const { metric } = description;
  try {
    describe(fs, slot, view, { isBatch: false, queries: sample, metric, k: 1, ef: 0, exact: false });
  } catch (error) {
    for (const block of view.memory) fs.transfer.give(block);
    fs.exchange.give(slot);
    throw error;
  }
  const { fields } = slot;
  fields[KIND] = JOB.RECALL;
  fields[UNIQUE] = unique;
  fields[NODE] = file.inode.number;
  fields[SEARCH_QUERIES] = sample;
  file.pins += 1;
  fs.pin(slot, () => {
    release(fs, view, slot);
    for (const block of view.memory) fs.transfer.give(block);
    done(fields[RESULT]!, fields[SEARCH_FIRST]!);
  });
  fs.submit(ENGINE_QUEUE, slot, unique);
}

/** As many as threads can work on. Throws Park when there is none. */
function takeSlots(fs: Filesystem, queries: number): JobSlot[] {
  const most = Math.min(fs.searchThreads, Math.floor(queries / LEAST_PART));
  const slots: JobSlot[] = [];
  do {
    const slot = fs.exchange.take(SPARE.caller);
    if (slot === undefined) break;
    slots.push(slot);
  } while (slots.length < most);
  if (slots.length === 0) throw new Park();
  return slots;
}

/** What all parts of a search have in common. Returns the rows that there are. */
function describe(
  fs: Filesystem,
  { fields }: JobSlot,
  { file, guide, mapping, memory }: View,
  search: SearchRequest,
): number {
  const { layout } = file.set;
  const stride = strideOf(layout);
  const { ids, slots, rows } = file.ids.info();
  fields[SEARCH_LIVE] = 0;
  fields[SEARCH_BASE] = mapping?.base ?? 0;
  fields[SEARCH_POPULATE] = 0;
  fields[SEARCH_POPULATE_END] = 0;
  fields[SEARCH_SEGMENTS] = 0;
  fields[SEARCH_SEGMENT_COUNT] = 0;
  fields[SEARCH_INDEX] = guide?.handle ?? 0;
  fields[SEARCH_EXTENTS] = 0;
  fields[SEARCH_EF] = search.ef;
  fields[SEARCH_PATH] = 0;
  fields[SEARCH_HNSWLIB] = 0;
  fields[SEARCH_ROWS] = rows;
  fields[SEARCH_TAIL] = 0;
  fields[SEARCH_TAIL_COUNT] = 0;
  fields[SEARCH_OFFSET] = layout.dataOffset;
  fields[SEARCH_STRIDE] = stride;
  fields[SEARCH_SLOTS] = slots;
  fields[SEARCH_IDS] = ids;
  fields[SEARCH_ELEMENT] = layout.elementType;
  fields[SEARCH_DIMENSIONS] = layout.dimensions;
  fields[SEARCH_ROW_BYTES] = bytesOfRow(layout);
  if (rows < slots || guide !== undefined) {
    const words = Math.ceil(slots / 64);
    const bitmap = fs.transfer.take(words * 8);
    memory.push(bitmap);
    file.ids.snapshotLive(bitmap.address, words);
    fields[SEARCH_LIVE] = bitmap.address;
  }
  if (guide !== undefined) {
    const { hnswlib } = fs.indexing.options;
    fields[SEARCH_HNSWLIB] = hnswlib ? 1 : 0;
    if (mapping === undefined || hnswlib) fields[SEARCH_EXTENTS] = rowExtentsOf(fs, guide).address;
    if (search.ef === 0) fields[SEARCH_EF] = guide.description.efSearch;
    const waiting = guide.queue.rows;
    if (waiting === 0) return rows;
    const tail = fs.transfer.take(waiting * 4);
    memory.push(tail);
    const list = new Uint32Array(tail.bytes.buffer, tail.bytes.byteOffset, waiting);
    fields[SEARCH_TAIL] = tail.address;
    fields[SEARCH_TAIL_COUNT] = guide.queue.slots(list);
  } else if (mapping === undefined) {
    const pairs = segmentPairs(fs.volume, file.inode, layout.dataOffset, slots * stride);
    const list = fs.transfer.take(Math.max(16, pairs.byteLength));
    memory.push(list);
    new Float64Array(list.bytes.buffer, list.bytes.byteOffset, pairs.length).set(pairs);
    fields[SEARCH_SEGMENTS] = list.address;
    fields[SEARCH_SEGMENT_COUNT] = pairs.length / 2;
  } else {
    const end = layout.dataOffset + slots * stride;
    fields[SEARCH_POPULATE] = Math.min(mapping.populated, end);
    fields[SEARCH_POPULATE_END] = end;
  }
  return rows;
}

/** One job that answers the call itself. */
function begin(fs: Filesystem, view: View, slot: JobSlot, unique: number): void {
  const { fields } = slot;
  fields[KIND] = JOB.SEARCH;
  fields[UNIQUE] = unique;
  fields[SEARCH_FIRST] = 0;
  fields[SEARCH_QUERIES] = fields[SEARCH_BATCH] === 1 ? batchSearch.count.get(slot.view, 0) : 1;
  view.file.pins += 1;
  fs.pin(slot, () => {
    release(fs, view, slot);
    for (const block of view.memory) fs.transfer.give(block);
  });
  fs.submit(fields[SEARCH_HNSWLIB] === 1 ? INDEX_QUEUE : ENGINE_QUEUE, slot, unique);
}

/** A part of the queries for each slot; the last one that comes back has the call answered, with the error of the first part that has one. */
function beginParts(
  fs: Filesystem,
  view: View,
  slots: readonly JobSlot[],
  call: Call,
  queries: number,
): void {
  const { unique } = call.request;
  const [first] = slots as [JobSlot];
  const argument = first.bytes.slice(0, call.size);
  const codes: number[] = [];
  let left = slots.length;
  fs.waiting.set(unique, () => {
    for (const slot of under) fs.exchange.interrupt(slot);
  });
  const under = new Set(slots);
  slots.forEach((slot, i) => {
    const { fields } = slot;
    if (slot !== first) {
      fields.set(first.fields);
      slot.bytes.set(argument);
    }
    fields[KIND] = JOB.SEARCH_PART;
    fields[UNIQUE] = 0;
    const from = Math.floor((queries * i) / slots.length);
    fields[SEARCH_FIRST] = from;
    fields[SEARCH_QUERIES] = Math.floor((queries * (i + 1)) / slots.length) - from;
    view.file.pins += 1;
  });
  slots.forEach((slot, i) => {
    fs.pin(slot, () => {
      under.delete(slot);
      release(fs, view, slot);
      codes[i] = slot.fields[RESULT]!;
      left -= 1;
      if (left > 0) return;
      fs.waiting.delete(unique);
      for (const block of view.memory) fs.transfer.give(block);
      answer(fs, unique, argument, codes.find((code) => code !== 0) ?? 0);
    });
    fs.submit(ENGINE_QUEUE, slot, 0);
  });
}

/** A job does not look at the file any more. */
function release(fs: Filesystem, { file, guide, mapping }: View, { fields }: JobSlot): void {
  file.pins -= 1;
  if (guide !== undefined && fields[SEARCH_PATH] === SearchPath.FALLBACK) fs.indexing.suspect(guide);
  const populated = fields[SEARCH_POPULATE_END]!;
  if (mapping !== undefined && fields[SEARCH_POPULATE]! <= mapping.populated)
    mapping.populated = Math.max(mapping.populated, populated);
}

function answer(fs: Filesystem, unique: number, argument: Uint8Array, code: number): void {
  if (code !== 0) {
    fs.connection.fail(unique, code);
    return;
  }
  const { output } = fs.connection;
  const at = ioctlReply(output.view);
  output.bytes.set(argument, at);
  fs.connection.send(unique, at - Connection.PAYLOAD_AT + argument.length);
}
