import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readUint8Matrix } from '../../data/npy.js';
import type { Workplace } from '../workplace.js';

const DATA = fileURLToPath(new URL('../../../bench/data/', import.meta.url));

/** Files of packed float32. */
export interface RowSet {
  readonly rows: number;
  readonly dimensions: number;
  readonly base: string;
  readonly queries: string;
  readonly queryValues: Float32Array;
}

export function writeFloats(path: string, values: Float32Array): string {
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return path;
}

/** The first rows of the SIFT set (test/bench/data), and all its queries. */
export function siftRows(place: Workplace, rows: number): RowSet & { readonly values: Float32Array } {
  const base = readUint8Matrix(`${DATA}sift100k-base.npy`);
  const queries = readUint8Matrix(`${DATA}sift100k-query.npy`);
  const count = place.scaled(rows);
  const values = Float32Array.from(base.data.subarray(0, count * base.columns));
  const queryValues = Float32Array.from(queries.data);
  return {
    rows: count,
    dimensions: base.columns,
    base: writeFloats(place.path(`sift-${rows}.f32`), values),
    queries: writeFloats(place.path('sift-queries.f32'), queryValues),
    queryValues,
    values,
  };
}
