import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Harness } from '../index/harness.js';
import { program, type Workplace } from '../workplace.js';
import type { RowSet } from './row_sets.js';

const DIMENSIONS = 128;
const QUERIES = 200;

/** Rows of the seeded generator of index/load/rows.h. */
export async function seededRows(place: Workplace, rows: number): Promise<RowSet> {
  const count = place.scaled(rows);
  const folder = place.path(`seeded-${rows}`);
  mkdirSync(folder);
  const harness = new Harness(program('index_bench'));
  try {
    await harness.ask('clustered', DIMENSIONS, count, QUERIES);
    await harness.ask('export', folder);
  } finally {
    harness.end();
  }
  const queries = join(folder, 'queries.f32');
  const bytes = readFileSync(queries);
  const queryValues = new Float32Array(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
  );
  return { rows: count, dimensions: DIMENSIONS, base: join(folder, 'base.f32'), queries, queryValues };
}
