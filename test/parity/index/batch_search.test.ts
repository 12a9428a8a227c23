import { IndexOperation, SearchFlag, SearchType } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { NULL, WILD } from '../client/caller_memory.js';
import { createIndex, indexInfo, manage, searchBatch, waitForIndex } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';
import { search } from '../client/vector_calls.js';
import { sift10k } from './sift.js';

const { test, vectorFile, open, fresh, close } = paritySuite({ size: '96M' });
const sift = sift10k();
const D = sift.dimensions;

function joined(queries: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(queries.length * D);
  for (const [i, query] of queries.entries()) all.set(query, i * D);
  return all;
}

test('a batch is answered as its queries are one by one, with and without an index', (t) => {
  const { fd } = vectorFile({ dimensions: D }, sift.rows);
  const queries = Array.from({ length: 300 }, (_, i) => sift.queries[i % sift.queries.length]!);
  const all = joined(queries);
  const one = (k: number, type: number): unknown[] =>
    queries.map((query) => search(fd, query, { k, type }).hits);
  for (const type of [SearchType.EUCLIDEAN, SearchType.COSINE]) {
    const exact = one(10, type);
    t.deepEqual(searchBatch(fd, all, { dimensions: D, k: 10, type }).hits, exact);
    if (type === SearchType.COSINE) continue;
    t.is(createIndex(fd), 'ok');
    t.is(waitForIndex(fd), 'ok');
    t.deepEqual(searchBatch(fd, all, { dimensions: D, k: 10, type }).hits, one(10, type));
    t.is(indexInfo(fd).searches ?? -1, 600);
    t.deepEqual(searchBatch(fd, all, { dimensions: D, k: 10, type, flags: SearchFlag.EXACT }).hits, exact);
    t.is(indexInfo(fd).searches ?? -1, 600);
  }
});

test('more candidates find no less: ef of the call goes before that of the index', (t) => {
  const { fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd, { ef_search: 10 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const all = joined(sift.queries.slice(0, 50));
  const recall = (ef: number): number => {
    const { hits } = searchBatch(fd, all, { dimensions: D, k: 10, ef });
    let found = 0;
    hits.forEach((near, i) => {
      const truth = new Set(sift.truth[i]!.map(BigInt));
      for (const { id } of near) if (truth.has(id)) found += 1;
    });
    return found / 500;
  };
  const few = recall(0);
  t.is(recall(10), few);
  t.true(few < 0.97);
  t.true(recall(400) > 0.99);
  t.is(manage(fd, IndexOperation.TUNE, { ef_search: 400 }).outcome, 'ok');
  t.true(recall(0) > 0.99);
});

test('fewer rows than k fill the front of the places, the others are zero', (t) => {
  const rows = randomRows(3, 4, 1);
  const { fd } = vectorFile({ dimensions: 4 }, rows);
  const { hits, restIsZero } = searchBatch(fd, randomRows(5, 4, 2), { dimensions: 4, k: 7 });
  t.deepEqual(
    hits.map((near) => near.length),
    [3, 3, 3, 3, 3],
  );
  t.true(restIsZero);
  const empty = vectorFile({ dimensions: 4 });
  t.deepEqual(searchBatch(empty.fd, randomRows(2, 4, 2), { dimensions: 4, k: 2 }).hits, [[], []]);
});

test('what a batch cannot ask for is refused', (t) => {
  const { fd, path } = vectorFile({ dimensions: 4 }, randomRows(3, 4, 1));
  const ask = (options: object, from = fd): string =>
    searchBatch(from, randomRows(2, 4, 2), { dimensions: 4, k: 1, ...options }).outcome;
  t.is(ask({}), 'ok');
  for (const options of [
    { dimensions: 3 },
    { k: 0 },
    { count: 0 },
    { type: 3 },
    { ef: 10_001 },
    { flags: 2 },
    { reserved: 1 },
  ])
    t.is(ask(options), 'EINVAL', JSON.stringify(options));
  for (const options of [{ k: 10_001 }, { count: (1 << 20) + 1 }, { count: 1 << 20, k: 1000 }])
    t.is(ask(options), 'E2BIG', JSON.stringify(options));
  for (const countsAddress of [NULL, WILD]) t.is(ask({ countsAddress }), 'EFAULT');
  t.is(ask({}, open(fresh())), 'ENODATA');
  close(fd);
  t.is(ask({}, open(path, 'a')), 'EBADF');
});
