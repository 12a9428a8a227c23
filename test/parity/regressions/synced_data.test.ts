import { constants, fdatasyncSync, fsyncSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { numberedRows } from '../client/stored_rows.js';
import { getMeta, getStats, insert, rowOf } from '../client/vector_calls.js';
import { fallocate } from '../operations/calls.js';

const { test, fresh, open, vectorFile, crashAndMount } = paritySuite({ size: '48M' });
const D = 16;
const BLOCK = 4096;

test('rows that have taken free places are durable when fdatasync returns', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(100, D));
  const gone = Array.from({ length: 10 }, (_, i) => 20 + i);
  t.is(deleteRows(fd, gone), 'ok');
  fsyncSync(fd);
  const ids = gone.map((id) => id + 1000);
  t.is(insert(fd, numberedRows(10, D, 500), { dimensions: D, ids }), 'ok');
  t.is(getStats(fd).stats.slots ?? -1, 100, 'the places are taken again');
  fdatasyncSync(fd);
  await crashAndMount(fd);
  const again = open(path);
  t.is(getMeta(again).vectorCount, 100);
  for (const [i, id] of ids.entries()) t.deepEqual(rowOf(again, id, D), numberedRows(1, D, 500 + i));
});

test('rows that were deleted stay so after a crash when fdatasync has returned', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(100, D));
  fsyncSync(fd);
  t.is(deleteRows(fd, [3, 50, 99]), 'ok');
  fdatasyncSync(fd);
  await crashAndMount(fd);
  const again = open(path);
  t.is(getMeta(again).vectorCount, 97);
  t.is(rowOf(again, 50, D), 'ENOENT');
});

test('a deletion through a descriptor with O_DSYNC is durable when it returns', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(100, D));
  fsyncSync(fd);
  const direct = open(path, constants.O_RDWR | constants.O_DSYNC);
  t.is(deleteRows(direct, [3, 50, 99]), 'ok');
  await crashAndMount(fd, direct);
  t.is(getMeta(open(path)).vectorCount, 97);
});

test('what is written to blocks that fallocate had taken is durable when fdatasync returns, in a file of many pieces too', async (t) => {
  const path = fresh();
  writeFileSync(path, '');
  const fd = open(path, 'r+');
  t.is(fallocate(fd, 0, 0, 64 * BLOCK), 0);
  const block = Buffer.alloc(BLOCK, 0x61);
  for (let i = 0; i < 64; i += 4) writeSync(fd, block, 0, BLOCK, i * BLOCK);
  fsyncSync(fd);
  writeSync(fd, block, 0, BLOCK, 30 * BLOCK);
  fdatasyncSync(fd);
  await crashAndMount(fd);
  t.true(
    readFileSync(path)
      .subarray(30 * BLOCK, 31 * BLOCK)
      .equals(block),
  );
});
