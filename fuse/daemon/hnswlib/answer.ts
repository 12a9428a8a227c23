import { bestCpu, readRow, scanRequest, scanRun, topkFinish, topkInit } from '../../engine/index.js';
import { errno, memoryAt } from '../../system/index.js';
import { prepareIn } from '../engine/prepare_query.js';
import type { Questions } from '../engine/questions.js';
import type { Places } from '../engine/search_memory.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, NOT_MAPPED, searchJob } from '../jobs.js';
import { graphAt } from './slot_graph.js';

/** Rows between two looks at whether the caller was interrupted. */
const LOOK = 1024;

/**
 * Answers `count` queries by a graph of hnswlib: what it proposes, and rows that it has not taken, are compared by the engine, so the
 * distances are those of every other search. Every row is, where it proposes too few. Hits of the last one, or -errno.
 */
export function answerByHnswlib(
  thread: EngineThread,
  slot: JobSlot,
  { metric, k }: Questions,
  places: Places,
  count: number,
): number {
  const { fields } = slot;
  const dimensions = fields[searchJob.dimensions]!;
  const graph = graphAt(fields[searchJob.index]!);
  const counts = memoryAt(places.counts, count * 4).view;
  const tail = tailOf(fields);
  const waits = new Set(tail);
  const wanted = Math.min(k, fields[searchJob.rows]!);
  let hits = 0;
  for (let i = 0; i < count; i++) {
    const values = places.values + i * dimensions * 4;
    const distances = places.distances + i * k * 4;
    const ids = places.ids + i * k * 8;
    if (!prepareIn(places, values, metric, fields[searchJob.element]!, dimensions)) return -errno.EINVAL;
    const { bytes } = memoryAt(values, dimensions * 4);
    const query = new Float32Array(bytes.buffer, bytes.byteOffset, dimensions);
    const near = graph.near(query, k, fields[searchJob.ef]!).filter((row) => !waits.has(row));
    hits = compare(thread, slot, places, k, [...near, ...waits], distances, ids);
    if (hits >= 0 && hits < wanted) hits = compare(thread, slot, places, k, allSlots(fields), distances, ids);
    if (hits < 0) return hits;
    if (hits < k) {
      memoryAt(distances + hits * 4, (k - hits) * 4).bytes.fill(0);
      memoryAt(ids + hits * 8, (k - hits) * 8).bytes.fill(0);
    }
    counts.setUint32(i * 4, hits, true);
  }
  return hits;
}

function tailOf(fields: Float64Array): Uint32Array {
  const count = fields[searchJob.tailCount]!;
  if (count === 0) return new Uint32Array(0);
  const { bytes } = memoryAt(fields[searchJob.tail]!, count * 4);
  return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
}

function* allSlots(fields: Float64Array): Generator<number> {
  for (let row = 0; row < fields[searchJob.slots]!; row++) yield row;
}

/** Compares the rows that live among these slots: how many are the k nearest, or -errno. */
function compare(
  thread: EngineThread,
  slot: JobSlot,
  places: Places,
  k: number,
  slots: Iterable<number>,
  distances: number,
  ids: number,
): number {
  const { fields } = slot;
  const end = fields[searchJob.slots]!;
  const live = memoryAt(fields[searchJob.live]!, Math.ceil(end / 64) * 8).bytes;
  const { view } = memoryAt(places.scan, scanRequest.$.size);
  scanRequest.rows.set(view, 0, places.window);
  scanRequest.stride.set(view, 0, fields[searchJob.stride]!);
  scanRequest.ids.set(view, 0, fields[searchJob.ids]!);
  scanRequest.live.set(view, 0, 0);
  scanRequest.interrupt.set(view, 0, thread.exchange.interruptAddress(slot));
  scanRequest.scratch.set(view, 0, places.scratch);
  scanRequest.n.set(view, 0, 1);
  topkInit(places.topk, k);
  let seen = 0;
  for (const row of slots) {
    seen += 1;
    if (seen % LOOK === 0 && thread.exchange.isInterrupted(slot)) return -errno.EINTR;
    if (row >= end || (live[row >> 3]! & (1 << (row & 7))) === 0) continue;
    const failed = readRow(fields[searchJob.extents]!, row, places.window);
    if (failed !== 0) {
      fields[anyJob.failedAt] = NOT_MAPPED;
      return failed;
    }
    scanRequest.first.set(view, 0, row);
    const scanned = scanRun(bestCpu, places.query, places.scan, places.topk);
    if (scanned < 0) return scanned;
  }
  return topkFinish(places.topk, distances, ids, 0);
}
