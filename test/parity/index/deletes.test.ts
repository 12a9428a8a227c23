import { fstatSync, fsyncSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteFlag, IndexOperation } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { NULL, WILD } from '../client/caller_memory.js';
import { deleteRow, deleteRows } from '../client/delete_calls.js';
import { createIndex, indexInfo, manage, waitForIndex } from '../client/index_calls.js';
import { numberedRows, randomRows } from '../client/stored_rows.js';
import { getMeta, getStats, insert, nearestIds, rowOf, search } from '../client/vector_calls.js';
import { fallocate } from '../operations/calls.js';
import { sift10k } from './sift.js';

const { test, backend, vectorFile, open, close, closeAll, fresh } = paritySuite({ size: '96M' });
const sift = sift10k();
const D = sift.dimensions;
const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const NO_ID = 2n ** 64n - 1n;
const rows = [1, 0, 0, 1, 1, 1, 2, 2];

test('a deleted row is found no more, its id is free, and the mark stays', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, rows);
  t.is(deleteRow(fd, 1), 'ok');
  t.deepEqual(nearestIds(fd, [0, 1]), [2n, 0n, 3n]);
  t.is(rowOf(fd, 1, 2), 'ENOENT');
  t.is(getMeta(fd).vectorCount, 3);
  t.is(getStats(fd).stats.next_id ?? -1, 4);
  t.is(deleteRow(fd, 1), 'ENOENT');
  t.is(deleteRow(fd, 1, { flags: DeleteFlag.MISSING_OK }), 'ok');
  t.is(insert(fd, [5, 5], { dimensions: 2, ids: [1] }), 'ok');
  t.deepEqual(nearestIds(fd, [5, 5], 1), [1n]);
});

test('a batch goes whole or not at all, and a crash after fsync brings nothing back', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, rows);
  t.is(deleteRows(fd, [0, 1, 9]), 'ENOENT');
  t.is(getMeta(fd).vectorCount, 4);
  t.is(deleteRows(fd, [0, 1, 9], { flags: DeleteFlag.MISSING_OK }), 'ok');
  t.deepEqual(nearestIds(fd, [0, 0]), [2n, 3n]);
  fsyncSync(fd);
  closeAll();
  await backend.crash();
  await backend.mount();
  t.deepEqual(nearestIds(open(path), [0, 0]), [2n, 3n]);
});

test('what cannot be deleted is refused, and nothing changes', (t) => {
  const { fd, path } = vectorFile({ dimensions: 2 }, rows);
  t.is(deleteRow(fd, NO_ID), 'EINVAL');
  t.is(deleteRow(fd, 0, { flags: 2 }), 'EINVAL');
  t.is(deleteRow(fd, 0, { reserved: 1 }), 'EINVAL');
  t.is(deleteRows(fd, [0, 1, 0]), 'EINVAL');
  t.is(deleteRows(fd, [0, NO_ID]), 'EINVAL');
  t.is(deleteRows(fd, [0], { count: 0 }), 'EINVAL');
  t.is(deleteRows(fd, [0], { flags: 2 }), 'EINVAL');
  t.is(deleteRows(fd, [0], { reserved: 1 }), 'EINVAL');
  t.is(deleteRows(fd, [0], { count: (1 << 20) + 1 }), 'E2BIG');
  for (const address of [NULL, WILD]) t.is(deleteRows(fd, [0], { address }), 'EFAULT');
  t.is(deleteRow(open(fresh()), 0), 'ENODATA');
  t.is(getMeta(fd).vectorCount, 4);
  close(fd);
  const reading = open(path, 'r');
  t.is(deleteRow(reading, 0), 'EBADF');
  t.is(deleteRows(reading, [0]), 'EBADF');
});

test('an index made right after every row was deleted is waited for, and their space comes back', (t) => {
  const { fd } = vectorFile({ dimensions: D });
  const first = sift.rows.subarray(0, 90 * D);
  for (let round = 0; round < 20; round++) {
    const ids = Array.from({ length: 90 }, (_, id) => id + 1);
    t.is(insert(fd, first, { dimensions: D, ids }), 'ok');
    t.is(deleteRows(fd, ids), 'ok');
    t.is(createIndex(fd), 'ok');
    // From here on nothing but the index is under way.
    fsyncSync(fd);
    t.is(waitForIndex(fd), 'ok');
    t.is(getStats(fd).stats.free_slots, 0);
    t.is(manage(fd, IndexOperation.DROP).outcome, 'ok');
  }
});

test('deleting the half behind the others gives its blocks back, and an index finds what is left', async (t) => {
  const { fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const { blocks } = fstatSync(fd);
  const gone = Array.from({ length: 5000 }, (_, i) => i + 5000);
  t.is(deleteRows(fd, gone), 'ok');
  for (const query of sift.queries.slice(0, 20)) {
    const { hits } = search(fd, query, { k: 10 });
    t.is(hits.length, 10);
    t.true(hits.every(({ id }) => id < 5000n));
  }
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).indexed_rows ?? -1, 5000);
  // Places come free after the commit that holds the deletion.
  for (let i = 0; i < 100 && fstatSync(fd).size > 5000 * D * 4; i++) {
    fsyncSync(fd);
    await sleep(50);
  }
  t.is(fstatSync(fd).size, 5000 * D * 4);
  t.true(fstatSync(fd).blocks <= blocks - 4000, `${fstatSync(fd).blocks} of ${blocks}`);
  t.is(insert(fd, sift.rows.subarray(5000 * D), { dimensions: D, ids: gone }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).indexed_rows ?? -1, 10_000);
});

test('a large batch goes into free places that have been punched out of the file', async (t) => {
  const d = 256;
  const count = 8192;
  const { fd } = vectorFile({ dimensions: d }, numberedRows(count, d));
  t.is(insert(fd, numberedRows(3, d), { dimensions: d, ids: [90_000, 90_001, 90_002] }), 'ok');
  t.is(
    deleteRows(
      fd,
      Array.from({ length: count }, (_, i) => i),
    ),
    'ok',
  );
  const { size } = fstatSync(fd);
  for (let i = 0; i < 5; i++) {
    fsyncSync(fd);
    await sleep(50);
  }
  t.is(fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 0, count * d * 4), 0);
  const rows = randomRows(count, d, 3);
  t.is(insert(fd, rows, { dimensions: d }), 'ok');
  t.is(search(fd, rows.subarray(17 * d, 18 * d), { k: 1 }).hits[0]?.distance ?? -1, 0);
  t.true(fstatSync(fd).size >= size);
});
