import { batchSearch, ElementType, isElementType, type SearchType, vectorSearchRequest } from '@vexfs/shared';
import {
  bestCpu,
  decodeRows,
  encodeRows,
  firstNotFinite,
  prepareQuery,
  queryBytes,
  SCAN_SCRATCH_BYTES,
  scanRequest,
  scanRun,
  topkBytes,
  topkFinish,
  topkInit,
} from '../../engine/index.js';
import { Connection } from '../../server/connection.js';
import {
  allocateMemory,
  errno,
  freeMemory,
  MADV_POPULATE_READ,
  type Memory,
  madvise,
  memoryAt,
  mincore,
  PAGE_SIZE,
} from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import {
  FAILED_AT,
  NOT_MAPPED,
  PID,
  SEARCH_BASE,
  SEARCH_BATCH,
  SEARCH_DIMENSIONS,
  SEARCH_EF,
  SEARCH_ELEMENT,
  SEARCH_IDS,
  SEARCH_INDEX,
  SEARCH_LIVE,
  SEARCH_OFFSET,
  SEARCH_POPULATE,
  SEARCH_POPULATE_END,
  SEARCH_SEGMENT_COUNT,
  SEARCH_SEGMENTS,
  SEARCH_SLOTS,
  SEARCH_STRIDE,
  UNIQUE,
} from '../jobs.js';
import { ioctlResult } from './announce.js';
import { copyIn, copyOut } from './caller_memory.js';
import { ImageReader } from './image_reader.js';
import { navigate } from './navigate.js';

const AT = Connection.PAYLOAD_AT;
/** Bytes that are read in between two looks at the interrupt word. */
const POPULATE_PIECE = 64 << 20;
/** Bytes of rows that are read at a time where they cannot be mapped. */
const WINDOW = 1 << 20;

/** Memory of this thread, grown to what the largest search needed. */
class Workspace {
  private memory: Memory | undefined;

  take(bytes: number): Memory {
    if (this.memory === undefined || this.memory.bytes.length < bytes) {
      if (this.memory !== undefined) freeMemory(this.memory);
      this.memory = allocateMemory(Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE);
    }
    return this.memory;
  }
}

const workspace = new Workspace();
const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Where the parts of a search lie in the workspace. */
export interface Places {
  readonly query: number;
  readonly values: number;
  readonly converted: number;
  readonly scan: number;
  readonly scratch: number;
  readonly topk: number;
  readonly distances: number;
  readonly ids: number;
  readonly counts: number;
  readonly window: number;
  readonly memory: Memory;
}

/** Room for so many queries, their results, and what one search needs beside them. */
function lay(dimensions: number, k: number, windowBytes: number, queries: number): Places {
  const sizes = {
    query: queryBytes(dimensions),
    values: queries * dimensions * 4,
    converted: dimensions * 4,
    scan: scanRequest.$.size,
    scratch: SCAN_SCRATCH_BYTES,
    topk: topkBytes(k),
    distances: queries * k * 4,
    ids: queries * k * 8,
    counts: queries * 4,
    window: windowBytes,
  };
  const total = Object.values(sizes).reduce((sum, bytes) => sum + aligned(bytes), 0);
  const memory = workspace.take(total);
  let next = memory.address;
  const place = (bytes: number): number => {
    const at = next;
    next += aligned(bytes);
    return at;
  };
  return {
    query: place(sizes.query),
    values: place(sizes.values),
    converted: place(sizes.converted),
    scan: place(sizes.scan),
    scratch: place(sizes.scratch),
    topk: place(sizes.topk),
    distances: place(sizes.distances),
    ids: place(sizes.ids),
    counts: place(sizes.counts),
    window: place(sizes.window),
    memory,
  };
}

/** What a job asks for: `count` queries, and where the caller wants the answers. */
interface Questions {
  readonly count: number;
  readonly k: number;
  readonly metric: SearchType;
  readonly queries: bigint;
  readonly results: bigint;
  readonly ids: bigint;
  /** 0n: the only count stands in the argument. */
  readonly counts: bigint;
  /** Of the argument. */
  readonly size: number;
}

function questionsOf({ fields, view }: JobSlot): Questions {
  if (fields[SEARCH_BATCH] === 1) {
    return {
      count: batchSearch.count.get(view, 0),
      k: batchSearch.k.get(view, 0),
      metric: batchSearch.search_type.get(view, 0) as SearchType,
      queries: batchSearch.queries.getBig(view, 0),
      results: batchSearch.results.getBig(view, 0),
      ids: batchSearch.result_ids.getBig(view, 0),
      counts: batchSearch.result_counts.getBig(view, 0),
      size: batchSearch.$.size,
    };
  }
  return {
    count: 1,
    k: vectorSearchRequest.k.get(view, 0),
    metric: vectorSearchRequest.search_type.get(view, 0) as SearchType,
    queries: vectorSearchRequest.query_vector.getBig(view, 0),
    results: vectorSearchRequest.results.getBig(view, 0),
    ids: vectorSearchRequest.result_ids.getBig(view, 0),
    counts: 0n,
    size: vectorSearchRequest.$.size,
  };
}

/** Job SEARCH: searches the pinned rows, by their index where the FUSE thread named one; answers the call. */
export function search(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  const unique = fields[UNIQUE]!;
  const questions = questionsOf(slot);
  const result = run(thread, slot, questions);
  if (result < 0) {
    thread.connection.fail(unique, -result);
    return;
  }
  const out = ioctlResult(thread);
  const reply = thread.connection.output;
  reply.bytes.set(slot.bytes.subarray(0, questions.size), out);
  if (fields[SEARCH_BATCH] !== 1) vectorSearchRequest.result_count.set(reply.view, out, result);
  thread.connection.send(unique, out - AT + questions.size);
}

/** Bytes of queries and results that are moved at a time. */
const MOVED = 1 << 20;
const MOST_MOVED = 256;

/** Hits of the last query, or -errno. The answers go to the caller piece by piece. */
function run(thread: EngineThread, slot: JobSlot, questions: Questions): number {
  const { fields } = slot;
  const { count, k, counts } = questions;
  const pid = fields[PID]!;
  const dimensions = fields[SEARCH_DIMENSIONS]!;
  const scans = fields[SEARCH_INDEX] === 0;
  const windowBytes = scans && fields[SEARCH_BASE] === 0 ? Math.max(WINDOW, fields[SEARCH_STRIDE]!) : 0;
  const each = dimensions * 4 + k * 12;
  const most = Math.max(1, Math.min(count, MOST_MOVED, Math.floor(MOVED / each)));
  const places = lay(dimensions, k, windowBytes, most);
  let hits = 0;
  for (let first = 0; first < count; first += most) {
    const part = Math.min(most, count - first);
    const rowBytes = dimensions * 4;
    const copied = copyIn(pid, places.values, questions.queries + BigInt(first * rowBytes), part * rowBytes);
    if (copied !== 0) return -copied;
    const found = memoryAt(places.counts, most * 4).view;
    for (let i = 0; i < part; i++) {
      hits = one(thread, slot, questions, windowBytes, {
        ...places,
        values: places.values + i * rowBytes,
        distances: places.distances + i * k * 4,
        ids: places.ids + i * k * 8,
      });
      if (hits < 0) return hits;
      found.setUint32(i * 4, hits, true);
      if (hits < k && counts !== 0n) clearRest(places, i * k + hits, k - hits);
    }
    const filled = counts === 0n ? hits : part * k;
    const failed =
      copyOut(pid, places.distances, questions.results + BigInt(first * k * 4), filled * 4) ||
      copyOut(pid, places.ids, questions.ids + BigInt(first * k * 8), filled * 8) ||
      (counts === 0n ? 0 : copyOut(pid, places.counts, counts + BigInt(first * 4), part * 4));
    if (failed !== 0) return -failed;
  }
  return hits;
}

/** Places without a hit are zeros: nothing of an earlier search goes to the caller. */
function clearRest(places: Places, from: number, count: number): void {
  memoryAt(places.distances + from * 4, count * 4).bytes.fill(0);
  memoryAt(places.ids + from * 8, count * 8).bytes.fill(0);
}

/** Hits of one query, in its places, or -errno. */
function one(
  thread: EngineThread,
  slot: JobSlot,
  { metric, k }: Questions,
  windowBytes: number,
  places: Places,
): number {
  const { fields } = slot;
  if (thread.exchange.isInterrupted(slot)) return -errno.EINTR;
  if (!prepare(places, metric, fields[SEARCH_ELEMENT]!, fields[SEARCH_DIMENSIONS]!)) return -errno.EINVAL;
  return fields[SEARCH_INDEX] === 0
    ? scan(thread, slot, places, k, windowBytes)
    : navigate(thread, slot, places, k, fields[SEARCH_EF]!);
}

/** Compares every row: hits in the places of the results, or -errno. */
function scan(thread: EngineThread, slot: JobSlot, places: Places, k: number, windowBytes: number): number {
  const { fields } = slot;
  topkInit(places.topk, k);
  if (fields[SEARCH_SLOTS]! > 0) {
    const scanned =
      fields[SEARCH_BASE] === 0
        ? scanRead(thread, slot, places, windowBytes)
        : scanMapped(thread, slot, places);
    if (scanned < 0) return scanned;
  }
  return topkFinish(places.topk, places.distances, places.ids, 0);
}

/** The query is converted as a stored row would be, so that a row finds itself at distance 0 whatever its type. */
function prepare(places: Places, metric: SearchType, element: number, dimensions: number): boolean {
  const { values, converted, query } = places;
  if (firstNotFinite(bestCpu, values, dimensions) !== dimensions) return false;
  if (!isElementType(element)) return false;
  let from = values;
  if (element !== ElementType.FLOAT32) {
    const row = converted;
    if (encodeRows(bestCpu, element, dimensions, values, 1, row, dimensions * 4) !== 1) return false;
    if (decodeRows(bestCpu, element, dimensions, row, dimensions * 4, 1, values) !== 0) return false;
    from = values;
  }
  return prepareQuery(bestCpu, query, metric, element, dimensions, from) === 0;
}

function describeScan(
  slot: JobSlot,
  thread: EngineThread,
  places: Places,
  rows: number,
  first: number,
  count: number,
): void {
  const { fields } = slot;
  const { view } = memoryAt(places.scan, scanRequest.$.size);
  scanRequest.rows.set(view, 0, rows);
  scanRequest.stride.set(view, 0, fields[SEARCH_STRIDE]!);
  scanRequest.ids.set(view, 0, fields[SEARCH_IDS]!);
  scanRequest.live.set(view, 0, fields[SEARCH_LIVE]!);
  scanRequest.interrupt.set(view, 0, thread.exchange.interruptAddress(slot));
  scanRequest.scratch.set(view, 0, places.scratch);
  scanRequest.first.set(view, 0, first);
  scanRequest.n.set(view, 0, count);
}

function scanMapped(thread: EngineThread, slot: JobSlot, places: Places): number {
  const { fields } = slot;
  const base = fields[SEARCH_BASE]!;
  const populated = populate(thread, slot, base);
  if (populated < 0) {
    fields[SEARCH_POPULATE_END] = fields[SEARCH_POPULATE]!;
    return populated;
  }
  describeScan(slot, thread, places, base + fields[SEARCH_OFFSET]!, 0, fields[SEARCH_SLOTS]!);
  return scanRun(bestCpu, places.query, places.scan, places.topk);
}

/** A byte for each page of a piece; made when it is first needed. */
let residence: Memory | undefined;

/** Whether pages that were read in once are still in memory. */
function isResident(address: number, length: number): boolean {
  residence ??= allocateMemory(POPULATE_PIECE / PAGE_SIZE);
  if (mincore(address, length, residence.address) < 0) return false;
  return !residence.bytes.subarray(0, length / PAGE_SIZE).includes(0);
}

/**
 * Reads mapped rows in, so that a bad sector is an error here and not a SIGBUS in the loop. Those that were read in for an
 * earlier search may have been evicted since.
 */
function populate(thread: EngineThread, slot: JobSlot, base: number): number {
  const { fields } = slot;
  const end = fields[SEARCH_POPULATE_END]!;
  const known = Math.floor(fields[SEARCH_POPULATE]! / PAGE_SIZE) * PAGE_SIZE;
  for (let at = 0; at < end; ) {
    if (thread.exchange.isInterrupted(slot)) return -errno.EINTR;
    const stop = at < known ? known : Math.ceil(end / PAGE_SIZE) * PAGE_SIZE;
    const length = Math.min(POPULATE_PIECE, stop - at);
    if (at < known && isResident(base + at, length)) {
      at += length;
      continue;
    }
    const result = madvise(base + at, length, MADV_POPULATE_READ);
    // Kernels before 5.14 do not know the advice: pages are then read in by the loop itself.
    if (result === -errno.EINVAL) return 0;
    if (result === -errno.EINTR || result === -errno.EAGAIN) continue;
    if (result === -errno.ENOMEM) return result;
    if (result < 0) {
      fields[FAILED_AT] = NOT_MAPPED;
      return -errno.EIO;
    }
    at += length;
  }
  return 0;
}

/** Rows that cannot be mapped are read a window at a time. */
function scanRead(thread: EngineThread, slot: JobSlot, places: Places, windowBytes: number): number {
  const { fields } = slot;
  const stride = fields[SEARCH_STRIDE]!;
  const slots = fields[SEARCH_SLOTS]!;
  const count = fields[SEARCH_SEGMENT_COUNT]!;
  const list = memoryAt(fields[SEARCH_SEGMENTS]!, Math.max(16, count * 16)).bytes;
  const reader = new ImageReader(thread.imageFd, new Float64Array(list.buffer, list.byteOffset, count * 2));
  const perWindow = Math.floor(windowBytes / stride);
  for (let first = 0; first < slots; first += perWindow) {
    const rows = Math.min(perWindow, slots - first);
    if (!reader.read(places.window, rows * stride)) {
      fields[FAILED_AT] = reader.failedAt + 1;
      return -errno.EIO;
    }
    describeScan(slot, thread, places, places.window, first, rows);
    const result = scanRun(bestCpu, places.query, places.scan, places.topk);
    if (result < 0) return result;
  }
  return 0;
}
