import { batchInsertRequest, ElementType } from '@vexfs/shared';
import { duplicateScratchBytes } from '../../engine/index.js';
import { type Memory, PAGE_SIZE } from '../../system/index.js';
import { bytesOfRow, strideOf } from '../../volume/index.js';
import { ENGINE_QUEUE, SPARE } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import {
  JOB,
  KIND,
  NODE,
  PID,
  RESULT,
  ROWS_COUNT,
  ROWS_DATA,
  ROWS_DIMENSIONS,
  ROWS_ELEMENT,
  ROWS_IDS,
  ROWS_INVALIDATE,
  ROWS_SCRATCH,
  ROWS_SOURCE,
  ROWS_STRIDE,
  ROWS_TABLE,
  UNIQUE,
} from '../jobs.js';
import { Park } from '../park.js';
import type { VectorFile } from '../vector_files.js';
import type { Call } from './ioctl.js';
import { storeBatch } from './store_batch.js';

const CACHE_LINE = 64;

function aligned(bytes: number): number {
  return Math.ceil(bytes / CACHE_LINE) * CACHE_LINE;
}

/**
 * BATCH_INSERT, first half: an engine thread copies rows and ids from the caller, checks and converts them. The second
 * half runs here again when the job comes back.
 */
export function insertRows(fs: Filesystem, call: Call, file: VectorFile): void {
  const { view, bytes, unique, pid, uid, gid } = call.request;
  const { layout } = file.set;
  const rows = batchInsertRequest.vector_count.get(view, call.at);
  const flags = batchInsertRequest.flags.get(view, call.at);
  const hasIds = batchInsertRequest.vector_ids.getBig(view, call.at) !== 0n;
  const stride = strideOf(layout);
  const sourceBytes = aligned(rows * layout.dimensions * 4);
  const asIs = layout.elementType === ElementType.FLOAT32 && stride === bytesOfRow(layout);
  const dataBytes = asIs ? 0 : aligned(rows * stride);
  const idBytes = hasIds ? aligned(rows * 8) : 0;
  const scratchBytes = hasIds ? aligned(duplicateScratchBytes(rows)) : 0;
  const slot = fs.exchange.take(SPARE.caller);
  if (slot === undefined) throw new Park();
  let memory: Memory;
  try {
    memory = fs.transfer.take(sourceBytes + dataBytes + idBytes + scratchBytes);
  } catch (error) {
    fs.exchange.give(slot);
    throw error;
  }
  const { address } = memory;
  const data = asIs ? address : address + sourceBytes;
  const ids = hasIds ? address + sourceBytes + dataBytes : 0;
  const { fields } = slot;
  slot.bytes.set(bytes.subarray(call.at, call.at + batchInsertRequest.$.size));
  fields[KIND] = JOB.COPY_ROWS;
  fields[UNIQUE] = unique;
  fields[PID] = pid;
  fields[NODE] = file.inode.number;
  fields[ROWS_COUNT] = rows;
  fields[ROWS_DIMENSIONS] = layout.dimensions;
  fields[ROWS_ELEMENT] = layout.elementType;
  fields[ROWS_STRIDE] = stride;
  fields[ROWS_SOURCE] = address;
  fields[ROWS_DATA] = data;
  fields[ROWS_IDS] = ids;
  fields[ROWS_SCRATCH] = address + sourceBytes + dataBytes + idBytes;
  fields[ROWS_TABLE] = file.ids.handle;
  fields[ROWS_INVALIDATE] = firstTouched(file, stride);
  file.pins += 1;
  fs.pin(slot, () => {
    file.pins -= 1;
    const code = fields[RESULT]!;
    if (code !== 0) {
      fs.transfer.give(memory);
      fs.connection.fail(unique, code);
      return;
    }
    const sync = fs.isSynchronous(call.flags);
    storeBatch(fs, file, { rows, flags, data, ids, memory, layout, unique, pid, uid, gid, sync });
  });
  fs.submit(ENGINE_QUEUE, slot, unique);
}

/** The first byte that new rows may change in pages that the kernel has: mapped stores there are written back first. */
function firstTouched(file: VectorFile, stride: number): number {
  const free = file.freeSlots[0];
  if (free !== undefined) return file.set.layout.dataOffset + free * stride;
  const { size } = file.inode;
  return size % PAGE_SIZE === 0 ? -1 : size - (size % PAGE_SIZE);
}
