/** Indexes for which the mount has no memory: searches read the records of their snapshots. */
import { ftruncateSync } from 'node:fs';
import { basename } from 'node:path';
import { IndexOperation, IndexState, InsertFlag, SearchType, StatsFlag } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { createIndex, indexInfo, manage, searchBatch, waitForIndex } from '../client/index_calls.js';
import { nearestOf, rowsOf } from '../client/stored_rows.js';
import { getStats, type Hit, insert, search } from '../client/vector_calls.js';
import { backendMemory } from './backend_memory.js';
import { flipSnapshot } from './flip_snapshot.js';
import { recallOf, sift10k } from './sift.js';

const { test, backend, vectorFile, open, close, closeAll } = paritySuite({ size: '256M' });
const sift = sift10k();
const D = sift.dimensions;
const ENOMEM = 12;
/** Less than any of these indexes takes. */
const LITTLE = 'vector_memory=1M';
const part = (from: number, to: number): Float32Array => sift.rows.subarray(from * D, to * D);

async function mounted(path: string, options: readonly string[]): Promise<number> {
  closeAll();
  await backend.remount(options);
  return open(path);
}

test('searches find by records in the page cache what they find in memory, and INFO and stats say so', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const ask = (of: number): (readonly Hit[])[] =>
    sift.queries.slice(0, 50).map((query) => search(of, query, { k: 10 }).hits);
  const inMemory = ask(fd);
  t.is(getStats(fd).stats.flags, 0);
  const on = await mounted(path, [LITTLE]);
  t.deepEqual(ask(on), inMemory);
  t.true(recallOf(on, sift) > 0.95);
  const all = new Float32Array(20 * D);
  sift.queries.slice(0, 20).forEach((query, i) => void all.set(query, i * D));
  t.deepEqual(searchBatch(on, all, { dimensions: D, k: 10 }).hits, inMemory.slice(0, 20));
  const info = indexInfo(on);
  t.deepEqual([info.state, info.error, info.lag], [IndexState.ON_VOLUME, ENOMEM, 0]);
  t.is(info.searches, 120);
  t.is(info.indexed_rows, sift.count);
  t.true(info.memory_bytes! > 0 && info.memory_bytes! < 65_536, `${info.memory_bytes} bytes`);
  t.true(info.snapshot_bytes! > 2 << 20);
  t.is(getStats(on).stats.flags, StatsFlag.INDEX_ON_VOLUME);
  t.is(manage(on, IndexOperation.INFO, { sample: 20 }).info.recall! > 950_000, true);
  t.is(manage(on, IndexOperation.VERIFY).outcome, 'ok');
  t.is(waitForIndex(on), 'ok');
  const later = await mounted(path, []);
  t.deepEqual(ask(later), inMemory);
  t.true(indexInfo(later).memory_bytes! > info.snapshot_bytes!, 'what was read of the snapshot takes memory');
  t.is(waitForIndex(later), 'ok');
  t.is(indexInfo(later).state, IndexState.READY);
});

test('a flat index too', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd, { type: 2, metric: SearchType.COSINE, ef_search: 400 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const ask = (of: number): (readonly Hit[])[] =>
    sift.queries.slice(0, 10).map((query) => search(of, query, { k: 10, type: SearchType.COSINE }).hits);
  const inMemory = ask(fd);
  const on = await mounted(path, ['vector_memory=100K']);
  t.deepEqual(ask(on), inMemory);
  t.deepEqual([indexInfo(on).state, indexInfo(on).searches], [IndexState.ON_VOLUME, 10]);
  await mounted(path, []);
});

test('what has changed since the snapshot is found at once, and taken when there is memory again', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, part(0, 8000));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const on = await mounted(path, [LITTLE]);
  t.is(insert(on, part(8000, 9000), { dimensions: D }), 'ok');
  t.is(
    insert(on, part(9000, 9100), { dimensions: D, ids: [...Array(100).keys()], flags: InsertFlag.OVERWRITE }),
    'ok',
  );
  t.is(deleteRows(on, [500, 501, 502]), 'ok');
  const check = (of: number): void => {
    for (const [row, id] of [
      [8000, 8000],
      [8999, 8999],
      [9000, 0],
      [9099, 99],
      [700, 700],
    ] as const)
      t.deepEqual(search(of, part(row, row + 1), { k: 1 }).hits, [{ id: BigInt(id), distance: 0 }]);
    for (const row of [0, 99, 500, 502])
      t.true(
        search(of, part(row, row + 1), { k: 10 }).hits.every(
          ({ id, distance }) => id !== BigInt(row) && distance > 0,
        ),
      );
  };
  check(on);
  t.is(waitForIndex(on), 'ENOMEM');
  const { state, lag, searches } = indexInfo(on);
  t.is(state, IndexState.ON_VOLUME);
  t.true(lag! >= 1200);
  t.is(searches, 9);
  const again = await mounted(path, [LITTLE]);
  check(again);
  t.is(indexInfo(again).state, IndexState.ON_VOLUME);
  const later = await mounted(path, []);
  t.is(waitForIndex(later), 'ok');
  t.is(indexInfo(later).indexed_rows, 8997);
  check(later);
});

test('an index that outgrows the memory goes on by its snapshot, and one that is dropped makes room', async (t) => {
  closeAll();
  await backend.remount(['vector_memory=7M']);
  const { path, fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd, { ef_construction: 50 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).state, IndexState.READY);
  let added = 0;
  const more = part(0, 2000).map((value) => value + 0.25);
  while (indexInfo(fd).state !== IndexState.ON_VOLUME && added < 40_000) {
    t.is(insert(fd, more, { dimensions: D }), 'ok');
    added += 2000;
    waitForIndex(fd);
  }
  t.is(indexInfo(fd).state, IndexState.ON_VOLUME, `after ${added} more rows`);
  t.true(indexInfo(fd).memory_bytes! < 65_536);
  t.true(indexInfo(fd).indexed_rows! >= sift.count);
  // Those that are behind one another here have the same distance, so the first of them has the smallest id.
  const before = indexInfo(fd).searches!;
  for (const row of [3, 999, 1999]) {
    t.deepEqual(search(fd, more.subarray(row * D, row * D + D), { k: 1 }).hits, [
      { id: BigInt(sift.count + row), distance: 0 },
    ]);
    t.deepEqual(search(fd, part(row + 5000, row + 5001), { k: 1 }).hits[0]!.distance, 0);
  }
  t.is(indexInfo(fd).searches! - before, 6);
  const other = vectorFile({ dimensions: D }, part(0, 5000));
  t.is(createIndex(other.fd), 'ok');
  t.is(waitForIndex(other.fd), 'ok');
  t.is(indexInfo(other.fd).state, IndexState.READY);
  close(other.fd);
  const later = await mounted(path, []);
  t.is(waitForIndex(later), 'ok');
  t.is(indexInfo(later).indexed_rows, sift.count + added);
});

test('a damaged snapshot that is not in memory costs recall and nothing else', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd, { ef_construction: 50 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  closeAll();
  await backend.unmount();
  flipSnapshot(backend.device, basename(path), 0.4);
  await backend.mount([LITTLE]);
  const on = open(path);
  const expected = nearestOf(rowsOf(sift.rows, D), SearchType.EUCLIDEAN, sift.queries[0]!, 10);
  for (let i = 0; i < 3; i++) t.deepEqual(search(on, sift.queries[0]!, { k: 10 }).hits, expected);
  t.is(waitForIndex(on), 'ENOMEM');
  t.is(indexInfo(on).state, IndexState.RESTING);
  t.deepEqual(search(on, sift.queries[0]!, { k: 10 }).hits, expected);
  const later = await mounted(path, []);
  t.is(waitForIndex(later), 'ok');
  t.true(recallOf(later, sift, 20) > 0.9);
});

test('rows that are cut off, REBUILD and DROP go on without memory', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, part(0, 8000));
  t.is(createIndex(fd, { ef_construction: 50 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const on = await mounted(path, [LITTLE]);
  ftruncateSync(on, 6000 * D * 4);
  for (const query of sift.queries.slice(0, 10)) {
    const { hits } = search(on, query, { k: 10 });
    t.is(hits.length, 10);
    t.true(hits.every(({ id }) => id < 6000n));
  }
  t.is(manage(on, IndexOperation.REBUILD).outcome, 'ok');
  t.is(waitForIndex(on), 'ENOMEM');
  t.is(indexInfo(on).state, IndexState.RESTING);
  t.is(manage(on, IndexOperation.DROP).outcome, 'ok');
  t.is(indexInfo(on).state, IndexState.NONE);
  await mounted(path, []);
});

test('searches by records do with little of the memory that the index would take', async (t) => {
  const copies = 4;
  const rows = new Float32Array(copies * sift.rows.length);
  for (let i = 0; i < copies; i++)
    rows.set(
      sift.rows.map((value) => value + i / 8),
      i * sift.rows.length,
    );
  const { path, fd } = vectorFile({ dimensions: D }, rows);
  t.is(createIndex(fd, { m: 48, ef_construction: 30 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const { snapshot_bytes } = indexInfo(fd);
  const afterSearches = async (options: readonly string[], state: number): Promise<number> => {
    const of = await mounted(path, options);
    for (let i = 0; i < 300; i++) search(of, sift.queries[i % sift.queries.length]!, { k: 10 });
    t.deepEqual([indexInfo(of).state, indexInfo(of).searches], [state, 300]);
    return backendMemory(backend);
  };
  const little = await afterSearches([LITTLE], IndexState.ON_VOLUME);
  const whole = await afterSearches([], IndexState.READY);
  t.log(`${little} and ${whole} bytes, snapshot of ${snapshot_bytes}`);
  t.true(whole - little > snapshot_bytes! / 2, `${little} and ${whole} bytes`);
});
