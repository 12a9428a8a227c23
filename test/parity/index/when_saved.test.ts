/** When an index is written to its volume: what the log can bring back is no reason to. */
import { fsyncSync } from 'node:fs';
import { InsertFlag } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';
import { insert, search } from '../client/vector_calls.js';

const { test, backend, vectorFile, open, closeAll } = paritySuite({ size: '64M' });
const D = 16;
const rows = randomRows(6000, D, 3);
const part = (from: number, to: number): Float32Array => rows.subarray(from * D, to * D);
const ids = (count: number, first: number): number[] => Array.from({ length: count }, (_, i) => first + i);

test('a few changes after a snapshot are left to the log, however often they are waited for', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, part(0, 5000));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const { snapshot_position, log_position } = indexInfo(fd);
  t.is(snapshot_position, log_position);
  for (let i = 0; i < 4; i++) {
    t.is(insert(fd, part(5000 + i * 100, 5100 + i * 100), { dimensions: D }), 'ok');
    const changed = { dimensions: D, ids: ids(10, i * 20), flags: InsertFlag.OVERWRITE };
    t.is(insert(fd, part(5500, 5510), changed), 'ok');
    t.is(deleteRows(fd, ids(10, 200 + i * 10)), 'ok');
    t.is(waitForIndex(fd), 'ok');
    t.is(indexInfo(fd).lag, 0);
    t.is(indexInfo(fd).snapshot_position, snapshot_position);
  }
  fsyncSync(fd);
  closeAll();
  await backend.crash();
  await backend.mount();
  const again = open(path);
  t.is(waitForIndex(again), 'ok');
  t.is(indexInfo(again).snapshot_position, snapshot_position);
  t.is(indexInfo(again).indexed_rows, 5360);
  t.is(search(again, part(5399, 5400), { k: 1 }).hits[0]?.distance, 0);
});

for (const live of [2047, 2048, 2049])
  test(`an index of ${live} rows before slots that hold none is saved when it has them`, (t) => {
    const { fd } = vectorFile({ dimensions: D }, part(0, 4500));
    t.is(deleteRows(fd, ids(4500 - live, live)), 'ok');
    t.is(createIndex(fd), 'ok');
    t.is(waitForIndex(fd), 'ok');
    const { indexed_rows, snapshot_bytes } = indexInfo(fd);
    t.is(indexed_rows, live);
    t.true(snapshot_bytes! > live);
  });
