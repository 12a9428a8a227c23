import { ElementType, isElementType, putEmbedding } from '@vexfs/shared';
import { bestCpu, encodeRows, firstNotFinite } from '../../engine/index.js';
import { errno, memoryAt } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import {
  NODE,
  PID,
  RESULT,
  ROWS_DATA,
  ROWS_DIMENSIONS,
  ROWS_ELEMENT,
  ROWS_INVALIDATE,
  ROWS_SOURCE,
  ROWS_STRIDE,
} from '../jobs.js';
import { invalidate } from './announce.js';
import { copyIn } from './caller_memory.js';

/** Exponent of a float16 that is infinite or NaN. */
const NOT_FINITE = 0x7c00;

/** Job COPY_ROW: one vector comes from the argument or the caller, and is checked and converted. */
export function copyRow(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  if (fields[ROWS_INVALIDATE]! >= 0) invalidate(thread, fields[NODE]!, fields[ROWS_INVALIDATE]!);
  fields[RESULT] = copyAndCheck(slot);
  if (fields[RESULT] === 0 && thread.exchange.isInterrupted(slot)) fields[RESULT] = errno.EINTR;
}

function copyAndCheck({ fields, view, bytes }: JobSlot): number {
  const source = fields[ROWS_SOURCE]!;
  const size = putEmbedding.data_size.get(view, 0);
  const from = putEmbedding.data.getBig(view, 0);
  if (from === 0n) {
    const start = putEmbedding.$.size;
    memoryAt(source, size).bytes.set(bytes.subarray(start, start + size));
  } else {
    const failed = copyIn(fields[PID]!, source, from, size);
    if (failed !== 0) return failed;
  }
  const stored = fields[ROWS_ELEMENT]!;
  const given = putEmbedding.element_type.get(view, 0) || stored;
  return take(fields, isElementType(given) ? given : ElementType.FLOAT32, size) ? 0 : errno.EINVAL;
}

/** Whether the vector may be stored; puts it where the row is written from. */
function take(fields: Float64Array, given: ElementType, size: number): boolean {
  const source = fields[ROWS_SOURCE]!;
  const data = fields[ROWS_DATA]!;
  const dimensions = fields[ROWS_DIMENSIONS]!;
  const element = fields[ROWS_ELEMENT]!;
  const stride = fields[ROWS_STRIDE]!;
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
