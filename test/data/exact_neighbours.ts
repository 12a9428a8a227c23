import type { Matrix } from './npy.js';

/**
 * The row numbers of the `k` rows of `base` nearest to row `query` of `queries`, nearest first, ties by row number.
 *
 * Distances are squared Euclidean sums of integers: at most columns * 255^2, so every one is exact in a double and
 * the order depends on no rounding. Throws RangeError when the widths differ or `k` is above the number of rows.
 */
export function exactNeighbours(
  base: Matrix<Uint8Array>,
  queries: Matrix<Uint8Array>,
  query: number,
  k: number,
): Int32Array {
  const { rows, columns } = base;
  if (queries.columns !== columns) {
    throw new RangeError(`queries have ${queries.columns} columns, the base has ${columns}`);
  }
  if (k > rows) throw new RangeError(`${k} neighbours wanted of ${rows} rows`);
  const distances = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      const difference = base.data[row * columns + column]! - queries.data[query * columns + column]!;
      sum += difference * difference;
    }
    distances[row] = sum;
  }
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  order.sort((a, b) => distances[a]! - distances[b]! || a - b);
  return order.slice(0, k);
}
