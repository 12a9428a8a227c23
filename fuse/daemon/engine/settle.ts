import { memoryAt } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, settleJob } from '../jobs.js';
import { invalidate } from './announce.js';
import { ImageReader } from './image_reader.js';

/**
 * Job SETTLE: mapped stores behind a byte of a file are written back, and segments of it come into the page cache. Whether they
 * could be read, the FUSE thread finds out.
 */
export function settle(thread: EngineThread, { fields }: JobSlot): void {
  invalidate(thread, fields[anyJob.node]!, fields[settleJob.from]!);
  const count = fields[settleJob.segments]!;
  const list = memoryAt(fields[settleJob.segmentsAt]!, Math.max(16, count * 16)).bytes;
  const pairs = new Float64Array(list.buffer, list.byteOffset, count * 2);
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += pairs[i * 2 + 1]!;
  new ImageReader(thread.imageFd, pairs).read(fields[settleJob.room]!, bytes);
}
