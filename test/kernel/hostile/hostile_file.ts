/** A file that random calls are made on. */
export interface HostileFile {
  readonly path: string;
  /** A number that makes some of the calls succeed. */
  readonly dimensions: number;
  /** Whether it is to keep so many rows that searches go by an index. */
  readonly isLarge: boolean;
  /** /dev/vss, which has commands of its own. */
  readonly isStore: boolean;
}

/** More than VEXFS_INDEX_LEAST_ROWS. */
const MANY_ROWS = 4_600;

/** Rows of float32 that differ. */
export function manyRows(dimensions: number, seed: number): Float32Array {
  return Float32Array.from({ length: dimensions * MANY_ROWS }, (_, i) => ((i * 7_919 + seed) % 1_009) / 8);
}

/** Below so many bytes searches of a large file would compare every row. */
export function largeBytes(dimensions: number): number {
  return MANY_ROWS * dimensions * 4;
}
