import { batchSearch, type SearchType } from '@vexfs/shared';
import { type IdTable, type LiveCopy, SearchPath } from '../../engine/index.js';
import { Connection } from '../../server/connection.js';
import { errno, type Memory } from '../../system/index.js';
import { bytesOfRow, FsError, strideOf } from '../../volume/index.js';
import { ENGINE_QUEUE, INDEX_QUEUE, type JobSlot, SPARE } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import { rowExtentsOf } from '../indexing/extents.js';
import type { FileIndex } from '../indexing/file_index.js';
import { guideOf } from '../indexing/guide.js';
import { anyJob, JOB, searchJob } from '../jobs.js';
import { Park } from '../park.js';
import type { RowMapping } from '../row_mapping.js';
import { segmentPairs } from '../segments.js';
import type { VectorFile } from '../vector_file.js';
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
  /** The file may have another table when they end. */
  readonly ids: IdTable;
  live: LiveCopy | undefined;
}

/**
 * Pins what a search sees at this moment (the mapped rows, the ids, which slots are live) and gives it to an engine
 * thread, which answers the call; the queries of a batch to several. Blocks, slots and arrays that are freed later are not reused before the
 * search ends.
 */
export function searchRows(fs: Filesystem, call: Call, file: VectorFile, search: SearchRequest): void {
  const guide = search.exact ? undefined : guideOf(fs, file, search.metric, search.k);
  // Graphs of hnswlib belong to one thread.
  const isHnswlib = guide !== undefined && fs.indexing.options.hnswlib;
  const slots = takeSlots(fs, isHnswlib ? 1 : search.queries, call.request.uid);
  const [first] = slots as [JobSlot];
  const view = viewOf(fs, file, guide);
  let rows: number;
  try {
    rows = describe(fs, first, view, search);
  } catch (error) {
    letGo(fs, view);
    for (const slot of slots) fs.exchange.give(slot);
    throw error;
  }
  const { fields } = first;
  fields[anyJob.pid] = call.request.pid;
  fields[anyJob.node] = file.inode.number;
  fields[searchJob.batch] = search.isBatch ? 1 : 0;
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
  const view = viewOf(fs, file, guide);
  const [slot] = takeSlots(fs, 1) as [JobSlot];
  const { metric } = description;
  try {
    describe(fs, slot, view, { isBatch: false, queries: sample, metric, k: 1, ef: 0, exact: false });
  } catch (error) {
    letGo(fs, view);
    fs.exchange.give(slot);
    throw error;
  }
  const { fields } = slot;
  fields[anyJob.kind] = JOB.RECALL;
  fields[anyJob.unique] = unique;
  fields[anyJob.node] = file.inode.number;
  fields[searchJob.queries] = sample;
  file.pins += 1;
  fs.pin(slot, () => {
    release(fs, view, slot);
    letGo(fs, view);
    done(fields[anyJob.result]!, fields[searchJob.first]!);
  });
  fs.submit(ENGINE_QUEUE, slot, unique);
}

function viewOf(fs: Filesystem, file: VectorFile, guide: FileIndex | undefined): View {
  return { file, guide, mapping: fs.vectors.mapping(file), memory: [], ids: file.ids, live: undefined };
}

function liveOf(ids: IdTable): LiveCopy {
  try {
    return ids.takeLive();
  } catch {
    throw new FsError(errno.ENOMEM);
  }
}

/** The last thread that reads the copies has ended, or none has begun. */
function letGo(fs: Filesystem, { memory, ids, live }: View): void {
  for (const block of memory) fs.transfer.give(block);
  if (live !== undefined) ids.giveLive(live);
}

/** As many as threads can work on. Throws Park when there is none. */
function takeSlots(fs: Filesystem, queries: number, user?: number): JobSlot[] {
  const most = Math.min(fs.searchThreads, Math.floor(queries / LEAST_PART));
  const slots: JobSlot[] = [];
  do {
    const slot = fs.exchange.take(SPARE.caller, user);
    if (slot === undefined) break;
    slots.push(slot);
  } while (slots.length < most);
  if (slots.length === 0) throw new Park();
  return slots;
}

/** What all parts of a search have in common. Returns the rows that there are. */
function describe(fs: Filesystem, { fields }: JobSlot, view: View, search: SearchRequest): number {
  const { file, guide, mapping, memory } = view;
  const { layout } = file.set;
  const stride = strideOf(layout);
  const { ids, slots, rows } = file.ids.info();
  fields[searchJob.live] = 0;
  fields[searchJob.base] = mapping?.base ?? 0;
  fields[searchJob.populate] = 0;
  fields[searchJob.populateEnd] = 0;
  fields[searchJob.segments] = 0;
  fields[searchJob.segmentCount] = 0;
  fields[searchJob.index] = guide?.handle ?? 0;
  fields[searchJob.extents] = 0;
  fields[searchJob.ef] = search.ef;
  fields[searchJob.path] = 0;
  fields[searchJob.hnswlib] = 0;
  fields[searchJob.rows] = rows;
  fields[searchJob.tail] = 0;
  fields[searchJob.tailCount] = 0;
  fields[searchJob.offset] = layout.dataOffset;
  fields[searchJob.stride] = stride;
  fields[searchJob.slots] = slots;
  fields[searchJob.ids] = ids;
  fields[searchJob.element] = layout.elementType;
  fields[searchJob.dimensions] = layout.dimensions;
  fields[searchJob.rowBytes] = bytesOfRow(layout);
  if (rows < slots || guide !== undefined) {
    view.live = liveOf(view.ids);
    fields[searchJob.live] = view.live.address;
  }
  if (guide !== undefined) {
    const { hnswlib } = fs.indexing.options;
    fields[searchJob.hnswlib] = hnswlib ? 1 : 0;
    if (mapping === undefined || hnswlib) fields[searchJob.extents] = rowExtentsOf(fs, guide).address;
    if (search.ef === 0) fields[searchJob.ef] = guide.description.efSearch;
    const waiting = guide.queue.rows;
    if (waiting === 0) return rows;
    const tail = fs.transfer.take(waiting * 4);
    memory.push(tail);
    const list = new Uint32Array(tail.bytes.buffer, tail.bytes.byteOffset, waiting);
    fields[searchJob.tail] = tail.address;
    fields[searchJob.tailCount] = guide.queue.slots(list);
  } else if (mapping === undefined) {
    const pairs = segmentPairs(fs.volume, file.inode, layout.dataOffset, slots * stride);
    const list = fs.transfer.take(Math.max(16, pairs.byteLength));
    memory.push(list);
    new Float64Array(list.bytes.buffer, list.bytes.byteOffset, pairs.length).set(pairs);
    fields[searchJob.segments] = list.address;
    fields[searchJob.segmentCount] = pairs.length / 2;
  } else {
    const end = layout.dataOffset + slots * stride;
    fields[searchJob.populate] = Math.min(mapping.populated, end);
    fields[searchJob.populateEnd] = end;
  }
  return rows;
}

/** One job that answers the call itself. */
function begin(fs: Filesystem, view: View, slot: JobSlot, unique: number): void {
  const { fields } = slot;
  fields[anyJob.kind] = JOB.SEARCH;
  fields[anyJob.unique] = unique;
  fields[searchJob.first] = 0;
  fields[searchJob.queries] = fields[searchJob.batch] === 1 ? batchSearch.count.get(slot.view, 0) : 1;
  view.file.pins += 1;
  fs.pin(slot, () => {
    release(fs, view, slot);
    letGo(fs, view);
  });
  fs.submit(fields[searchJob.hnswlib] === 1 ? INDEX_QUEUE : ENGINE_QUEUE, slot, unique);
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
    fields[anyJob.kind] = JOB.SEARCH_PART;
    fields[anyJob.unique] = 0;
    const from = Math.floor((queries * i) / slots.length);
    fields[searchJob.first] = from;
    fields[searchJob.queries] = Math.floor((queries * (i + 1)) / slots.length) - from;
    view.file.pins += 1;
  });
  slots.forEach((slot, i) => {
    fs.pin(slot, () => {
      under.delete(slot);
      release(fs, view, slot);
      codes[i] = slot.fields[anyJob.result]!;
      left -= 1;
      if (left > 0) return;
      fs.waiting.delete(unique);
      letGo(fs, view);
      answer(fs, unique, argument, codes.find((code) => code !== 0) ?? 0);
    });
    fs.submit(ENGINE_QUEUE, slot, 0);
  });
}

/** A job does not look at the file any more. */
function release(fs: Filesystem, { file, guide, mapping }: View, { fields }: JobSlot): void {
  file.pins -= 1;
  if (guide !== undefined && fields[searchJob.path] === SearchPath.FALLBACK) fs.indexing.suspect(guide);
  const populated = fields[searchJob.populateEnd]!;
  if (mapping !== undefined && fields[searchJob.populate]! <= mapping.populated)
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
