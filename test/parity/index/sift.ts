import { fileURLToPath } from 'node:url';
import { readInt32Matrix, readUint8Matrix } from '../../data/npy.js';
import { search } from '../client/vector_calls.js';

const DATA = fileURLToPath(new URL('../../../data/', import.meta.url));

export interface Sift {
  readonly dimensions: number;
  readonly count: number;
  readonly rows: Float32Array;
  readonly queries: readonly Float32Array[];
  /** Of each query the nearest rows, nearest first. */
  readonly truth: readonly (readonly number[])[];
}

/** 10,000 rows of SIFT, with queries and their nearest rows (test/data). */
export function sift10k(): Sift {
  const base = readUint8Matrix(`${DATA}sift10k-base.npy`);
  const query = readUint8Matrix(`${DATA}sift10k-query.npy`);
  const truth = readInt32Matrix(`${DATA}sift10k-truth.npy`);
  const d = base.columns;
  return {
    dimensions: d,
    count: base.rows,
    rows: Float32Array.from(base.data),
    queries: Array.from({ length: query.rows }, (_, i) =>
      Float32Array.from(query.data.subarray(i * d, i * d + d)),
    ),
    truth: Array.from({ length: truth.rows }, (_, i) =>
      Array.from(truth.data.subarray(i * truth.columns, i * truth.columns + 10)),
    ),
  };
}

/** The part of the ten nearest rows that searches find, over the first `count` queries. `idOf`: the id of a row. */
export function recallOf(
  fd: number,
  { queries, truth }: Sift,
  count = 50,
  idOf = (row: number): bigint => BigInt(row),
): number {
  let found = 0;
  for (let i = 0; i < count; i++) {
    const nearest = new Set(truth[i]!.map(idOf));
    for (const { id } of search(fd, queries[i]!, { k: 10 }).hits) if (nearest.has(id)) found += 1;
  }
  return found / (count * 10);
}
