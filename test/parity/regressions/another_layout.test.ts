import { fstatSync, fsyncSync, writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';
import { getMeta, search, setMeta } from '../client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '64M' });
const D = 4;
const ROWS = 12_000;
const OTHER = 8;

test('an indexed file of the same length is indexed anew by the layout that it was given since', (t) => {
  const { fd } = vectorFile({ dimensions: D }, randomRows(ROWS, D, 1));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  // Behind a tail that is no row the free slots stay: the file keeps its length and its blocks.
  writeSync(fd, Buffer.from('tail'), 0, 4, ROWS * D * 4);
  t.is(
    deleteRows(
      fd,
      Array.from({ length: ROWS }, (_, id) => id),
    ),
    'ok',
  );
  t.is(waitForIndex(fd), 'ok');
  fsyncSync(fd);
  const { size } = fstatSync(fd);
  t.is(size, ROWS * D * 4 + 4);
  t.is(setMeta(fd, { dimensions: OTHER }), 'ok');
  const rows = randomRows(ROWS / 2, OTHER, 2);
  writeSync(fd, new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength), 0, rows.byteLength, 0);
  t.is(getMeta(fd).vectorCount, ROWS / 2);
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).indexed_rows, ROWS / 2);
  let found = 0;
  for (let row = 0; row < ROWS / 2; row += 60) {
    const { outcome, hits } = search(fd, rows.subarray(row * OTHER, (row + 1) * OTHER), { k: 1 });
    t.is(outcome, 'ok');
    if (hits[0]?.id === BigInt(ROWS + row)) found += 1;
  }
  t.true(found >= 95, `${found} of 100 rows found by themselves`);
});
