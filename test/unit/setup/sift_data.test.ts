import { fileURLToPath } from 'node:url';
import test from 'ava';
import { exactNeighbours } from '../../data/exact_neighbours.js';
import { encodeMatrix, readInt32Matrix, readUint8Matrix } from '../../data/npy.js';

const folder = fileURLToPath(new URL('../../../data/', import.meta.url));
const base = readUint8Matrix(`${folder}sift10k-base.npy`);
const queries = readUint8Matrix(`${folder}sift10k-query.npy`);
const truth = readInt32Matrix(`${folder}sift10k-truth.npy`);

function squaredDistance(query: number, row: number): number {
  let sum = 0;
  for (let i = 0; i < base.columns; i++) {
    sum += (base.data[row * base.columns + i]! - queries.data[query * base.columns + i]!) ** 2;
  }
  return sum;
}

test('the committed SIFT files have the documented shapes', (t) => {
  t.deepEqual([base.rows, base.columns], [10_000, 128]);
  t.deepEqual([queries.rows, queries.columns], [100, 128]);
  t.deepEqual([truth.rows, truth.columns], [100, 100]);
});

test('committed neighbours are those that an exact search finds', (t) => {
  for (const query of [0, 1, 37, 64, 99]) {
    const stored = truth.data.subarray(query * truth.columns, (query + 1) * truth.columns);
    t.deepEqual(
      Array.from(exactNeighbours(base, queries, query, truth.columns)),
      Array.from(stored),
      `query ${query}`,
    );
  }
});

test('every list of neighbours is sorted, and its float32 distances tie only where the integers do', (t) => {
  for (let query = 0; query < queries.rows; query++) {
    for (let place = 1; place < truth.columns; place++) {
      const before = truth.data[query * truth.columns + place - 1]!;
      const here = truth.data[query * truth.columns + place]!;
      const [a, b] = [squaredDistance(query, before), squaredDistance(query, here)];
      const where = `query ${query}, place ${place}: rows ${before} and ${here} at ${a} and ${b}`;
      t.true(a < b || (a === b && before < here), where);
      t.is(Math.fround(Math.sqrt(a)) === Math.fround(Math.sqrt(b)), a === b, where);
    }
  }
});

test('equally near rows come in the order of their numbers', (t) => {
  const rows = { rows: 4, columns: 2, data: Uint8Array.of(9, 0, 0, 3, 3, 0, 0, 0) };
  const query = { rows: 1, columns: 2, data: Uint8Array.of(0, 0) };
  t.deepEqual(Array.from(exactNeighbours(rows, query, 0, 4)), [3, 1, 2, 0]);
});

test('an encoded matrix begins its data at a multiple of 64 bytes, after a newline', (t) => {
  const bytes = encodeMatrix({ rows: 2, columns: 2, data: Int32Array.of(1, 2, 3, 4) });
  t.is(bytes.length % 64, 16);
  t.is(bytes[bytes.length - 17], 0x0a);
});
