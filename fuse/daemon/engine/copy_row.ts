import { ElementType, isElementType, putEmbedding } from '@vexfs/shared';
import { bestCpu, encodeRows, firstNotFinite } from '../../engine/index.js';
import { errno, memoryAt, writeProcess } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, rowsJob } from '../jobs.js';
import { invalidate } from './announce.js';
import { copyIn } from './caller_memory.js';

/** Exponent of a float16 that is infinite or NaN. */
const NOT_FINITE = 0x7c00;

/** Job COPY_ROW: one vector comes from the argument or the caller, and is checked and converted. */
export function copyRow(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  if (fields[rowsJob.invalidate]! >= 0) invalidate(thread, fields[anyJob.node]!, fields[rowsJob.invalidate]!);
  fields[anyJob.result] = copyAndCheck(slot);
  if (fields[anyJob.result] === 0 && thread.exchange.isInterrupted(slot)) fields[anyJob.result] = errno.EINTR;
}

function copyAndCheck(slot: JobSlot): number {
  const { fields, view, bytes } = slot;
  const source = fields[rowsJob.source]!;
  const size = putEmbedding.data_size.get(view, 0);
  const from = putEmbedding.data.getBig(view, 0);
  if (from === 0n) {
    const start = putEmbedding.$.size;
    memoryAt(source, size).bytes.set(bytes.subarray(start, start + size));
  } else {
    const failed = copyIn(fields[anyJob.pid]!, source, from, size);
    if (failed !== 0) return failed;
  }
  const stored = fields[rowsJob.element]!;
  const given = putEmbedding.element_type.get(view, 0) || stored;
  if (!take(fields, isElementType(given) ? given : ElementType.FLOAT32, size)) return errno.EINVAL;
  return canComeBack(slot) ? 0 : errno.EFAULT;
}

/**
 * Whether the argument can travel back: the kernel would say so only when the row is stored. What stands there is written once more.
 * Of memory that may not be touched nobody knows, and an inline vector needs none.
 */
function canComeBack({ fields, address }: JobSlot): boolean {
  const at = BigInt(fields[rowsJob.argument]!);
  return writeProcess(fields[anyJob.pid]!, address, at, fields[rowsJob.argumentBytes]!) !== -errno.EFAULT;
}

/** Whether the vector may be stored; puts it where the row is written from. */
function take(fields: Float64Array, given: ElementType, size: number): boolean {
  const source = fields[rowsJob.source]!;
  const data = fields[rowsJob.data]!;
  const dimensions = fields[rowsJob.dimensions]!;
  const element = fields[rowsJob.element]!;
  const stride = fields[rowsJob.stride]!;
  if (given !== element && isElementType(element))
    return encodeRows(bestCpu, element, dimensions, source, 1, data, stride) === 1;
  const row = memoryAt(data, stride).bytes;
  row.fill(0, size);
  row.set(memoryAt(source, size).bytes);
  switch (given) {
    case ElementType.FLOAT32:
      return firstNotFinite(bestCpu, data, dimensions) === dimensions;
    case ElementType.FLOAT16: {
      const halves = new Uint16Array(row.buffer, row.byteOffset, dimensions);
      return halves.every((half) => (half & NOT_FINITE) !== NOT_FINITE);
    }
    case ElementType.BINARY:
      // Components stand from the highest bit on; what is left of the last byte is none.
      return dimensions % 8 === 0 || (row[size - 1]! & (0xff >> (dimensions % 8))) === 0;
    default:
      return true;
  }
}
