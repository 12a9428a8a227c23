import type { ElementType } from '@vexfs/shared';
import { bind } from './library.js';

/** Bytes of one row without padding; 0 when element type or dimensions are not valid. */
export const engineRowBytes = bind<(element: ElementType, dimensions: number) => number>(
  'vx_row_bytes',
  'uint32_t',
  ['uint32_t', 'uint32_t'],
);

/** Index of the first of `n` float32 at `floats` (any alignment) that is NaN or infinite, or `n`. */
export const firstNotFinite = bind<(cpu: number, floats: number, n: number) => number>(
  'vx_all_finite',
  'size_t',
  ['uintptr_t', 'uintptr_t', 'size_t'],
);

/**
 * Converts `n` rows of `dimensions` float32 (packed) to `element` at `out`, `stride` bytes apart; padding bytes and unused
 * bits become zero. Returns `n`, or the index of the first row with a value that is not finite or does not fit (`out` is
 * then undefined), or -EINVAL for arguments that are not valid.
 */
export const encodeRows = bind<
  (
    cpu: number,
    element: ElementType,
    dimensions: number,
    floats: number,
    n: number,
    out: number,
    stride: number,
  ) => number
>('vx_encode_rows', 'int64_t', [
  'uintptr_t',
  'uint32_t',
  'uint32_t',
  'uintptr_t',
  'size_t',
  'uintptr_t',
  'size_t',
]);

/** Converts `n` stored rows back to packed float32 at `out`. Returns 0 or -EINVAL. */
export const decodeRows = bind<
  (
    cpu: number,
    element: ElementType,
    dimensions: number,
    rows: number,
    stride: number,
    n: number,
    out: number,
  ) => number
>('vx_decode_rows', 'int', [
  'uintptr_t',
  'uint32_t',
  'uint32_t',
  'uintptr_t',
  'size_t',
  'size_t',
  'uintptr_t',
]);
