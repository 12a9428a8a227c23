import { getEmbedding, isElementType } from '@vexfs/shared';
import { bestCpu, decodeRows } from '../../engine/index.js';
import { Connection } from '../../server/connection.js';
import { errno, memoryAt } from '../../system/index.js';
import { aligned } from '../cache_line.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, getJob } from '../jobs.js';
import { ioctlResult } from './announce.js';
import { copyOut } from './caller_memory.js';
import { ImageReader } from './image_reader.js';

const AT = Connection.PAYLOAD_AT;

/** Job GET: reads one row, converts it if asked, and answers with it inline or in the caller's buffer. */
export function getRow(thread: EngineThread, slot: JobSlot): void {
  const { fields, view } = slot;
  const unique = fields[anyJob.unique]!;
  const count = fields[getJob.segments]!;
  const list = memoryAt(fields[getJob.segmentsAt]!, Math.max(16, count * 16)).bytes;
  const row = fields[getJob.scratch]!;
  const rowBytes = fields[getJob.rowBytes]!;
  const reader = new ImageReader(thread.imageFd, new Float64Array(list.buffer, list.byteOffset, count * 2));
  if (!reader.read(row, rowBytes)) {
    fields[anyJob.failedAt] = reader.failedAt + 1;
    thread.connection.fail(unique, errno.EIO);
    return;
  }
  let data = row;
  const stored = fields[getJob.element]!;
  const dimensions = fields[getJob.dimensions]!;
  if (getEmbedding.element_type.get(view, 0) !== stored && isElementType(stored)) {
    data = row + aligned(rowBytes);
    decodeRows(bestCpu, stored, dimensions, row, rowBytes, 1, data);
  }
  const bytes = getEmbedding.data_size.get(view, 0);
  const buffer = getEmbedding.data.getBig(view, 0);
  const out = ioctlResult(thread);
  const reply = thread.connection.output;
  const size = fields[getJob.argumentBytes]!;
  reply.bytes.set(slot.bytes.subarray(0, getEmbedding.$.size), out);
  reply.bytes.fill(0, out + getEmbedding.$.size, out + size);
  if (buffer === 0n) {
    reply.bytes.set(memoryAt(data, bytes).bytes, out + getEmbedding.$.size);
  } else {
    const failed = copyOut(fields[anyJob.pid]!, data, buffer, bytes);
    if (failed !== 0) {
      thread.connection.fail(unique, failed);
      return;
    }
  }
  thread.connection.send(unique, out - AT + size);
}
