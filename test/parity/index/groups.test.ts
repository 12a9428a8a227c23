import { SearchFlag, SearchType } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { createIndex, searchBatch, waitForIndex } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';
import { insert } from '../client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '96M' });

const D = 32;
const GROUPS = 120;
const SIZE = 40;
/** Of a coordinate within a group, where those of the middles go from -1 to 1. */
const SPREAD = 0.005;
const K = 10;

test('rows in tight groups are found when group after group was replaced', (t) => {
  const middles = randomRows(GROUPS, D, 5);
  /** Rows of a group; `seed` chooses which. */
  const drawn = (group: number, count: number, seed: number): Float32Array =>
    randomRows(count, D, seed).map((value, i) => middles[group * D + (i % D)]! + SPREAD * value);
  const { fd } = vectorFile({ dimensions: D });
  t.is(createIndex(fd, { m: 8, ef_construction: 60, ef_search: 20 }), 'ok');
  const put = (group: number, seed: number): void => {
    const ids = Array.from({ length: SIZE }, (_, i) => group * SIZE + i);
    t.is(insert(fd, drawn(group, SIZE, seed), { dimensions: D, ids }), 'ok');
    t.is(waitForIndex(fd), 'ok');
  };
  for (let group = 0; group < GROUPS; group++) put(group, 100 + group);
  for (let i = 0; i < GROUPS; i++) {
    const group = (i * 17) % GROUPS;
    const ids = Array.from({ length: SIZE }, (_, j) => group * SIZE + j);
    t.is(deleteRows(fd, ids), 'ok');
    put(group, 200 + group);
  }
  const queries = new Float32Array(2 * GROUPS * D);
  for (let i = 0; i < 2 * GROUPS; i++) queries.set(drawn(i % GROUPS, 1, 300 + i), i * D);
  const ask = (flags: number): bigint[][] =>
    searchBatch(fd, queries, { dimensions: D, k: K, type: SearchType.EUCLIDEAN, flags }).hits.map((hits) =>
      hits.map(({ id }) => id),
    );
  const nearest = ask(SearchFlag.EXACT);
  const lost = ask(0).filter((ids, i) => !ids.some((id) => nearest[i]!.includes(id)));
  t.true(lost.length <= 4, `${lost.length} of ${2 * GROUPS} searches found none of the nearest rows`);
});
