import {
  IndexOperation,
  MAX_RECALL_SAMPLE,
  RECALL_UNIT,
  RECALL_UNKNOWN,
  SearchFlag,
  SearchType,
} from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { createIndex, manage, searchBatch, waitForIndex } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';
import { sift10k } from './sift.js';

const { test, vectorFile } = paritySuite({ size: '96M' });
const sift = sift10k();
const NEAR = 10;

const measured = (fd: number, sample: number): number =>
  manage(fd, IndexOperation.INFO, { sample }).info.recall!;

/** The same by searches of the caller, over rows that lie in the order of their ids. */
function expected(
  fd: number,
  rows: Float32Array,
  dimensions: number,
  type: SearchType,
  sample: number,
): number {
  const count = rows.length / dimensions;
  const chosen = Array.from({ length: sample }, (_, i) => Math.floor((i * count) / sample));
  const queries = new Float32Array(sample * dimensions);
  for (const [i, row] of chosen.entries())
    queries.set(rows.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions);
  const ask = (flags: number): { id: bigint; distance: number }[][] =>
    searchBatch(fd, queries, { dimensions, k: NEAR + 1, type, flags }).hits.map((hits, i) =>
      hits.filter(({ id }) => id !== BigInt(chosen[i]!)).slice(0, NEAR),
    );
  const exact = ask(SearchFlag.EXACT);
  let found = 0;
  for (const [i, hits] of ask(0).entries()) {
    const worst = exact[i]!.at(-1)!.distance;
    found += hits.filter(({ distance }) => distance <= worst).length;
  }
  return Math.floor((found * RECALL_UNIT) / (sample * NEAR));
}

for (const [name, type] of [
  ['EUCLIDEAN', SearchType.EUCLIDEAN],
  ['DOT_PRODUCT', SearchType.DOT_PRODUCT],
] as const) {
  test(`INFO measures the recall by rows of the file, as their searches would: ${name}`, (t) => {
    const { dimensions } = sift;
    const { fd } = vectorFile({ dimensions }, sift.rows);
    t.is(measured(fd, 50), RECALL_UNKNOWN);
    t.is(createIndex(fd, { metric: type, ef_search: 1 }), 'ok');
    t.is(waitForIndex(fd), 'ok');
    t.is(measured(fd, 0), RECALL_UNKNOWN);
    const poor = measured(fd, 150);
    t.is(poor, expected(fd, sift.rows, dimensions, type, 150));
    t.true(poor < 0.999 * RECALL_UNIT && poor > RECALL_UNIT / 4, `${poor}`);
    t.is(manage(fd, IndexOperation.TUNE, { ef_search: 200 }).outcome, 'ok');
    const good = measured(fd, 150);
    t.is(good, expected(fd, sift.rows, dimensions, type, 150));
    t.true(good > poor && good > 0.95 * RECALL_UNIT, `${good}`);
  });
}

test('where every row is compared the recall is whole, and a sample has a bound', (t) => {
  const { fd } = vectorFile({ dimensions: 8 }, randomRows(500, 8, 3));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(measured(fd, 1000), RECALL_UNIT);
  t.is(measured(fd, MAX_RECALL_SAMPLE), RECALL_UNIT);
  t.is(manage(fd, IndexOperation.INFO, { sample: MAX_RECALL_SAMPLE + 1 }).outcome, 'E2BIG');
  t.is(manage(fd, IndexOperation.WAIT, { sample: 1 }).outcome, 'EINVAL');
});
