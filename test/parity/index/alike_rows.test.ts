import { SearchFlag, SearchType } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, searchBatch, waitForIndex } from '../client/index_calls.js';
import { randomSource } from '../client/stored_rows.js';

const { test, vectorFile } = paritySuite({ size: '96M' });
const ROWS = 6000;
const QUERIES = 40;
const K = 10;

/** Rows that lie closer together than codes tell apart, or that a scale for all of them cuts off. */
const SETS: Record<
  string,
  { dimensions: number; type: SearchType; row: (random: () => number, i: number) => number[] }
> = {
  'groups far apart': {
    dimensions: 32,
    type: SearchType.EUCLIDEAN,
    row: (random, i) => {
      const group = randomSource(1000 + (i % 50));
      return Array.from({ length: 32 }, () => group() * 10 + random() * 0.05);
    },
  },
  'a number each': {
    dimensions: 1,
    type: SearchType.EUCLIDEAN,
    row: (random) => [random() + random() + random()],
  },
  'far from the origin': {
    dimensions: 24,
    type: SearchType.COSINE,
    row: (random) => Array.from({ length: 24 }, () => 1000 + random()),
  },
  'groups of about the same products': {
    dimensions: 32,
    type: SearchType.DOT_PRODUCT,
    row: (random, i) => {
      const group = randomSource(1000 + (i % 50));
      return Array.from({ length: 32 }, () => group() * 10 - 5 + random() * 0.01);
    },
  },
  'some much longer than others': {
    dimensions: 32,
    type: SearchType.DOT_PRODUCT,
    row: (random) => {
      const length = Math.exp(6 * random() - 3);
      return Array.from({ length: 32 }, () => length * (random() - 0.5));
    },
  },
};

function rowsOf(name: string, count: number, seed: number): Float32Array {
  const { dimensions, row } = SETS[name]!;
  const random = randomSource(seed);
  const rows = new Float32Array(count * dimensions);
  for (let i = 0; i < count; i++) rows.set(row(random, i), i * dimensions);
  return rows;
}

for (const [name, { dimensions, type }] of Object.entries(SETS)) {
  test(`rows of which codes tell little are found all the same: ${name}`, (t) => {
    const { fd } = vectorFile({ dimensions }, rowsOf(name, ROWS, 7));
    t.is(createIndex(fd, { metric: type }), 'ok');
    t.is(waitForIndex(fd), 'ok');
    t.is(indexInfo(fd).indexed_rows, ROWS);
    const queries = rowsOf(name, QUERIES, 99);
    const asked = { dimensions, k: K, type };
    const exact = searchBatch(fd, queries, { ...asked, flags: SearchFlag.EXACT }).hits;
    const found = searchBatch(fd, queries, { ...asked, ef: 100 }).hits;
    let near = 0;
    found.forEach((hits, query) => {
      const worst = exact[query]![K - 1]!.distance;
      near += hits.filter(({ distance }) => distance <= worst).length;
    });
    t.true(near >= 0.97 * QUERIES * K, `${near} of ${QUERIES * K}`);
  });
}
