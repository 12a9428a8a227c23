import { fstatSync, fsyncSync, ftruncateSync } from 'node:fs';
import { basename } from 'node:path';
import { DeleteFlag, IndexOperation, IndexState, InsertFlag, SearchType } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { createIndex, indexInfo, manage, waitForIndex } from '../client/index_calls.js';
import { nearestOf, rowsOf } from '../client/stored_rows.js';
import { getStats, insert, search } from '../client/vector_calls.js';
import { recallOf, sift10k } from './sift.js';
import { storedSnapshot } from './stored_snapshot.js';

const { test, backend, vectorFile, open, close, closeAll } = paritySuite({ size: '192M' });
const sift = sift10k();
const D = sift.dimensions;
const part = (from: number, to: number): Float32Array => sift.rows.subarray(from * D, to * D);

test('after a crash in the middle of a build searches are right at once, and the build goes on', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D });
  t.is(createIndex(fd), 'ok');
  for (let at = 0; at < 10_000; at += 1000) t.is(insert(fd, part(at, at + 1000), { dimensions: D }), 'ok');
  // What is in the log is durable; how far the index has come is not known.
  t.is(insert(fd, part(0, 1), { dimensions: D, ids: [1_000_000] }), 'ok');
  const synced = open(path, 'a');
  fsyncSync(synced);
  closeAll();
  await backend.crash();
  await backend.mount();
  const again = open(path);
  const expected = nearestOf(rowsOf(sift.rows, D), SearchType.EUCLIDEAN, sift.queries[3]!, 3);
  t.deepEqual(search(again, sift.queries[3]!, { k: 1 }).hits[0], expected[0]);
  t.is(waitForIndex(again), 'ok');
  t.is(getStats(again).stats.indexed_rows ?? -1, 10_001);
  t.true(recallOf(again, sift) > 0.95);
});

test('a finished index is there after a crash, and takes from the log what came after it', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, part(0, 9000));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(insert(fd, part(9000, 10_000), { dimensions: D }), 'ok');
  t.is(insert(fd, part(17, 18), { dimensions: D, ids: [5], flags: InsertFlag.OVERWRITE }), 'ok');
  fsyncSync(fd);
  const { snapshot_position } = indexInfo(fd);
  closeAll();
  await backend.crash();
  await backend.mount();
  const again = open(path);
  t.is(indexInfo(again).snapshot_position, snapshot_position);
  t.deepEqual(
    search(again, part(17, 18), { k: 2 }).hits.map(({ id }) => id),
    [5n, 17n],
  );
  t.is(waitForIndex(again), 'ok');
  t.is(indexInfo(again).indexed_rows ?? -1, 10_000);
  t.true(recallOf(again, sift) > 0.95);
});

test('the same calls, each followed by a wait, leave the same bytes, whatever the threads and whatever lies between', async (t) => {
  const paths: string[] = [];
  for (const threads of [1, 4]) {
    closeAll();
    await backend.remount(backend.isProcess ? [`threads=${threads}`] : []);
    const { path, fd } = vectorFile({ dimensions: D }, part(0, 4500));
    paths.push(path);
    t.is(createIndex(fd), 'ok');
    t.is(waitForIndex(fd), 'ok');
    for (let i = 0; i < 4; i++) {
      t.is(insert(fd, part(5000 + i * 700, 5700 + i * 700), { dimensions: D }), 'ok');
      t.is(waitForIndex(fd), 'ok');
      if (threads === 4) recallOf(fd, sift, 5);
    }
    ftruncateSync(fd, 6000 * D * 4);
    t.is(waitForIndex(fd), 'ok');
    const ids = Array.from({ length: 200 }, (_, j) => j * 13);
    for (const from of [9000, 9200, 9400]) {
      t.is(insert(fd, part(from, from + 200), { dimensions: D, ids, flags: InsertFlag.OVERWRITE }), 'ok');
      t.is(waitForIndex(fd), 'ok');
    }
    const gone = Array.from({ length: 3000 }, (_, j) => j * 2);
    t.is(deleteRows(fd, gone, { flags: DeleteFlag.MISSING_OK }), 'ok');
    t.is(waitForIndex(fd), 'ok');
    t.is(getStats(fd).stats.free_slots ?? -1, 0);
    t.is(insert(fd, part(0, 500), { dimensions: D, ids: gone.slice(0, 500) }), 'ok');
    t.is(waitForIndex(fd), 'ok');
  }
  closeAll();
  await backend.unmount();
  const [one, other] = paths.map((path) => storedSnapshot(backend.device, basename(path)));
  t.true(one!.length > 6000 * D);
  t.true(Buffer.compare(one!, other!) === 0);
  await backend.mount();
});

test('rows that were cut off, replaced or moved are never found, and all others are', (t) => {
  const { fd } = vectorFile({ dimensions: D }, part(0, 8000));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  ftruncateSync(fd, 6000 * D * 4);
  for (const query of sift.queries.slice(0, 20)) {
    const { hits } = search(fd, query, { k: 10 });
    t.is(hits.length, 10);
    t.true(hits.every(({ id }) => id < 6000n));
  }
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).indexed_rows ?? -1, 6000);
  t.is(search(fd, sift.queries[0]!, { k: 1000 }).hits.length, 1000);
  t.is(search(fd, sift.queries[0]!, { k: 10_000 }).hits.length, 6000);
});

test('a metric that is not the one of the index is searched exactly', (t) => {
  const { fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const expected = nearestOf(rowsOf(sift.rows, D), SearchType.COSINE, sift.queries[0]!, 10);
  t.deepEqual(search(fd, sift.queries[0]!, { k: 10, type: SearchType.COSINE }).hits, expected);
  t.is(indexInfo(fd).searches ?? -1, 0);
});

test('a flat index of cosine finds as much, and REBUILD leaves it as it was', (t) => {
  const { fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd, { type: 2, metric: SearchType.COSINE, ef_search: 400 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const queries = sift.queries.slice(0, 8);
  const near = queries.map(
    (query) => new Set(nearestOf(rowsOf(sift.rows, D), SearchType.COSINE, query, 10).map(({ id }) => id)),
  );
  const ask = (): number => {
    let found = 0;
    queries.forEach((query, i) => {
      const { hits } = search(fd, query, { k: 10, type: SearchType.COSINE });
      for (const { id } of hits) if (near[i]!.has(id)) found += 1;
    });
    return found / (queries.length * 10);
  };
  t.true(ask() > 0.9);
  t.is(indexInfo(fd).searches ?? -1, queries.length);
  t.is(manage(fd, IndexOperation.REBUILD).outcome, 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.true(ask() > 0.9);
});

test('DROP gives the blocks of the snapshot back', (t) => {
  const { fd } = vectorFile({ dimensions: D }, part(0, 6000));
  const { blocks } = fstatSync(fd);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.true(fstatSync(fd).blocks > blocks);
  t.is(manage(fd, IndexOperation.DROP).outcome, 'ok');
  t.is(fstatSync(fd).blocks, blocks);
  t.is(indexInfo(fd).state ?? -1, IndexState.NONE);
});

test('with too little memory to build it an index rests: searches are exact, WAIT says ENOMEM', async (t) => {
  closeAll();
  await backend.remount(['vector_memory=1M']);
  const { path, fd: again } = vectorFile({ dimensions: D }, part(0, 6000));
  t.is(createIndex(again), 'ok');
  t.is(waitForIndex(again), 'ENOMEM');
  t.is(indexInfo(again).state ?? -1, IndexState.RESTING);
  const expected = nearestOf(rowsOf(part(0, 6000), D), SearchType.EUCLIDEAN, sift.queries[0]!, 10);
  t.deepEqual(search(again, sift.queries[0]!, { k: 10 }).hits, expected);
  closeAll();
  await backend.remount();
  const later = open(path);
  t.is(waitForIndex(later), 'ok');
  search(later, sift.queries[0]!, { k: 10 });
  t.is(indexInfo(later).searches ?? -1, 1);
});

test('a search makes an index where mount or file ask for it', async (t) => {
  closeAll();
  await backend.remount(['index_above=5000']);
  const { fd } = vectorFile({ dimensions: D }, part(0, 4999));
  search(fd, sift.queries[0]!, { k: 1 });
  t.is(indexInfo(fd).state ?? -1, IndexState.NONE);
  t.is(insert(fd, part(4999, 5000), { dimensions: D }), 'ok');
  search(fd, sift.queries[0]!, { k: 1, type: SearchType.DOT_PRODUCT });
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).metric ?? -1, SearchType.DOT_PRODUCT);
  close(fd);
  const never = vectorFile({ dimensions: D }, part(0, 5000));
  t.is(manage(never.fd, IndexOperation.TUNE, { automatic_rows: 0xffffffff }).outcome, 'ok');
  search(never.fd, sift.queries[0]!, { k: 1 });
  t.is(indexInfo(never.fd).state ?? -1, IndexState.NONE);
  closeAll();
  await backend.remount();
});
