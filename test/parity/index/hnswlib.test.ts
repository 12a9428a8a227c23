import { createRequire } from 'node:module';
import { IndexOperation, IndexState, SearchType } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, manage, searchBatch, waitForIndex } from '../client/index_calls.js';
import { nearestOf, rowsOf } from '../client/stored_rows.js';
import { insert, search } from '../client/vector_calls.js';
import { sift10k } from './sift.js';

const { test, backend, vectorFile, open, closeAll, folder } = paritySuite({ size: '128M' });
const sift = sift10k();
const D = sift.dimensions;
const ROWS = 5000;
const EFS = [10, 20, 40, 80];
const QUERIES = 100;

/** hnswlib-node is an optional dependency of the daemon: where it could not be compiled the option is refused. */
function isInstalled(): boolean {
  try {
    createRequire(new URL('../../../../fuse/package.json', import.meta.url))('hnswlib-node');
    return true;
  } catch {
    return false;
  }
}

const isThere = backend.name === 'fuse' && isInstalled();

function joined(queries: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(queries.length * D);
  for (const [i, query] of queries.entries()) all.set(query, i * D);
  return all;
}

/** Recall@10 for each ef. */
function recalls(fd: number, type: number): number[] {
  const queries = joined(sift.queries.slice(0, QUERIES));
  const exact = searchBatch(fd, queries, { dimensions: D, k: 10, type, flags: 1 }).hits;
  return EFS.map((ef) => {
    let found = 0;
    searchBatch(fd, queries, { dimensions: D, k: 10, type, ef }).hits.forEach((near, i) => {
      const nearest = new Map(exact[i]!.map(({ id, distance }) => [id, distance]));
      for (const { id, distance } of near) if (nearest.get(id) === distance) found += 1;
    });
    return found / (QUERIES * 10);
  });
}

test('an engine that is not there is refused in one sentence', (t) => {
  const refused = backend.attempt(backend.device, folder(), ['engine=nothing']);
  t.not(refused.code, 0);
  if (isThere) return;
  const missing = backend.attempt(backend.device, folder(), ['engine=hnswlib']);
  t.not(missing.code, 0);
  if (backend.name === 'fuse') t.regex(missing.stderr, /engine=hnswlib needs the library hnswlib-node/);
});

for (const [name, metric] of Object.entries(SearchType)) {
  test(`${name}: at equal parameters our recall is that of hnswlib less 0.01 at most, over the same mount`, async (t) => {
    t.timeout(120_000);
    const { fd, path } = vectorFile({ dimensions: D }, sift.rows.subarray(0, ROWS * D));
    t.is(createIndex(fd, { metric, m: 16, ef_construction: 100 }), 'ok');
    t.is(waitForIndex(fd), 'ok');
    const ours = recalls(fd, metric);
    t.true(ours.at(-1)! > 0.9, `recall ${ours}`);
    if (!isThere) return;
    closeAll();
    await backend.remount(['engine=hnswlib']);
    const theirs = open(path);
    t.is(waitForIndex(theirs), 'ok');
    t.is(indexInfo(theirs).state, IndexState.READY);
    t.is(indexInfo(theirs).indexed_rows, ROWS);
    const reference = recalls(theirs, metric);
    closeAll();
    await backend.remount();
    for (const [i, ef] of EFS.entries())
      t.true(ours[i]! >= reference[i]! - 0.01, `ef ${ef}: ${ours[i]}, hnswlib ${reference[i]}`);
  });
}

test('with hnswlib distances are exact, changes are found at once, and the snapshot stays for the engine of the volume', async (t) => {
  t.timeout(120_000);
  const { fd, path } = vectorFile({ dimensions: D }, sift.rows.subarray(0, ROWS * D));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const stored = indexInfo(fd).snapshot_bytes!;
  t.true(stored > 0);
  if (!isThere) return;
  closeAll();
  await backend.remount(['engine=hnswlib']);
  const other = open(path);
  t.is(waitForIndex(other), 'ok');
  const query = sift.queries[0]!;
  const exact = nearestOf(rowsOf(sift.rows.subarray(0, ROWS * D), D), SearchType.EUCLIDEAN, query, ROWS);
  const distanceOf = new Map(exact.map(({ id, distance }) => [id, distance]));
  for (const { id, distance } of search(other, query, { k: 10 }).hits)
    t.is(distance, distanceOf.get(id) ?? Number.NaN);
  const far = new Float32Array(D).fill(700);
  t.is(insert(other, far, { dimensions: D, ids: [5], flags: 1 }), 'ok');
  t.deepEqual(search(other, far, { k: 1 }).hits, [{ id: 5n, distance: 0 }]);
  t.is(waitForIndex(other), 'ok');
  t.deepEqual(search(other, far, { k: 1 }).hits, [{ id: 5n, distance: 0 }]);
  t.not(search(other, sift.rows.subarray(5 * D, 6 * D), { k: 1 }).hits[0]!.id, 5n);
  t.is(search(other, query, { k: 900 }).hits.length, 900);
  t.is(manage(other, IndexOperation.VERIFY).outcome, 'ok');
  t.is(manage(other, IndexOperation.REBUILD).outcome, 'ok');
  t.is(waitForIndex(other), 'ok');
  t.is(indexInfo(other).indexed_rows, ROWS);
  closeAll();
  await backend.remount();
  const again = open(path);
  t.is(waitForIndex(again), 'ok');
  t.true(indexInfo(again).snapshot_bytes! > 0);
  t.deepEqual(search(again, far, { k: 1 }).hits, [{ id: 5n, distance: 0 }]);
});
