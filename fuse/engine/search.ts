import type { ElementType, SearchType } from '@vexfs/shared';
import { struct, u32, u64 } from '@vexfs/shared';
import { bind } from './library.js';

/** Bits of the float32 that stands for every distance that is not finite: such a row does not match. */
export const NO_MATCH = 0x7fc0_0000;

/** Bytes of a prepared query; its memory is 64-byte aligned. */
export const queryBytes = bind<(dimensions: number) => number>('vx_query_bytes', 'size_t', ['uint32_t']);

/**
 * Makes a query of `dimensions` float32 at `values` ready in `memory`, for rows stored as `element`. Returns 0, or -EINVAL
 * when an argument is not valid or a value is not finite. Threads may share the result.
 */
export const prepareQuery = bind<
  (
    cpu: number,
    memory: number,
    metric: SearchType,
    element: ElementType,
    dimensions: number,
    values: number,
  ) => number
>('vx_query_prepare', 'int', ['uintptr_t', 'uintptr_t', 'uint32_t', 'uint32_t', 'uint32_t', 'uintptr_t']);

/**
 * Writes `n` float32 distances to `out`: of the rows at rows + i * stride, or, when `slots` is not 0, at
 * rows + slots[i] * stride (u32 each).
 */
export const distances = bind<
  (cpu: number, query: number, rows: number, stride: number, slots: number, n: number, out: number) => void
>('vx_distances', 'void', [
  'uintptr_t',
  'uintptr_t',
  'uintptr_t',
  'size_t',
  'uintptr_t',
  'size_t',
  'uintptr_t',
]);

/** Bytes that the k best hits take; 64-byte aligned. */
export const topkBytes = bind<(k: number) => number>('vx_topk_bytes', 'size_t', ['uint32_t']);

/** Empties a collection for the k best hits. 0, or -EINVAL unless k is 1..MAX_K. */
export const topkInit = bind<(memory: number, k: number) => number>('vx_topk_init', 'int', [
  'uintptr_t',
  'uint32_t',
]);

/** Adds the hits of another collection, as when threads searched parts of a set. */
export const topkMerge = bind<(topk: number, other: number) => void>('vx_topk_merge', 'void', [
  'uintptr_t',
  'uintptr_t',
]);

/** Writes the hits, nearest first, ties by id: float32 distances, u64 ids, u32 slots (0: not wanted). Returns their count. */
export const topkFinish = bind<(topk: number, distances: number, ids: number, slots: number) => number>(
  'vx_topk_finish',
  'uint32_t',
  ['uintptr_t', 'uintptr_t', 'uintptr_t', 'uintptr_t'],
);

/**
 * One contiguous run of a matrix, struct vx_scan: slot first + i lies at rows + i * stride, i < n. `ids` (u64) and `live`
 * (bitmap in u64 words, 0: all live) are addresses of arrays by slot. The u32 at `interrupt` ends the search when it
 * is not 0 (0: never). `scratch` has SCAN_SCRATCH_BYTES, 64-byte aligned, for one search at a time.
 */
export const scanRequest = struct('vx_scan', 56, {
  rows: u64(0),
  stride: u64(8),
  ids: u64(16),
  live: u64(24),
  interrupt: u64(32),
  scratch: u64(40),
  first: u32(48),
  n: u32(52),
});

export const SCAN_SCRATCH_BYTES = 8192;

/** Offers the matching rows of a run (struct vx_scan at `scan`) to `topk`. 0, -EINTR or -EINVAL. */
export const scanRun = bind<(cpu: number, query: number, scan: number, topk: number) => number>(
  'vx_scan_run',
  'int',
  ['uintptr_t', 'uintptr_t', 'uintptr_t', 'uintptr_t'],
);

/** topkInit, scanRun and topkFinish in one call. Returns the number of hits, -EINTR or -EINVAL. */
export const searchExact = bind<
  (
    cpu: number,
    query: number,
    scan: number,
    k: number,
    topk: number,
    distances: number,
    ids: number,
    slots: number,
  ) => number
>('vx_search_exact', 'int64_t', [
  'uintptr_t',
  'uintptr_t',
  'uintptr_t',
  'uint32_t',
  'uintptr_t',
  'uintptr_t',
  'uintptr_t',
  'uintptr_t',
]);
