import { fstatSync } from 'node:fs';
import { IndexOperation, IndexState, SearchType } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, manage, waitForIndex } from '../client/index_calls.js';
import { nearestOf, rowsOf } from '../client/stored_rows.js';
import { getStats, insert, search } from '../client/vector_calls.js';
import { recallOf, sift10k } from './sift.js';

const { test, backend, vectorFile, open, closeAll } = paritySuite({ size: '128M' });
const sift = sift10k();
const D = sift.dimensions;

test('a file with an index is searched by it: exact distances, recall above 0.95, few rows compared', (t) => {
  const { fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const before = getStats(fd).stats;
  t.is(before.indexed_rows, sift.count);
  t.true(recallOf(fd, sift) > 0.95);
  const info = indexInfo(fd);
  t.is(info.state, IndexState.READY);
  t.is(info.searches, 50);
  t.deepEqual(getStats(fd).stats.rows_scanned, before.rows_scanned);
  const exact = nearestOf(rowsOf(sift.rows, D), SearchType.EUCLIDEAN, sift.queries[0]!, 10_000);
  const distanceOf = new Map(exact.map(({ id, distance }) => [id, distance]));
  for (const { id, distance } of search(fd, sift.queries[0]!, { k: 10 }).hits)
    t.is(distance, distanceOf.get(id) ?? Number.NaN);
});

test('rows are found by the next search, before the index has taken them, and rows that are gone are not', (t) => {
  const { fd } = vectorFile({ dimensions: D }, sift.rows.subarray(0, 5000 * D));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  for (let i = 0; i < 20; i++) {
    const row = sift.rows.subarray((5000 + i * 100) * D, (5100 + i * 100) * D);
    t.is(insert(fd, row, { dimensions: D }), 'ok');
    const first = search(fd, row.subarray(0, D), { k: 1 }).hits[0]!;
    t.deepEqual(first, { id: BigInt(5000 + i * 100), distance: 0 });
  }
  const other = new Float32Array(D).fill(500);
  t.is(insert(fd, other, { dimensions: D, ids: [5000], flags: 1 }), 'ok');
  t.is(search(fd, other, { k: 1 }).hits[0]!.id, 5000n);
  t.not(search(fd, sift.rows.subarray(5000 * D, 5001 * D), { k: 1 }).hits[0]!.distance, 0);
});

test('an index is there again after a remount, without being built anew', async (t) => {
  const { fd, path } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const made = indexInfo(fd);
  t.true(made.snapshot_bytes! > 0);
  t.is(made.snapshot_position, made.log_position);
  const found = search(fd, sift.queries[1]!, { k: 10 });
  const { blocks } = fstatSync(fd);
  closeAll();
  await backend.remount();
  const again = open(path);
  t.deepEqual(search(again, sift.queries[1]!, { k: 10 }), found);
  t.is(indexInfo(again).searches, 1);
  t.is(indexInfo(again).snapshot_bytes, made.snapshot_bytes);
  t.is(fstatSync(again).blocks, blocks);
  t.is(manage(again, IndexOperation.VERIFY).outcome, 'ok');
});
