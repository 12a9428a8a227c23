import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { IndexOperation, InsertFlag } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, manage, waitForIndex } from '../client/index_calls.js';
import { insert, search } from '../client/vector_calls.js';
import { sift10k } from './sift.js';

const { test, backend, vectorFile } = paritySuite({ size: '96M' });
const sift = sift10k();
const D = sift.dimensions;

/** Inodes, and whatever else the kernel can do without; a daemon keeps its memory to itself. */
function dropCaches(): void {
  if (!backend.isProcess) writeFileSync('/proc/sys/vm/drop_caches', '2');
}

test('an index whose memory the machine takes back is there again at the next search, with the same answers', (t) => {
  const { fd } = vectorFile({ dimensions: D }, sift.rows.subarray(0, 6000 * D));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const queries = sift.queries.slice(0, 20);
  const answers = queries.map((query) => search(fd, query, { k: 10 }).hits);
  const before = indexInfo(fd);
  t.true(before.memory_bytes! > 0);
  dropCaches();
  if (!backend.isProcess) t.is(indexInfo(fd).memory_bytes ?? -1, 0);
  t.is(indexInfo(fd).indexed_rows ?? -1, 6000);
  t.is(indexInfo(fd).levels, before.levels);
  t.deepEqual(
    queries.map((query) => search(fd, query, { k: 10 }).hits),
    answers,
  );
  t.true(indexInfo(fd).memory_bytes! > 0);
  t.is(indexInfo(fd).searches ?? -1, before.searches! + 20);
});

test('changes after that are taken, and a snapshot is verified', async (t) => {
  const { fd } = vectorFile({ dimensions: D }, sift.rows.subarray(0, 6000 * D));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  dropCaches();
  const row = sift.rows.subarray(7000 * D, 7001 * D);
  t.is(insert(fd, row, { dimensions: D, ids: [5], flags: InsertFlag.OVERWRITE }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).indexed_rows ?? -1, 6000);
  t.deepEqual(search(fd, row, { k: 1 }).hits, [{ id: 5n, distance: 0 }]);
  // What is not saved stays in memory until it is.
  const { snapshot_position, log_position } = indexInfo(fd);
  t.not(snapshot_position, log_position);
  const end = performance.now() + 20_000;
  while (!backend.isProcess && indexInfo(fd).memory_bytes! > 0 && performance.now() < end) {
    dropCaches();
    await sleep(20);
  }
  if (!backend.isProcess) {
    t.is(indexInfo(fd).memory_bytes, 0);
    t.is(indexInfo(fd).snapshot_position, log_position);
  }
  t.deepEqual(search(fd, row, { k: 1 }).hits, [{ id: 5n, distance: 0 }]);
  t.is(manage(fd, IndexOperation.VERIFY).outcome, 'ok');
});
