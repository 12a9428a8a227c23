import { batchInsertRequest, ElementType, isElementType } from '@vexfs/shared';
import { bestCpu, encodeRows, findDuplicateIds, firstNotFinite } from '../../engine/index.js';
import { errno, memoryAt } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, rowsJob } from '../jobs.js';
import { invalidate } from './announce.js';
import { copyIn } from './caller_memory.js';

/** Job COPY_ROWS: rows and ids come from the caller into our memory, where they are checked and converted. */
export function copyRows(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  if (fields[rowsJob.invalidate]! >= 0) invalidate(thread, fields[anyJob.node]!, fields[rowsJob.invalidate]!);
  fields[anyJob.result] = copyAndCheck(slot);
  if (fields[anyJob.result] === 0 && thread.exchange.isInterrupted(slot)) fields[anyJob.result] = errno.EINTR;
}

/** Job COPY_IDS: ids come from the caller into our memory, where those of rows to be changed are checked. */
export function copyIds(_thread: EngineThread, { fields, view }: JobSlot): void {
  const count = fields[rowsJob.count]!;
  const ids = fields[rowsJob.ids]!;
  const table = fields[rowsJob.table]!;
  fields[anyJob.result] = copyIn(
    fields[anyJob.pid]!,
    ids,
    view.getBigUint64(fields[rowsJob.pointer]!, true),
    count * 8,
  );
  if (fields[anyJob.result] === 0 && table !== 0 && !idsAreValid(table, ids, count, fields[rowsJob.scratch]!))
    fields[anyJob.result] = errno.EINVAL;
}

function copyAndCheck(slot: JobSlot): number {
  const { fields, view } = slot;
  const rows = fields[rowsJob.count]!;
  const dimensions = fields[rowsJob.dimensions]!;
  const source = fields[rowsJob.source]!;
  const ids = fields[rowsJob.ids]!;
  const pid = fields[anyJob.pid]!;
  const vectors = batchInsertRequest.vectors.getBig(view, 0);
  const failed =
    copyIn(pid, source, vectors, rows * dimensions * 4) ||
    (ids === 0 ? 0 : copyIn(pid, ids, batchInsertRequest.vector_ids.getBig(view, 0), rows * 8));
  if (failed !== 0) return failed;
  if (!convert(fields, rows, dimensions, source)) return errno.EINVAL;
  if (ids !== 0 && !idsAreValid(fields[rowsJob.table]!, ids, rows, fields[rowsJob.scratch]!))
    return errno.EINVAL;
  return 0;
}

function convert(fields: Float64Array, rows: number, dimensions: number, source: number): boolean {
  const element = fields[rowsJob.element]!;
  const data = fields[rowsJob.data]!;
  if (data === source) return firstNotFinite(bestCpu, source, rows * dimensions) === rows * dimensions;
  const type = isElementType(element) ? element : ElementType.FLOAT32;
  return encodeRows(bestCpu, type, dimensions, source, rows, data, fields[rowsJob.stride]!) === rows;
}

/** No id is 2^64-1, and none stands twice in the batch. */
function idsAreValid(table: number, ids: number, rows: number, scratch: number): boolean {
  const { bytes } = memoryAt(ids, rows * 8);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, rows * 2);
  for (let i = 0; i < rows * 2; i += 2) {
    if (words[i] === 0xffff_ffff && words[i + 1] === 0xffff_ffff) return false;
  }
  return findDuplicateIds(table, ids, rows, scratch) === rows;
}
