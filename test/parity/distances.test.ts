import { ElementType, elementNames, SearchType } from '@vexfs/shared';
import { readInt32Matrix, readUint8Matrix } from '../data/npy.js';
import { SIFT } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';
import { nearestOf, randomRows, rowsOf, storedValues } from './client/stored_rows.js';
import { insert, search } from './client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '192M' });

const TYPES = Object.values(ElementType);
const METRICS = Object.entries(SearchType);
const DIMENSIONS = [1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 100, 127, 128, 129, 255, 384, 768];

/** Distances as their 32 bits: -0 and +0 differ, and nothing is close enough. */
function bits(hits: ReadonlyArray<{ id: bigint; distance: number }>): string[] {
  const view = new DataView(new ArrayBuffer(4));
  return hits.map(({ id, distance }) => {
    view.setFloat32(0, distance);
    return `${id} 0x${view.getUint32(0).toString(16)}`;
  });
}

for (const type of TYPES) {
  for (const [metric, number] of METRICS) {
    test(`${metric} over ${elementNames[type]} is bit for bit the definition, in every dimension`, (t) => {
      for (const d of DIMENSIONS) {
        const scale = type === ElementType.INT8 ? 120 : 3;
        const rows = randomRows(40, d, d * 7 + type, scale);
        const { fd } = vectorFile({ dimensions: d, elementType: type }, rows);
        const stored = [...rowsOf(rows, d)].map(([id, row]) => [id, storedValues(type, row)] as const);
        for (const seed of [1, 2]) {
          const query = randomRows(1, d, 1000 * seed + d, scale);
          const expected = nearestOf(stored, number, storedValues(type, query), 40);
          t.deepEqual(
            bits(search(fd, query, { k: 40, type: number }).hits),
            bits(expected),
            `${d} dimensions`,
          );
        }
      }
    });
  }
}

test('rows at the same distance are ordered by id, whatever the order of insertion', (t) => {
  const { fd } = vectorFile({ dimensions: 2 });
  const ids = [70, 3, 50, 4, 60, 9_007_199_254_740_993n, 18_446_744_073_709_551_614n, 0];
  const rows = ids.flatMap((_, i) => (i % 2 === 0 ? [3, 4] : [4, 3]));
  t.is(insert(fd, rows, { dimensions: 2, ids }), 'ok');
  for (const type of [0, 1, 2]) {
    const { hits } = search(fd, [1, 1], { k: 8, type });
    t.deepEqual(
      hits.map((hit) => hit.id),
      [0n, 3n, 4n, 50n, 60n, 70n, 9_007_199_254_740_993n, 18_446_744_073_709_551_614n],
    );
    t.is(new Set(hits.map((hit) => hit.distance)).size, 1);
  }
  t.deepEqual(
    search(fd, [1, 1], { k: 3 }).hits.map((hit) => hit.id),
    [0n, 3n, 4n],
    'a tie at the cut keeps the smallest ids',
  );
});

test('k above the number of rows returns all of them', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [5, 1, 3]);
  for (const k of [3, 4, 100, 10_000]) {
    const { count, hits } = search(fd, [0], { k });
    t.is(count, 3, `k ${k}`);
    t.deepEqual(
      hits.map((hit) => hit.distance),
      [1, 3, 5],
    );
  }
});

test('a search in a set without rows succeeds and finds 0', (t) => {
  const { fd } = vectorFile({ dimensions: 4 });
  t.deepEqual(search(fd, [1, 2, 3, 4], { k: 5 }), { outcome: 'ok', count: 0, hits: [] });
});

test('k 10000 returns the 10000 nearest of 12000 rows in order', (t) => {
  const rows = randomRows(12_000, 4, 5);
  const { fd } = vectorFile({ dimensions: 4 }, rows);
  const query = [0.1, -0.2, 0.3, -0.4];
  const expected = nearestOf(rowsOf(rows, 4), SearchType.EUCLIDEAN, Float32Array.from(query), 10_000);
  const { count, hits } = search(fd, query, { k: 10_000 });
  t.is(count, 10_000);
  t.deepEqual(bits(hits), bits(expected));
});

test('k 1 returns the nearest row for each metric', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [1, 0, 0, 9, 4, 4]);
  t.is(search(fd, [1, 0.5], { k: 1, type: 0 }).hits[0]?.id, 0n);
  t.is(search(fd, [0, 1], { k: 1, type: 1 }).hits[0]?.id, 1n);
  t.is(search(fd, [1, 1], { k: 1, type: 2 }).hits[0]?.id, 1n);
});

test('the cosine distance of a zero vector, as row or as query, is 1', (t) => {
  const { fd } = vectorFile({ dimensions: 3 }, [0, 0, 0, 3, 4, 0]);
  const distances = (query: number[]): number[] =>
    search(fd, query, { k: 2, type: SearchType.COSINE }).hits.map((hit) => hit.distance);
  t.deepEqual(distances([3, 4, 0]), [0, 1]);
  t.deepEqual(distances([0, 0, 0]), [1, 1]);
});

test('the cosine distance stays within 0 and 2 where rounding would leave it', (t) => {
  const rows = randomRows(300, 3, 11);
  const { fd } = vectorFile({ dimensions: 3 }, rows);
  for (const [id, row] of rowsOf(rows, 3)) {
    const near = search(fd, row, { k: 300, type: SearchType.COSINE }).hits;
    const all = near.map((hit) => hit.distance);
    if (Math.min(...all) < 0 || Math.max(...all) > 2)
      t.fail(`row ${id}: ${Math.min(...all)}..${Math.max(...all)}`);
    if (id > 40) break;
  }
  t.pass();
});

test('no distance is ever -0', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [0, 0, -1, 0, 0, 5]);
  for (const type of [0, 1, 2]) {
    for (const query of [
      [0, 0],
      [-0, 3],
      [1, 0],
      [0, 5],
    ]) {
      for (const { id, distance } of search(fd, query, { k: 3, type }).hits) {
        t.false(Object.is(distance, -0), `type ${type}, query ${query}, row ${id}`);
      }
    }
  }
});

test('rows whose distance is not finite do not match', (t) => {
  const huge = 3e38;
  const { fd } = vectorFile({ dimensions: 2 }, [huge, huge, 1, 1, -huge, -huge]);
  const ids = (type: number): bigint[] => search(fd, [huge, huge], { k: 9, type }).hits.map((hit) => hit.id);
  t.deepEqual(ids(SearchType.EUCLIDEAN), [0n], 'the others overflow');
  t.deepEqual(ids(SearchType.DOT_PRODUCT), []);
});

test('denormal numbers count', (t) => {
  const tiny = 1e-40;
  const { fd } = vectorFile({ dimensions: 1 }, [tiny, 0]);
  const { hits } = search(fd, [-1], { k: 2, type: SearchType.DOT_PRODUCT });
  t.deepEqual(
    hits.map((hit) => hit.distance),
    [0, Math.fround(tiny)],
  );
});

test('the highest dimension, 65536, is searched bit for bit', (t) => {
  const d = 65536;
  const rows = randomRows(5, d, 3);
  const { fd } = vectorFile({ dimensions: d }, rows);
  const query = randomRows(1, d, 4);
  for (const type of [0, 1, 2]) {
    const expected = nearestOf(rowsOf(rows, d), type as SearchType, query, 5);
    t.deepEqual(bits(search(fd, query, { k: 5, type }).hits), bits(expected));
  }
});

for (const [kind, elementType] of [
  ['float32', ElementType.FLOAT32],
  ['float16', ElementType.FLOAT16],
] as const) {
  test(`100 queries over 10,000 SIFT rows as ${kind} return exactly the true neighbours`, (t) => {
    const base = readUint8Matrix(`${SIFT}-base.npy`);
    const queries = readUint8Matrix(`${SIFT}-query.npy`);
    const truth = readInt32Matrix(`${SIFT}-truth.npy`);
    const { fd } = vectorFile({ dimensions: 128, elementType });
    const batch = 2500;
    for (let row = 0; row < base.rows; row += batch) {
      const rows = Float32Array.from(base.data.subarray(row * 128, (row + batch) * 128));
      t.is(insert(fd, rows, { dimensions: 128 }), 'ok');
    }
    for (let q = 0; q < queries.rows; q++) {
      const query = Float32Array.from(queries.data.subarray(q * 128, (q + 1) * 128));
      const found = search(fd, query, { k: 100 }).hits.map((hit) => Number(hit.id));
      t.deepEqual(found, [...truth.data.subarray(q * 100, (q + 1) * 100)], `query ${q}`);
    }
  });
}

for (const [elementType, row] of [
  [ElementType.FLOAT16, [0.1, 1000.3, -7.77]],
  [ElementType.INT8, [1.5, 2.5, -100.4]],
  [ElementType.BINARY, [0.1, -3, 17]],
] as const) {
  test(`a query is converted as a ${elementNames[elementType]} row is, so that each row finds itself at distance 0`, (t) => {
    const { fd } = vectorFile({ dimensions: 3, elementType }, row);
    t.deepEqual(search(fd, row, { k: 1 }).hits, [{ id: 0n, distance: 0 }]);
  });
}

test('a query that the element type cannot hold is EINVAL, as a row would be', (t) => {
  t.is(search(vectorFile({ dimensions: 1, elementType: 2 }, [1]).fd, [65520], { k: 1 }).outcome, 'EINVAL');
  t.is(search(vectorFile({ dimensions: 1, elementType: 3 }, [1]).fd, [127.5], { k: 1 }).outcome, 'EINVAL');
});
