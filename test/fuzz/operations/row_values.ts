import { storedBytes } from '../../parity/client/stored_rows.js';
import type { RowsLayout } from './model.js';

/** Rows whose values every element type can store. */
export function rowValues(
  count: number,
  { dimensions, elementType }: RowsLayout,
  seed: number,
): Float32Array {
  return Float32Array.from({ length: count * dimensions }, (_, i) => {
    const value = ((seed + i * 31 + (i % 7) * 13) % 41) - 20;
    return elementType === 1 ? value / 8 : value;
  });
}

/** The same rows as a file keeps them, without padding. */
export function storedRows(floats: Float32Array, { dimensions, elementType }: RowsLayout): Buffer[] {
  return Array.from({ length: floats.length / dimensions }, (_, i) =>
    Buffer.from(storedBytes(elementType, floats.subarray(i * dimensions, (i + 1) * dimensions))),
  );
}
