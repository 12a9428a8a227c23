/** Rows that come one record at a time out of text: what .csv and .jsonl share. */
import { checkShape } from './binary_rows.js';
import { type ReadOptions, type RowBatch, type RowSource, SourceError } from './source.js';

export interface TextRecord {
  readonly values: readonly number[];
  readonly id?: bigint;
  /** As in `line 3`. */
  readonly place: string;
}

/** Collects records into batches and checks that all have the dimensions of the first. */
async function* collect(
  path: string,
  records: AsyncIterable<TextRecord>,
  dimensions: number,
  skip: number,
  batchRows: number,
  options: ReadOptions,
): AsyncGenerator<RowBatch> {
  // Grown as rows arrive: a large batch over a short file should cost what the file costs.
  let rows = new Float32Array(Math.min(batchRows, 1024) * dimensions);
  let ids: bigint[] = [];
  let first = skip;
  let count = 0;
  const batch = (): RowBatch => {
    const packed = rows.subarray(0, count * dimensions);
    const own = options.ids === undefined ? {} : { ids: BigUint64Array.from(ids) };
    return { rows: packed, count, first, ...own };
  };
  let number = 0;
  for await (const { values, id, place } of records) {
    if (number++ < skip) continue;
    if (values.length !== dimensions) {
      throw new SourceError(path, `has ${values.length} components, the first row has ${dimensions}`, place);
    }
    if ((count + 1) * dimensions > rows.length) {
      const larger = new Float32Array(Math.min(batchRows * dimensions, rows.length * 2));
      larger.set(rows);
      rows = larger;
    }
    for (let i = 0; i < dimensions; i++) {
      const value = Math.fround(values[i]!);
      if (!Number.isFinite(value)) {
        throw new SourceError(path, `component ${i} is ${value} as float32`, place);
      }
      rows[count * dimensions + i] = value;
    }
    if (id !== undefined) ids.push(id);
    if (++count === batchRows) {
      yield batch();
      rows = new Float32Array(batchRows * dimensions);
      ids = [];
      first += count;
      count = 0;
    }
  }
  if (count > 0) yield batch();
}

async function* goingOn(start: TextRecord, rest: AsyncGenerator<TextRecord>): AsyncGenerator<TextRecord> {
  yield start;
  yield* rest;
}

/**
 * @param records starts reading at the beginning each time it is called
 * @throws SourceError when there is no row at all
 */
export async function textRows(
  path: string,
  records: () => AsyncGenerator<TextRecord>,
  options: ReadOptions,
): Promise<RowSource> {
  const opened = records();
  const start = await opened.next();
  if (start.done === true) throw new SourceError(path, 'has no rows');
  const dimensions = start.value.values.length;
  try {
    checkShape(path, dimensions, 0);
  } catch (error) {
    await opened.return(undefined);
    throw error;
  }
  // The first batches go on behind the row that was looked at: a pipe has it once.
  let unread: AsyncGenerator<TextRecord> | undefined = goingOn(start.value, opened);
  return {
    path,
    dimensions,
    rowCount: undefined,
    batches: (skip, batchRows) => {
      const wanted = unread ?? records();
      unread = undefined;
      return collect(path, wanted, dimensions, skip, batchRows, options);
    },
    close: async () => {
      await opened.return(undefined);
    },
  };
}
