import { writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { numberedRows } from '../client/stored_rows.js';
import { getMeta, insert, rowOf } from '../client/vector_calls.js';

const { test, vectorFile, fresh, open } = paritySuite({ size: '24M', blockSize: 1024 });
const D = 64;
const ROWS = 4;
const BLOCK = 1024;

test('a file in thousands of pieces of a block of 1 KiB each takes batches of rows without order', (t) => {
  const { fd } = vectorFile({ dimensions: D });
  const other = open(fresh());
  const block = Buffer.alloc(BLOCK, 1);
  // Written in turn, so that no block follows its neighbour.
  for (let i = 0; i < 3000; i++) {
    t.is(insert(fd, numberedRows(ROWS, D, i * ROWS), { dimensions: D }), 'ok');
    writeSync(other, block);
  }
  const ids = Array.from({ length: 401 }, (_, i) => 100_000 + ((i * 7919) % 401) * 2);
  t.is(insert(fd, numberedRows(401, D, 50_000), { dimensions: D, ids }), 'ok');
  t.is(getMeta(fd).vectorCount, 3000 * ROWS + 401);
  t.deepEqual(rowOf(fd, ids[400]!, D), numberedRows(1, D, 50_400));
});
