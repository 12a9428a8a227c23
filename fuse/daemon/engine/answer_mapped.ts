import { SearchType } from '@vexfs/shared';
import {
  answerQuestions,
  bestCpu,
  indexRows,
  indexSearch,
  questions as layout,
  measureRecall,
  rowsOfExtents,
  Searcher,
} from '../../engine/index.js';
import {
  allocateMemory,
  errno,
  MADV_POPULATE_READ,
  type Memory,
  madvise,
  PAGE_SIZE,
} from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, NOT_MAPPED, searchJob } from '../jobs.js';
import type { Questions } from './questions.js';
import { type Places, placesFor } from './search_memory.js';

/** Bytes that are read in between two looks at the interrupt word. */
const POPULATE_PIECE = 64 << 20;

/** Of this thread. */
let searcher: Searcher | undefined;
let request: Memory | undefined;

const ROWS = layout.$.size;
const SEARCH = layout.search.offset;

/**
 * Answers `count` queries that stand in the places, by the index of the rows or by all rows where they are mapped: hits of the
 * last one, or -errno.
 */
export function answerMapped(
  thread: EngineThread,
  slot: JobSlot,
  asked: Questions,
  places: Places,
  count: number,
): number {
  const { fields } = slot;
  if (fields[searchJob.index] === 0) {
    if (fields[searchJob.slots] === 0) fields[searchJob.populateEnd] = fields[searchJob.populate]!;
    const populated = populate(thread, slot);
    if (populated < 0) return populated;
  }
  request ??= allocateMemory(layout.$.size + indexRows.$.size);
  describe(thread, slot, asked, places, count, request);
  const found = answerQuestions(request.address);
  fields[searchJob.path] = Math.max(fields[searchJob.path]!, layout.path.get(request.view, 0));
  return unlessUnreadable(slot, found);
}

/** Job RECALL: compares what the index finds with what is there. */
export function recall(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  const k = 1;
  const places = placesFor({ dimensions: fields[searchJob.dimensions]!, k, windowBytes: 0, queries: 1 });
  request ??= allocateMemory(layout.$.size + indexRows.$.size);
  describe(thread, slot, { metric: SearchType.EUCLIDEAN, k }, places, 1, request);
  const measured = unlessUnreadable(slot, measureRecall(request.address, fields[searchJob.queries]!));
  fields[anyJob.result] = Math.max(0, -measured);
  fields[searchJob.first] = Math.max(0, measured);
}

function unlessUnreadable({ fields }: JobSlot, found: number): number {
  if (found !== -errno.EIO) return found;
  fields[anyJob.failedAt] = NOT_MAPPED;
  // It was left in the middle of a search.
  searcher?.destroy();
  searcher = undefined;
  return found;
}

function describe(
  thread: EngineThread,
  slot: JobSlot,
  { metric, k }: Pick<Questions, 'metric' | 'k'>,
  places: Places,
  count: number,
  { view, address }: Memory,
): void {
  const { fields } = slot;
  const slots = fields[searchJob.slots]!;
  if (fields[searchJob.index] !== 0) searcher ??= new Searcher();
  layout.cpu.set(view, 0, bestCpu);
  layout.index.set(view, 0, fields[searchJob.index]!);
  layout.searcher.set(view, 0, searcher?.handle ?? 0);
  layout.query.set(view, 0, places.query);
  layout.topk.set(view, 0, places.topk);
  layout.scratch.set(view, 0, places.scratch);
  layout.row.set(view, 0, places.row);
  layout.values.set(view, 0, places.values);
  layout.distances.set(view, 0, places.distances);
  layout.ids.set(view, 0, places.ids);
  layout.counts.set(view, 0, places.counts);
  layout.metric.set(view, 0, metric);
  layout.element.set(view, 0, fields[searchJob.element]!);
  layout.dims.set(view, 0, fields[searchJob.dimensions]!);
  layout.count.set(view, 0, count);
  indexSearch.rows.set(view, SEARCH, address + ROWS);
  indexSearch.ids.set(view, SEARCH, fields[searchJob.ids]!);
  indexSearch.live.set(view, SEARCH, fields[searchJob.live]!);
  indexSearch.tail.set(view, SEARCH, fields[searchJob.tail]!);
  indexSearch.interrupt.set(view, SEARCH, thread.exchange.interruptAddress(slot));
  indexSearch.tail_count.set(view, SEARCH, fields[searchJob.tailCount]!);
  indexSearch.slots.set(view, SEARCH, slots);
  indexSearch.k.set(view, SEARCH, k);
  indexSearch.ef.set(view, SEARCH, fields[searchJob.ef]!);
  if (fields[searchJob.base] === 0) {
    rowsOfExtents(fields[searchJob.extents]!, address + ROWS);
    return;
  }
  indexRows.base.set(view, ROWS, fields[searchJob.base]! + fields[searchJob.offset]!);
  indexRows.stride.set(view, ROWS, fields[searchJob.stride]!);
  indexRows.get.set(view, ROWS, 0);
  indexRows.put.set(view, ROWS, 0);
  indexRows.context.set(view, ROWS, 0);
  indexRows.slots.set(view, ROWS, slots);
}

/**
 * Reads mapped rows in, the first time that all of them are compared: with large reads, and with an errno where a sector is bad.
 * What has been evicted since is read again as it is touched, which the engine survives.
 */
function populate(thread: EngineThread, slot: JobSlot): number {
  const { fields } = slot;
  const base = fields[searchJob.base]!;
  const end = Math.ceil(fields[searchJob.populateEnd]! / PAGE_SIZE) * PAGE_SIZE;
  for (let at = Math.floor(fields[searchJob.populate]! / PAGE_SIZE) * PAGE_SIZE; at < end; ) {
    if (thread.exchange.isInterrupted(slot)) return notPopulated(slot, -errno.EINTR);
    const length = Math.min(POPULATE_PIECE, end - at);
    const result = madvise(base + at, length, MADV_POPULATE_READ);
    // Kernels before 5.14 do not know the advice: pages are then read in by the loop itself.
    if (result === -errno.EINVAL) return 0;
    if (result === -errno.EINTR || result === -errno.EAGAIN) continue;
    if (result === -errno.ENOMEM) return notPopulated(slot, result);
    if (result < 0) {
      fields[anyJob.failedAt] = NOT_MAPPED;
      return notPopulated(slot, -errno.EIO);
    }
    at += length;
  }
  return 0;
}

function notPopulated({ fields }: JobSlot, result: number): number {
  fields[searchJob.populateEnd] = fields[searchJob.populate]!;
  return result;
}
