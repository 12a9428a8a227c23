import { bestCpu, scanRequest, scanRun, topkFinish, topkInit } from '../../engine/index.js';
import { errno, memoryAt } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, searchJob } from '../jobs.js';
import { ImageReader } from './image_reader.js';
import { prepareIn } from './prepare_query.js';
import type { Questions } from './questions.js';
import type { Places } from './search_memory.js';

/**
 * Answers `count` queries by all rows, a window of them at a time, where they cannot be mapped: hits of the last one, or -errno.
 * The rows are read for each query.
 */
export function answerRead(
  thread: EngineThread,
  slot: JobSlot,
  { metric, k }: Questions,
  places: Places,
  windowBytes: number,
  count: number,
): number {
  const { fields } = slot;
  const dimensions = fields[searchJob.dimensions]!;
  const counts = memoryAt(places.counts, count * 4).view;
  const allDistances = memoryAt(places.distances, count * k * 4).bytes;
  const allIds = memoryAt(places.ids, count * k * 8).bytes;
  let hits = 0;
  for (let i = 0; i < count; i++) {
    const values = places.values + i * dimensions * 4;
    const distances = places.distances + i * k * 4;
    const ids = places.ids + i * k * 8;
    if (thread.exchange.isInterrupted(slot)) return -errno.EINTR;
    if (!prepareIn(places, values, metric, fields[searchJob.element]!, dimensions)) return -errno.EINVAL;
    topkInit(places.topk, k);
    const scanned = scan(thread, slot, places, windowBytes);
    if (scanned < 0) return scanned;
    hits = topkFinish(places.topk, distances, ids, 0);
    // Nothing of an earlier search goes to the caller.
    if (hits < k) {
      allDistances.fill(0, (i * k + hits) * 4, (i + 1) * k * 4);
      allIds.fill(0, (i * k + hits) * 8, (i + 1) * k * 8);
    }
    counts.setUint32(i * 4, hits, true);
  }
  return hits;
}

function scan(thread: EngineThread, slot: JobSlot, places: Places, windowBytes: number): number {
  const { fields } = slot;
  const stride = fields[searchJob.stride]!;
  const slots = fields[searchJob.slots]!;
  const count = fields[searchJob.segmentCount]!;
  const list = memoryAt(fields[searchJob.segments]!, Math.max(16, count * 16)).bytes;
  const reader = new ImageReader(thread.imageFd, new Float64Array(list.buffer, list.byteOffset, count * 2));
  const perWindow = Math.floor(windowBytes / stride);
  const { view } = memoryAt(places.scan, scanRequest.$.size);
  scanRequest.rows.set(view, 0, places.window);
  scanRequest.stride.set(view, 0, stride);
  scanRequest.ids.set(view, 0, fields[searchJob.ids]!);
  scanRequest.live.set(view, 0, fields[searchJob.live]!);
  scanRequest.interrupt.set(view, 0, thread.exchange.interruptAddress(slot));
  scanRequest.scratch.set(view, 0, places.scratch);
  for (let first = 0; first < slots; first += perWindow) {
    const rows = Math.min(perWindow, slots - first);
    if (!reader.read(places.window, rows * stride)) {
      fields[anyJob.failedAt] = reader.failedAt + 1;
      return -errno.EIO;
    }
    scanRequest.first.set(view, 0, first);
    scanRequest.n.set(view, 0, rows);
    const result = scanRun(bestCpu, places.query, places.scan, places.topk);
    if (result < 0) return result;
  }
  return 0;
}
