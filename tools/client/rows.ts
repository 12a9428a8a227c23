/** What callers may pass for rows and ids, brought into the form of the protocol: packed float32 and 64-bit ids. */
import { MAX_BYTES_PER_CALL, MAX_ID, MAX_ROWS_PER_CALL } from '@vexfs/shared';

/** Packed row after row, or one array a row. */
export type Rows = Float32Array | ReadonlyArray<ReadonlyArray<number> | Float32Array>;
export type Ids = BigUint64Array | ReadonlyArray<bigint | number>;

export interface PackedRows {
  readonly data: Float32Array;
  readonly count: number;
}

/**
 * @param dimensions of the file
 * @throws RangeError when a row has another number of components, naming the row
 */
export function packRows(rows: Rows, dimensions: number): PackedRows {
  if (rows instanceof Float32Array) {
    if (rows.length % dimensions !== 0) {
      throw new RangeError(`${rows.length} components are no whole number of rows of ${dimensions}`);
    }
    return { data: rows, count: rows.length / dimensions };
  }
  const data = new Float32Array(rows.length * dimensions);
  rows.forEach((row, index) => {
    if (row.length !== dimensions) {
      throw new RangeError(
        `row ${index} has ${row.length} components, the file has ${dimensions} dimensions`,
      );
    }
    data.set(row, index * dimensions);
  });
  return { data, count: rows.length };
}

/** @throws RangeError for a number that is no id: negative, a fraction, above 2^53 as a number, or 2^64-1 */
export function toId(value: bigint | number): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new RangeError(`${value} is no id: numbers above 2^53 lose digits, pass a bigint`);
  }
  const id = BigInt(value);
  if (id < 0n || id > MAX_ID) throw new RangeError(`${id} is no id: ids are 0 to ${MAX_ID}`);
  return id;
}

/** @throws RangeError when there is not one id for each row, or one of them is none */
export function packIds(ids: Ids, count: number): BigUint64Array {
  if (ids.length !== count) throw new RangeError(`${ids.length} ids for ${count} rows`);
  return ids instanceof BigUint64Array ? ids : BigUint64Array.from(ids, toId);
}

/** @throws RangeError when the rows do not fit one call, which alone is all or nothing */
export function checkCallSize(count: number, dimensions: number): void {
  const bytes = count * dimensions * 4;
  if (count > MAX_ROWS_PER_CALL || bytes > MAX_BYTES_PER_CALL) {
    throw new RangeError(
      `${count} rows of ${bytes} bytes are more than one call carries (${MAX_ROWS_PER_CALL} rows, ` +
        `${MAX_BYTES_PER_CALL} bytes); take smaller batches, as insertMany does`,
    );
  }
}

/** Rows of one batch of insertMany that keep a batch at 32 MiB, at least one. */
export function defaultBatchRows(dimensions: number): number {
  return Math.max(1, Math.min(65_536, Math.floor((32 << 20) / (4 * dimensions))));
}
