import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import {
  bestCpu,
  cpuFor,
  type IndexParams,
  IndexType,
  Isa,
  SearchFlag,
  SearchPath,
  VectorIndex,
} from '@vexfs/fuse/engine';
import { allocateMemory, freeMemory } from '@vexfs/fuse/system';
import { ElementType, SearchType } from '@vexfs/shared';
import test, { type ExecutionContext } from 'ava';
import { type Matrix, readInt32Matrix, readUint8Matrix } from '../../data/npy.js';
import { type Hit, IndexedRows, type Question } from './indexed_rows.js';
import { distance, randomSource } from './reference.js';

const DATA = fileURLToPath(new URL('../../../data/', import.meta.url));
const EINVAL = -22;
const EUCLEAN = -117;
const K = 10;

const must = (made: VectorIndex | number): VectorIndex => {
  if (typeof made === 'number') throw new Error(`no index: ${made}`);
  return made;
};

function rowsOf(params: IndexParams, slots: number, isa: Isa = Isa.BEST): IndexedRows {
  const index = must(VectorIndex.create(params, isa));
  return new IndexedRows(index, bestCpu, params.metric, slots, params.dimensions);
}

const row = (matrix: Matrix<Uint8Array>, i: number): Uint8Array =>
  matrix.data.subarray(i * matrix.columns, (i + 1) * matrix.columns);

function siftIndex(isa: Isa, threads: number): IndexedRows {
  const base = readUint8Matrix(`${DATA}sift10k-base.npy`);
  const params = {
    metric: SearchType.EUCLIDEAN,
    element: ElementType.FLOAT32,
    dimensions: base.columns,
    seed: 7n,
  };
  const rows = rowsOf(params, base.rows, isa);
  for (let slot = 0; slot < base.rows; slot++) rows.put(slot, BigInt(slot), row(base, slot));
  if (rows.take(threads) !== base.rows) throw new Error('building ended early');
  return rows;
}

function mustFind(rows: IndexedRows, query: ArrayLike<number>, question: Question): Hit[] {
  const hits = rows.search(query, question);
  if (typeof hits === 'number') throw new Error(`searching failed with ${hits}`);
  return hits;
}

/** All matching rows, nearest first, by distances computed in JavaScript. */
function everyMatch(rows: IndexedRows, query: Float32Array, question: Question): Hit[] {
  const found: Hit[] = [];
  for (let slot = 0; slot < rows.slots; slot++) {
    const id = rows.id(slot);
    if (!rows.isLive(slot) || question.slots?.has(slot) === false || question.ids?.has(id) === false)
      continue;
    if (id < (question.idMin ?? 0n) || id > (question.idMax ?? id)) continue;
    const far = distance(rows.metric, query, rows.row(slot));
    if (far !== null) found.push({ id, slot, distance: far });
  }
  return found.sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1));
}

/** Checks what holds of every answer and returns its recall. */
function checkAnswer(
  t: ExecutionContext,
  rows: IndexedRows,
  query: Float32Array,
  question: Question,
): number {
  const hits = mustFind(rows, query, question);
  const matches = everyMatch(rows, query, question);
  const wanted = matches.slice(0, question.k);
  const bySlot = new Map(matches.map((hit) => [hit.slot, hit]));
  t.is(hits.length, wanted.length, 'as many rows as match, up to k');
  hits.forEach((hit, i) => {
    t.deepEqual(hit, bySlot.get(hit.slot), `hit ${i} is a matching row with its exact distance`);
    const before = hits[i - 1];
    if (before !== undefined) {
      const inOrder =
        before.distance < hit.distance || (before.distance === hit.distance && before.id < hit.id);
      t.true(inOrder, `hit ${i} comes after hit ${i - 1}`);
    }
  });
  const farthest = wanted.at(-1)?.distance ?? 0;
  return wanted.length === 0 ? 1 : hits.filter((hit) => hit.distance <= farthest).length / wanted.length;
}

test('ten neighbours of real descriptors are found with a recall of 0.97 by default, 0.99 with a wider search', (t) => {
  const queries = readUint8Matrix(`${DATA}sift10k-query.npy`);
  const truth = readInt32Matrix(`${DATA}sift10k-truth.npy`);
  const rows = siftIndex(Isa.BEST, 2);
  const recall = (question: Question): number => {
    let found = 0;
    for (let i = 0; i < queries.rows; i++) {
      const near = new Set(truth.data.subarray(i * truth.columns, i * truth.columns + K));
      const hits = mustFind(rows, row(queries, i), question);
      t.is(rows.searcher.info().path, SearchPath.GRAPH, `query ${i} was answered by the graph`);
      found += hits.filter((hit) => near.has(hit.slot)).length;
    }
    return found / (queries.rows * K);
  };
  const byDefault = recall({ k: K });
  t.true(byDefault >= 0.97, `recall by default: ${byDefault}, expected at least 0.97`);
  const wide = recall({ k: K, ef: 200 });
  t.true(wide >= 0.99, `recall with ef 200: ${wide}, expected at least 0.99`);
  const { codes, rows: compared } = rows.searcher.info();
  t.true(codes < 5000 && compared < 100, `${codes} codes and ${compared} rows compared, of 10,000`);
  rows.destroy();
});

test('every instruction set and every number of threads leaves the same bytes', (t) => {
  const sums = new Map<string, string>();
  for (const [name, isa] of Object.entries(Isa)) {
    if (cpuFor(isa) === 0) continue;
    for (const threads of name === 'BEST' ? [1, 2, 3] : [1]) {
      const rows = siftIndex(isa, threads);
      sums.set(`${name}, ${threads}`, createHash('sha256').update(rows.snapshot()).digest('hex'));
      rows.destroy();
    }
  }
  t.true(sums.has('SCALAR, 1') && sums.size >= 4, [...sums.keys()].join('; '));
  const first = sums.get('SCALAR, 1')!;
  for (const [how, sum] of sums) t.is(sum, first, how);
});

/** By dot product the nearest rows may be few that little links to. */
const LEAST_RECALL: Readonly<Record<SearchType, number>> = {
  [SearchType.EUCLIDEAN]: 0.99,
  [SearchType.COSINE]: 0.99,
  [SearchType.DOT_PRODUCT]: 0.92,
};

for (const [name, metric] of Object.entries(SearchType)) {
  test(`inserts, deletions and overwrites are answered like a comparison of all rows: ${name}`, (t) => {
    const random = randomSource(metric + 1);
    const slots = 900;
    const params = {
      metric,
      element: ElementType.FLOAT32,
      dimensions: 13,
      m: 8,
      efConstruction: 60,
      trainRows: 64,
    };
    const rows = rowsOf(params, slots);
    const vector = (): Float32Array => {
      const kind = random();
      if (kind < 0.02) return new Float32Array(13);
      // A few directions, so that rows lie in groups and some are equal.
      const group = Math.floor(random() * 6);
      return Float32Array.from({ length: 13 }, (_, d) =>
        Math.round(20 * Math.sin(group * 7 + d) + 6 * (random() - 0.5)),
      );
    };
    let nextId = 1n;
    let recall = 0;
    let asked = 0;
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 150; i++) {
        const slot = Math.floor(random() * slots);
        const used = rows.isLive(slot);
        if (used && random() < 0.6) rows.remove(slot);
        else rows.put(slot, used && random() < 0.5 ? rows.id(slot) : nextId++, vector());
      }
      t.true(rows.take(1 + (round % 2)) > 0);
      for (let i = 0; i < 6; i++) {
        const question: Question = [
          { k: 1 },
          { k: 10, ef: 40 },
          { k: 50, withoutLive: true },
          { k: 10, idMin: nextId / 3n, idMax: nextId / 2n },
          { k: 7, slots: new Set(Array.from({ length: 40 }, () => Math.floor(random() * slots))) },
          { k: 10, ids: new Set([1n, nextId / 2n, nextId - 1n, nextId / 4n]) },
        ][i]!;
        recall += checkAnswer(t, rows, vector(), question);
        asked++;
      }
    }
    const least = LEAST_RECALL[metric];
    t.true(
      recall / asked >= least,
      `recall ${recall / asked} over ${asked} searches, expected at least ${least}`,
    );
    const all = vector();
    t.is(checkAnswer(t, rows, all, { k: 1000 }), 1, 'more rows asked for than the graph gives');
    t.is(checkAnswer(t, rows, all, { k: 20, flags: SearchFlag.EXACT }), 1);
    rows.destroy();
  });
}

test('without a graph, angles are found as well, and every instruction set leaves the same bytes', (t) => {
  const base = readUint8Matrix(`${DATA}sift10k-base.npy`);
  const queries = readUint8Matrix(`${DATA}sift10k-query.npy`);
  const params = {
    metric: SearchType.COSINE,
    element: ElementType.FLOAT32,
    dimensions: base.columns,
    type: IndexType.FLAT,
  };
  const sums = new Set<string>();
  for (const isa of Object.values(Isa)) {
    if (cpuFor(isa) === 0) continue;
    const rows = rowsOf(params, base.rows, isa);
    for (let slot = 0; slot < base.rows; slot++) rows.put(slot, BigInt(slot), row(base, slot));
    t.is(rows.take(2), base.rows);
    const perRow = rows.index.info().graphBytes / base.rows;
    t.true(perRow < 210, `${perRow} bytes a row, one chunk`);
    let found = 0;
    const asked = 200;
    for (let i = 0; i < asked; i++) {
      const query = row(queries, i);
      const hits = mustFind(rows, query, { k: K, ef: 400 });
      t.is(rows.searcher.info().path, SearchPath.GRAPH, `query ${i} was answered by the bits`);
      const exact = mustFind(rows, query, { k: K, flags: SearchFlag.EXACT });
      const distances = new Map(exact.map((hit) => [hit.slot, hit.distance]));
      found += hits.filter((hit) => distances.get(hit.slot) === hit.distance).length;
    }
    const recall = found / (asked * K);
    t.true(recall >= 0.95, `recall ${recall}, expected at least 0.95`);
    sums.add(createHash('sha256').update(rows.snapshot()).digest('hex'));
    rows.destroy();
  }
  t.is(sums.size, 1);
  for (const metric of [SearchType.EUCLIDEAN, SearchType.DOT_PRODUCT])
    t.is(VectorIndex.create({ ...params, metric }, Isa.BEST), EINVAL);
});

test('rows that the index has not taken are found through the tail, in their new place', (t) => {
  const random = randomSource(3);
  const params = { metric: SearchType.EUCLIDEAN, element: ElementType.FLOAT32, dimensions: 8, trainRows: 64 };
  const rows = rowsOf(params, 600);
  const vector = () => Float32Array.from({ length: 8 }, () => random() * 10);
  for (let slot = 0; slot < 500; slot++) rows.put(slot, BigInt(slot), vector());
  t.is(rows.take(), 500);
  const tail: number[] = [];
  for (let slot = 500; slot < 600; slot++) {
    rows.put(slot, BigInt(slot), vector());
    tail.push(slot);
  }
  for (let slot = 0; slot < 50; slot++) rows.remove(slot);
  for (let slot = 50; slot < 80; slot++) {
    // Another row in the same slot: what the graph knows of it is old.
    rows.put(slot, BigInt(1000 + slot), vector());
    tail.push(slot);
  }
  for (let i = 0; i < 30; i++) checkAnswer(t, rows, vector(), { k: 12, ef: 100, tail });
  for (const slot of tail) {
    const [nearest] = mustFind(rows, rows.row(slot), { k: 1, tail });
    t.deepEqual(nearest, { id: rows.id(slot), slot, distance: 0 });
  }
  rows.destroy();
});

test('a snapshot goes on where the index stood, and a damaged one still gives right answers', (t) => {
  const random = randomSource(11);
  const params = { metric: SearchType.COSINE, element: ElementType.FLOAT32, dimensions: 24, m: 6, seed: 5n };
  const rows = rowsOf(params, 2000);
  const vector = () => Float32Array.from({ length: 24 }, (_, d) => Math.cos(d) + random());
  for (let slot = 0; slot < 1500; slot++) rows.put(slot, BigInt(slot * 3), vector());
  rows.take();
  rows.index.setPosition(2n ** 60n);
  const snapshot = rows.snapshot();
  t.is(snapshot.length, rows.index.info().snapshotBytes);
  const memory = allocateMemory(snapshot.length);
  memory.bytes.set(snapshot);
  const query = vector();
  const before = mustFind(rows, query, { k: 20 });
  rows.reopen(memory, Isa.SCALAR);
  t.is(rows.index.info().position, 2n ** 60n);
  t.deepEqual(mustFind(rows, query, { k: 20 }), before);
  t.is(rows.index.verify(), 0);
  for (let slot = 1500; slot < 2000; slot++) rows.put(slot, BigInt(slot * 3), vector());
  t.is(rows.take(), 500);
  checkAnswer(t, rows, vector(), { k: 20 });
  const onward = rows.snapshot();
  rows.destroy();

  const whole = rowsOf(params, 2000);
  const again = randomSource(11);
  const same = () => Float32Array.from({ length: 24 }, (_, d) => Math.cos(d) + again());
  for (let slot = 0; slot < 1500; slot++) whole.put(slot, BigInt(slot * 3), same());
  whole.take();
  same();
  for (let slot = 1500; slot < 2000; slot++) whole.put(slot, BigInt(slot * 3), same());
  whole.take();
  whole.index.setPosition(2n ** 60n);
  t.true(whole.snapshot().equals(onward), 'what was opened and grew saves the bytes of what grew in memory');

  memory.bytes.set(snapshot);
  // Somewhere among codes and links, which are read only when a search comes there.
  memory.bytes[Math.floor(snapshot.length / 2)]! ^= 0x40;
  whole.reopen(memory, Isa.BEST);
  for (let slot = 1500; slot < 2000; slot++) whole.remove(slot);
  for (let i = 0; i < 20; i++) checkAnswer(t, whole, vector(), { k: 20 });
  t.is(whole.index.verify(), EUCLEAN);
  t.true(whole.index.info().damaged);
  t.is(checkAnswer(t, whole, vector(), { k: 20 }), 1);
  t.is(whole.take(), EUCLEAN);
  whole.destroy();
  freeMemory(memory);
});

test('parameters out of range are refused', (t) => {
  const good: IndexParams = { metric: SearchType.EUCLIDEAN, element: ElementType.FLOAT32, dimensions: 8 };
  const bad: Record<string, unknown>[] = [
    { metric: 3 },
    { element: 0 },
    { element: 5 },
    { dimensions: 0 },
    { dimensions: 65537 },
    { m: 3 },
    { m: 65 },
    { efConstruction: 10001 },
    { trainRows: 65537 },
    { type: IndexType.FLAT },
    { type: 2 },
  ];
  for (const part of bad)
    t.is(VectorIndex.create({ ...good, ...part }, Isa.BEST), EINVAL, JSON.stringify(part));
  const rows = rowsOf(good, 4);
  t.deepEqual(rows.search(new Float32Array(8), { k: 5 }), []);
  rows.put(2, 9n, new Float32Array(8).fill(1));
  t.is(rows.take(), 1);
  t.deepEqual(rows.search(new Float32Array(8).fill(1), { k: 5 }), [{ id: 9n, slot: 2, distance: 0 }]);
  const one = new Float32Array(8);
  for (const question of [{ k: 0 }, { k: 10001 }, { k: 1, ef: 10001 }, { k: 1, flags: 0x80 }]) {
    t.is(rows.search(one, question), EINVAL, JSON.stringify(question));
  }
  rows.put(3, 2n ** 64n - 1n, one);
  t.is(rows.take(), EINVAL);
  rows.destroy();
});
