// node test/dist/data/make_cut.js SOURCE TARGET: writes the three committed files into TARGET from a larger set
// in SOURCE (NAME-base.npy and NAME-query.npy, uint8). Rows keep their order; truth is computed anew over the cut.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exactNeighbours } from './exact_neighbours.js';
import { encodeMatrix, type Matrix, readUint8Matrix } from './npy.js';

const BASE_ROWS = 10_000;
const QUERY_ROWS = 100;
const NEIGHBOURS = 100;

function firstRows(matrix: Matrix<Uint8Array>, rows: number): Matrix<Uint8Array> {
  if (matrix.rows < rows) throw new RangeError(`the source has ${matrix.rows} rows, ${rows} are needed`);
  return { rows, columns: matrix.columns, data: matrix.data.slice(0, rows * matrix.columns) };
}

function sourceFile(folder: string, ending: string): string {
  const found = readdirSync(folder).filter((name) => name.endsWith(ending));
  const only = found[0];
  if (only === undefined || found.length > 1) {
    throw new Error(`${folder}: wanted one file that ends in ${ending}, found ${found.length}`);
  }
  return join(folder, only);
}

const [source, target] = process.argv.slice(2);
if (source === undefined || target === undefined) {
  process.stderr.write('usage: node test/dist/data/make_cut.js SOURCE TARGET\n');
  process.exit(2);
}
const base = firstRows(readUint8Matrix(sourceFile(source, '-base.npy')), BASE_ROWS);
const queries = firstRows(readUint8Matrix(sourceFile(source, '-query.npy')), QUERY_ROWS);
const truth = new Int32Array(QUERY_ROWS * NEIGHBOURS);
for (let query = 0; query < QUERY_ROWS; query++) {
  truth.set(exactNeighbours(base, queries, query, NEIGHBOURS), query * NEIGHBOURS);
}
writeFileSync(join(target, 'sift10k-base.npy'), encodeMatrix(base));
writeFileSync(join(target, 'sift10k-query.npy'), encodeMatrix(queries));
writeFileSync(
  join(target, 'sift10k-truth.npy'),
  encodeMatrix({ rows: QUERY_ROWS, columns: NEIGHBOURS, data: truth }),
);
