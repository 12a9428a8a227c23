const CACHE_LINE = 64;

/** Bytes of a part of a job's memory, so that the next one begins at a cache line. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / CACHE_LINE) * CACHE_LINE;
}
