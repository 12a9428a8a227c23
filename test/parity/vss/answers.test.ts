import { VSS_MAX_K, VSS_NO_ID } from '@vexfs/shared';
import { add, mustAdd, query, stats } from './calls.js';
import { generator, nearest } from './nearest.js';
import { vssSuite } from './suite.js';

const { test, backend, start, open } = vssSuite();

const nothing = { id: VSS_NO_ID, distance: Infinity };

for (const dimension of [1, 2, 3, 15, 16, 17, 127, 128]) {
  test(`the nearest of 700 vectors of dimension ${dimension} are those of the engine, bit for bit`, async (t) => {
    const fd = await start();
    const random = generator(dimension);
    const vector = (): Float32Array => Float32Array.from({ length: dimension }, () => random() * 200 - 100);
    const rows = new Map<number, Float32Array>();
    while (rows.size < 700) rows.set(Math.floor(random() * VSS_NO_ID), vector());
    for (const [id, row] of rows) mustAdd(fd, id, row);
    const [[known, itself]] = [...rows] as [[number, Float32Array]];
    for (const k of [1, 7, VSS_MAX_K]) {
      for (const wanted of [vector(), vector(), itself]) {
        const { outcome, ids, bits } = query(fd, wanted, k);
        t.is(outcome, 'ok');
        t.deepEqual({ ids: ids.slice(0, k), bits: bits.slice(0, k) }, nearest(wanted, rows, k));
      }
      t.is(query(fd, itself, k).ids[0], known);
    }
  });
}

test('an empty store answers a query of any dimension with nothing', async (t) => {
  const fd = await start();
  for (const dimension of [1, 128]) {
    const { outcome, ids, distances } = query(fd, new Float32Array(dimension), 5);
    t.is(outcome, 'ok');
    t.deepEqual(new Set(ids), new Set([VSS_NO_ID]));
    t.deepEqual(new Set(distances), new Set([Infinity]));
  }
});

test('past the last vector ids are 0xffffffff and distances +infinity, in all 32 places', async (t) => {
  const fd = await start();
  mustAdd(fd, 7, [0, 3]);
  mustAdd(fd, 9, [0, 4]);
  for (const k of [2, 3, 32]) {
    const { ids, distances } = query(fd, [0, 0], k);
    t.deepEqual([ids[0], ids[1], distances[0], distances[1]], [7, 9, 3, 4]);
    t.deepEqual(ids.slice(2), Array(30).fill(nothing.id));
    t.deepEqual(distances.slice(2), Array(30).fill(nothing.distance));
  }
  const one = query(fd, [0, 0], 1);
  t.deepEqual([one.ids[0], one.ids[1], one.distances[1]], [7, VSS_NO_ID, Infinity]);
});

test('the first vector fixes the dimension, and no other changes it', async (t) => {
  const fd = await start();
  t.is(stats(fd).dimension, 0);
  mustAdd(fd, 1, [1, 2, 3]);
  t.is(add(fd, 2, [1, 2]), 'EINVAL');
  t.is(add(fd, 1, [1, 2, 3, 4]), 'EINVAL');
  t.is(query(fd, [1, 2], 1).outcome, 'EINVAL');
  t.is(query(fd, [1, 2, 3, 4], 1).outcome, 'EINVAL');
  t.like(stats(fd), { vectors: 1, dimension: 3, queries: 0 });
});

test('a vector that is refused does not fix the dimension', async (t) => {
  const fd = await start();
  t.is(add(fd, 1, [1, Number.NaN, 3]), 'EINVAL');
  t.is(add(fd, VSS_NO_ID, [1, 2, 3]), 'EINVAL');
  t.is(stats(fd).dimension, 0);
  t.is(add(fd, 1, [1, 2]), 'ok');
});

test('a vector with an id that exists takes the place of the old one', async (t) => {
  const fd = await start();
  for (let id = 0; id < 600; id++) mustAdd(fd, id, [id, 0]);
  for (let id = 0; id < 600; id += 3) mustAdd(fd, id, [id, 5000]);
  t.is(stats(fd).vectors, 600);
  const rows = new Map(
    Array.from({ length: 600 }, (_, id) => [id, Float32Array.of(id, id % 3 === 0 ? 5000 : 0)] as const),
  );
  for (const wanted of [Float32Array.of(300, 0), Float32Array.of(300, 5000)]) {
    const { ids, bits } = query(fd, wanted, 32);
    t.deepEqual({ ids, bits }, nearest(wanted, rows, 32));
  }
});

test('equal distances come in the order of ids, whatever the order in which they were added', async (t) => {
  const fd = await start();
  for (const id of [4_294_967_294, 12, 0, 2_147_483_648, 5, 2_147_483_647]) mustAdd(fd, id, [1, 1]);
  t.deepEqual(query(fd, [1, 1], 6).ids.slice(0, 6), [0, 5, 12, 2_147_483_647, 2_147_483_648, 4_294_967_294]);
  t.deepEqual(query(fd, [0, 1], 2).ids.slice(0, 3), [0, 5, VSS_NO_ID]);
});

test('a vector so far away that its distance is not finite is not found', async (t) => {
  const fd = await start();
  mustAdd(fd, 1, [3e38]);
  mustAdd(fd, 2, [1]);
  const { ids, distances } = query(fd, [-3e38], 2);
  t.deepEqual([ids[0], distances[0]], [VSS_NO_ID, Infinity], 'also 1 - -3e38, squared, is too large');
  t.deepEqual(query(fd, [0], 2).ids.slice(0, 2), [2, VSS_NO_ID]);
});

test('numbers below the smallest normal one count, and no distance is -0', async (t) => {
  const fd = await start();
  mustAdd(fd, 1, [1e-19, 0]);
  mustAdd(fd, 2, [-0, 0]);
  const { ids, bits } = query(fd, [0, -0], 2);
  t.deepEqual(ids.slice(0, 2), [2, 1]);
  t.is(bits[0], 0);
  t.true(bits[1]! > 0);
});

test('values past the dimension are not looked at', async (t) => {
  const fd = await start();
  t.is(add(fd, 3, [1, 2, Number.NaN, Infinity], 2), 'ok');
  t.is(query(fd, [1, 2, Number.NaN], 1, 2).ids[0], 3);
});

test('statistics count vectors, and queries that were answered', async (t) => {
  const fd = await start(1000);
  t.deepEqual(stats(fd), { outcome: 'ok', vectors: 0, capacity: 1000, dimension: 0, queries: 0 });
  mustAdd(fd, 1, [1]);
  mustAdd(fd, 1, [2]);
  mustAdd(fd, 2, [2]);
  t.is(query(fd, [1], 0).outcome, 'EINVAL');
  for (let i = 0; i < 5; i++) query(fd, [1], 1);
  t.deepEqual(stats(fd), { outcome: 'ok', vectors: 2, capacity: 1000, dimension: 1, queries: 5 });
});

test('all descriptors see one store, which outlives them and ends with what serves it', async (t) => {
  const fd = await start();
  mustAdd(fd, 1, [1]);
  const other = open();
  mustAdd(other, 2, [2]);
  t.deepEqual(query(fd, [2], 2).ids.slice(0, 2), [2, 1]);
  t.is(stats(other).capacity, 65_536);
});

test('a store that is started anew is empty', async (t) => {
  const first = await start();
  t.is(stats(first).vectors, 0);
  mustAdd(first, 1, [1, 2]);
});

test('each of 40,000 vectors is found at distance 0', async (t) => {
  t.timeout(110_000);
  const fd = await start();
  for (let id = 0; id < 40_000; id++) mustAdd(fd, id * 7919, [id % 200, Math.floor(id / 200)]);
  for (let id = 0; id < 40_000; id += 97) {
    const { ids, distances } = query(fd, [id % 200, Math.floor(id / 200)], 1);
    t.deepEqual([ids[0], distances[0]], [id * 7919, 0]);
  }
  t.is(stats(fd).vectors, 40_000, backend.name);
});
