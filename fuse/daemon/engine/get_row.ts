import { getEmbedding, isElementType } from '@vexfs/shared';
import { bestCpu, decodeRows } from '../../engine/index.js';
import { Connection } from '../../server/connection.js';
import { errno, memoryAt } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import {
  FAILED_AT,
  GET_DIMENSIONS,
  GET_ELEMENT,
  GET_IN_SIZE,
  GET_ROW_BYTES,
  GET_SCRATCH,
  GET_SEGMENTS,
  GET_SEGMENTS_AT,
  PID,
  UNIQUE,
} from '../jobs.js';
import { ioctlResult } from './announce.js';
import { copyOut } from './caller_memory.js';
import { ImageReader } from './image_reader.js';

const AT = Connection.PAYLOAD_AT;

/** Job GET: reads one row, converts it if asked, and answers with it inline or in the caller's buffer. */
export function getRow(thread: EngineThread, slot: JobSlot): void {
  const { fields, view } = slot;
  const unique = fields[UNIQUE]!;
  const count = fields[GET_SEGMENTS]!;
  const list = memoryAt(fields[GET_SEGMENTS_AT]!, Math.max(16, count * 16)).bytes;
  const row = fields[GET_SCRATCH]!;
  const rowBytes = fields[GET_ROW_BYTES]!;
  const reader = new ImageReader(thread.imageFd, new Float64Array(list.buffer, list.byteOffset, count * 2));
  if (!reader.read(row, rowBytes)) {
    fields[FAILED_AT] = reader.failedAt + 1;
    thread.connection.fail(unique, errno.EIO);
    return;
  }
  let data = row;
  const stored = fields[GET_ELEMENT]!;
  const dimensions = fields[GET_DIMENSIONS]!;
  if (getEmbedding.element_type.get(view, 0) !== stored && isElementType(stored)) {
    data = row + Math.ceil(rowBytes / 64) * 64;
    decodeRows(bestCpu, stored, dimensions, row, rowBytes, 1, data);
  }
  const bytes = getEmbedding.data_size.get(view, 0);
  const buffer = getEmbedding.data.getBig(view, 0);
  const out = ioctlResult(thread);
  const reply = thread.connection.output;
  const size = fields[GET_IN_SIZE]!;
  reply.bytes.set(slot.bytes.subarray(0, getEmbedding.$.size), out);
  reply.bytes.fill(0, out + getEmbedding.$.size, out + size);
  if (buffer === 0n) {
    reply.bytes.set(memoryAt(data, bytes).bytes, out + getEmbedding.$.size);
  } else {
    const failed = copyOut(fields[PID]!, data, buffer, bytes);
    if (failed !== 0) {
      thread.connection.fail(unique, failed);
      return;
    }
  }
  thread.connection.send(unique, out - AT + size);
}
