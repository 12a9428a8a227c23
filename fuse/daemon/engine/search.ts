import { ElementType, isElementType, type SearchType, vectorSearchRequest } from '@vexfs/shared';
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
  readonly window: number;
  readonly memory: Memory;
}

function lay(dimensions: number, k: number, windowBytes: number): Places {
  const sizes = {
    query: queryBytes(dimensions),
    values: dimensions * 4,
    converted: dimensions * 4,
    scan: scanRequest.$.size,
    scratch: SCAN_SCRATCH_BYTES,
    topk: topkBytes(k),
    distances: k * 4,
    ids: k * 8,
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
    window: place(sizes.window),
    memory,
  };
}

/** Job SEARCH: searches the pinned rows, by their index where the FUSE thread named one; answers the call. */
export function search(thread: EngineThread, slot: JobSlot): void {
  const { fields, view } = slot;
  const unique = fields[UNIQUE]!;
  const k = vectorSearchRequest.k.get(view, 0);
  const stride = fields[SEARCH_STRIDE]!;
  const scans = fields[SEARCH_INDEX] === 0;
  const windowBytes = scans && fields[SEARCH_BASE] === 0 ? Math.max(WINDOW, stride) : 0;
  const places = lay(fields[SEARCH_DIMENSIONS]!, k, windowBytes);
  const result = run(thread, slot, places, k, windowBytes);
  if (result < 0) {
    thread.connection.fail(unique, -result);
    return;
  }
  const out = ioctlResult(thread);
  const reply = thread.connection.output;
  reply.bytes.set(slot.bytes.subarray(0, vectorSearchRequest.$.size), out);
  vectorSearchRequest.result_count.set(reply.view, out, result);
  thread.connection.send(unique, out - AT + vectorSearchRequest.$.size);
}

/** Hits written to the caller, or -errno. */
function run(thread: EngineThread, slot: JobSlot, places: Places, k: number, windowBytes: number): number {
  const { fields, view } = slot;
  const pid = fields[PID]!;
  const dimensions = fields[SEARCH_DIMENSIONS]!;
  const copied = copyIn(pid, places.values, vectorSearchRequest.query_vector.getBig(view, 0), dimensions * 4);
  if (copied !== 0) return -copied;
  const metric = vectorSearchRequest.search_type.get(view, 0) as SearchType;
  if (!prepare(places, metric, fields[SEARCH_ELEMENT]!, dimensions)) return -errno.EINVAL;
  const count =
    fields[SEARCH_INDEX] === 0
      ? scan(thread, slot, places, k, windowBytes)
      : navigate(thread, slot, places, k, fields[SEARCH_EF]!);
  if (count < 0) return count;
  const failed =
    copyOut(pid, places.distances, vectorSearchRequest.results.getBig(view, 0), count * 4) ||
    copyOut(pid, places.ids, vectorSearchRequest.result_ids.getBig(view, 0), count * 8);
  return failed === 0 ? count : -failed;
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
