import { fstatSync, fsyncSync as fsync, readFileSync } from 'node:fs';
import { ElementType, elementNames, InsertFlag, MAX_ID, NO_ID } from '@vexfs/shared';
import { paritySuite } from './backend/suite.js';
import { NULL, WILD, withMemory } from './client/caller_memory.js';
import { storedBytes } from './client/stored_rows.js';
import {
  getEmbedding,
  getMeta,
  getStats,
  insert,
  type Layout,
  nearestIds,
  rowOf,
  search,
} from './client/vector_calls.js';

const { test, vectorFile, open, close, backend } = paritySuite({ size: '64M' });
const { OVERWRITE, APPEND, VALIDATE } = InsertFlag;

/** What a refused insert must leave as it was. */
function state(path: string, fd: number, d: number): unknown {
  const { mtimeMs, ctimeMs, size, blocks } = fstatSync(fd);
  const { rows, slots, free_slots, next_id, log_records } = getStats(fd).stats;
  return {
    bytes: readFileSync(path).toString('hex'),
    stat: { mtimeMs, ctimeMs, size, blocks },
    meta: getMeta(fd),
    stats: { rows, slots, free_slots, next_id, log_records },
    hits: nearestIds(fd, new Float32Array(d)),
  };
}

const contents: ReadonlyArray<readonly [string, Layout, readonly number[], string]> = [
  ...Object.values(ElementType).flatMap((elementType) =>
    [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(
      (value) =>
        [
          `${value} in a ${elementNames[elementType]} row`,
          { dimensions: 3, elementType },
          [1, 2, value],
          'EINVAL',
        ] as const,
    ),
  ),
  ['65520 in a float16 row', { dimensions: 3, elementType: 2 }, [1, 65520, 0], 'EINVAL'],
  ['-65520 in a float16 row', { dimensions: 3, elementType: 2 }, [1, 0, -65520], 'EINVAL'],
  ['1e30 in a float16 row', { dimensions: 3, elementType: 2 }, [1e30, 0, 0], 'EINVAL'],
  ['127.5 in an int8 row', { dimensions: 3, elementType: 3 }, [127.5, 0, 0], 'EINVAL'],
  ['-128.6 in an int8 row', { dimensions: 3, elementType: 3 }, [0, 0, -128.6], 'EINVAL'],
  ['1000 in an int8 row', { dimensions: 3, elementType: 3 }, [0, 1000, 0], 'EINVAL'],
];
for (const [what, layout, row, expected] of contents) {
  test(`${what} is ${expected}, wherever it stands, and nothing is stored`, (t) => {
    const { path, fd } = vectorFile(layout, [1, 1, 1]);
    const before = state(path, fd, 3);
    for (const rows of [row, [...row, 1, 2, 3], [1, 2, 3, ...row]]) {
      t.is(insert(fd, rows, { dimensions: 3 }), expected);
      t.is(insert(fd, rows, { dimensions: 3, flags: VALIDATE }), expected, 'VALIDATE');
    }
    t.deepEqual(state(path, fd, 3), before);
  });
}

test('refused ids store nothing: 2^64 - 1 and an id twice are EINVAL, an existing one is EEXIST', (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 }, [5, 6]);
  const before = state(path, fd, 1);
  const tries: ReadonlyArray<readonly [readonly (number | bigint)[], number, string]> = [
    [[NO_ID], 0, 'EINVAL'],
    [[7, NO_ID], OVERWRITE, 'EINVAL'],
    [[7, 7], 0, 'EINVAL'],
    [[7, 8, 7], OVERWRITE, 'EINVAL'],
    [[0, 0], OVERWRITE, 'EINVAL'],
    [[7, 1], 0, 'EEXIST'],
    [[1], APPEND, 'EEXIST'],
    [[0, 1], VALIDATE, 'EEXIST'],
    [[1, 7, 7], 0, 'EINVAL'],
    [[1, NO_ID], 0, 'EINVAL'],
  ];
  for (const [ids, flags, expected] of tries) {
    const rows = ids.map((_, i) => 100 + i);
    t.is(insert(fd, rows, { dimensions: 1, ids, flags }), expected, `ids ${ids}, flags ${flags}`);
  }
  t.is(
    insert(fd, [Number.NaN, 1], { dimensions: 1, ids: [0, 1] }),
    'EINVAL',
    'contents come before ids that exist',
  );
  t.deepEqual(state(path, fd, 1), before);
});

test('an id twice in a large batch is EINVAL', (t) => {
  const { fd } = vectorFile({ dimensions: 1 });
  const ids = BigUint64Array.from({ length: 50_000 }, (_, i) => BigInt(i) * 7919n);
  ids[49_999] = ids[123]!;
  t.is(insert(fd, new Float32Array(50_000), { dimensions: 1, ids }), 'EINVAL');
  t.is(getStats(fd).stats.rows, 0);
  ids[49_999] = 1n;
  t.is(insert(fd, new Float32Array(50_000), { dimensions: 1, ids }), 'ok');
  t.is(getStats(fd).stats.rows, 50_000);
});

test('rows without ids go on at next_id, which an explicit larger id raises and nothing lowers', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [1, 2]);
  const next = (): number => getStats(fd).stats.next_id!;
  t.is(next(), 2);
  t.is(insert(fd, [10], { dimensions: 1, ids: [100] }), 'ok');
  t.is(next(), 101);
  t.is(insert(fd, [11], { dimensions: 1, ids: [50] }), 'ok');
  t.is(next(), 101, 'a smaller id leaves the mark');
  t.is(insert(fd, [12, 13], { dimensions: 1 }), 'ok');
  t.deepEqual(nearestIds(fd, [12.4]), [101n, 102n, 50n, 100n, 1n, 0n]);
  t.is(next(), 103);
  t.is(insert(fd, [14], { dimensions: 1, ids: [102], flags: OVERWRITE }), 'ok');
  t.is(next(), 103);
});

test('next_id survives a truncation to nothing and a remount', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 }, [1, 2, 3]);
  close(fd);
  close(open(path, 'w'));
  await backend.remount();
  const again = open(path);
  t.is(getStats(again).stats.next_id, 3);
  t.is(insert(again, [9], { dimensions: 1 }), 'ok');
  t.deepEqual(nearestIds(again, [9]), [3n]);
});

test('the largest id, 2^64 - 2, can be used, and then ids run out with EOVERFLOW', (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 });
  t.is(insert(fd, [1], { dimensions: 1, ids: [MAX_ID - 1n] }), 'ok');
  t.is(insert(fd, [2, 3], { dimensions: 1 }), 'EOVERFLOW', 'two rows, one id left');
  t.is(insert(fd, [2], { dimensions: 1 }), 'ok');
  const before = state(path, fd, 1);
  t.is(insert(fd, [3], { dimensions: 1 }), 'EOVERFLOW');
  t.is(insert(fd, [3], { dimensions: 1, flags: VALIDATE }), 'EOVERFLOW');
  t.deepEqual(state(path, fd, 1), before);
  t.is(insert(fd, [3], { dimensions: 1, ids: [7] }), 'ok', 'explicit ids still work');
  t.deepEqual(nearestIds(fd, [0]), [MAX_ID - 1n, MAX_ID, 7n]);
});

test('OVERWRITE replaces what exists, adds the rest, and leaves the other rows alone', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [1, 0, 2, 0, 3, 0, 4, 0]);
  t.is(insert(fd, [20, 0, 90, 0, 30, 0], { dimensions: 2, ids: [1, 9, 2], flags: OVERWRITE }), 'ok');
  t.deepEqual(search(fd, [0, 0], { k: 10 }).hits, [
    { id: 0n, distance: 1 },
    { id: 3n, distance: 4 },
    { id: 1n, distance: 20 },
    { id: 2n, distance: 30 },
    { id: 9n, distance: 90 },
  ]);
  t.is(getMeta(fd).vectorCount, 5);
  t.deepEqual(rowOf(fd, 1, 2), Float32Array.of(20, 0));
});

test('OVERWRITE moves a row to another slot', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [1, 2, 3]);
  t.is(getEmbedding(fd, { id: 1, room: 0 }).slot, 1);
  t.is(insert(fd, [7], { dimensions: 1, ids: [1], flags: OVERWRITE }), 'ok');
  const { outcome, slot } = getEmbedding(fd, { id: 1, room: 0 });
  t.is(outcome, 'ok');
  t.not(slot, 1);
  t.is(getStats(fd).stats.rows, 3);
});

test('rows that are overwritten again and again keep the file bounded and the results right', (t) => {
  const d = 16;
  const { fd } = vectorFile({ dimensions: d }, new Float32Array(64 * d));
  const ids = Array.from({ length: 64 }, (_, i) => i);
  for (let round = 1; round <= 60; round++) {
    const rows = Float32Array.from({ length: 64 * d }, (_, i) =>
      i % d === 0 ? round * 100 + Math.floor(i / d) : 0,
    );
    t.is(insert(fd, rows, { dimensions: d, ids, flags: OVERWRITE }), 'ok');
    if (round % 10 === 0) fsync(fd);
  }
  const query = new Float32Array(d);
  query[0] = 6000;
  const { hits } = search(fd, query, { k: 100 });
  t.is(hits.length, 64);
  t.deepEqual(hits[63], { id: 63n, distance: 63 });
  t.is(getStats(fd).stats.rows, 64);
  t.true(fstatSync(fd).size <= 64 * d * 4 * 15, `${fstatSync(fd).size} bytes for 64 rows of ${d * 4}`);
});

test('VALIDATE alone stores nothing, with another flag it changes nothing', (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 }, [1]);
  const before = state(path, fd, 1);
  t.is(insert(fd, [5, 6], { dimensions: 1, flags: VALIDATE }), 'ok');
  t.is(insert(fd, [5], { dimensions: 1, ids: [77], flags: VALIDATE }), 'ok');
  t.deepEqual(state(path, fd, 1), before);
  t.is(insert(fd, [5], { dimensions: 1, ids: [8], flags: VALIDATE | APPEND }), 'ok');
  t.is(insert(fd, [6], { dimensions: 1, ids: [8], flags: VALIDATE | OVERWRITE }), 'ok');
  t.deepEqual(nearestIds(fd, [6]), [8n, 0n]);
});

test('APPEND adds rows as no flag does', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [1]);
  t.is(insert(fd, [2], { dimensions: 1, flags: APPEND }), 'ok');
  t.is(insert(fd, [3], { dimensions: 1, ids: [9], flags: APPEND }), 'ok');
  t.deepEqual(nearestIds(fd, [3]), [9n, 1n, 0n]);
});

test('explicit ids of all sizes are kept to the last bit', (t) => {
  const ids = [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, MAX_ID];
  const { fd } = vectorFile({ dimensions: 1 });
  t.is(
    insert(
      fd,
      ids.map((_, i) => i),
      { dimensions: 1, ids },
    ),
    'ok',
  );
  t.deepEqual(nearestIds(fd, [0]), ids);
  for (const [i, id] of ids.entries()) t.deepEqual(rowOf(fd, id, 1), Float32Array.of(i), `id ${id}`);
});

for (const elementType of Object.values(ElementType)) {
  test(`GET_EMBEDDING delivers a ${elementNames[elementType]} row as stored and as float32, inline and to a pointer`, (t) => {
    const d = 21;
    const row = Float32Array.from({ length: d }, (_, i) => i - 10.5);
    const { fd } = vectorFile({ dimensions: d, elementType, alignment: 64 }, [
      ...new Float32Array(d),
      ...row,
    ]);
    const stored = storedBytes(elementType, row);
    for (const data of [undefined, 'own'] as const) {
      const place = data === undefined ? {} : { data };
      const raw = getEmbedding(fd, { id: 1, room: 2000, ...place });
      t.is(raw.outcome, 'ok');
      t.deepEqual([raw.size, raw.elementType, raw.dimensions, raw.slot], [stored.length, elementType, d, 1]);
      t.deepEqual([...raw.bytes], [...stored]);
      t.is(
        getEmbedding(fd, { id: 1, room: stored.length, elementType, ...place }).outcome,
        'ok',
        'the exact size',
      );
      const asFloats = getEmbedding(fd, { id: 1, room: d * 4, elementType: 1, ...place });
      t.deepEqual([asFloats.outcome, asFloats.size, asFloats.elementType], ['ok', d * 4, 1]);
      for (const other of [2, 3, 4].filter((type) => type !== elementType)) {
        t.is(getEmbedding(fd, { id: 1, room: 2000, elementType: other, ...place }).outcome, 'EINVAL');
      }
      t.is(getEmbedding(fd, { id: 1, room: stored.length - 1, ...place }).outcome, 'EINVAL', 'too small');
      t.is(getEmbedding(fd, { id: 2, room: 2000, ...place }).outcome, 'ENOENT');
    }
  });
}

test('GET_EMBEDDING with no room tells size, type, dimensions and slot', (t) => {
  const { fd } = vectorFile({ dimensions: 7, elementType: ElementType.FLOAT16 }, new Float32Array(14));
  const { outcome, size, elementType, dimensions, slot } = getEmbedding(fd, { id: 1, room: 0 });
  t.deepEqual([outcome, size, elementType, dimensions, slot], ['ok', 14, 2, 7, 1]);
  t.is(getEmbedding(fd, { id: 1, room: 0, elementType: 1 }).size, 28);
  t.is(getEmbedding(fd, { id: 9, room: 0 }).outcome, 'ENOENT');
});

test('GET_EMBEDDING refuses unknown fields, too little inline room and bad buffers', (t) => {
  const { fd } = vectorFile({ dimensions: 4 }, [1, 2, 3, 4]);
  t.is(getEmbedding(fd, { id: 0, room: 16, flags: 1 }).outcome, 'EINVAL');
  t.is(getEmbedding(fd, { id: 0, room: 16, reserved: 1 }).outcome, 'EINVAL');
  t.is(getEmbedding(fd, { id: 0, room: 16, elementType: 5 }).outcome, 'EINVAL');
  t.is(
    getEmbedding(fd, { id: 0, room: 16, inlineBytes: 8 }).outcome,
    'EINVAL',
    'more room than the command has',
  );
  t.is(getEmbedding(fd, { id: 0, room: 16, data: WILD }).outcome, 'EFAULT');
  t.is(getEmbedding(fd, { id: 0, room: 16, data: NULL + 8 }).outcome, 'EFAULT');
  t.is(getEmbedding(fd, { id: NO_ID, room: 16 }).outcome, 'ENOENT');
  withMemory((memory) => {
    t.is(getEmbedding(fd, { id: 0, room: 16, data: memory.readOnly() }).outcome, 'EFAULT');
  });
});

test('an inline GET_EMBEDDING carries 16,000 bytes', (t) => {
  const row = Float32Array.from({ length: 4000 }, (_, i) => i);
  const { fd } = vectorFile({ dimensions: 4000 }, row);
  const { outcome, bytes } = getEmbedding(fd, { id: 0, room: 16_000 });
  t.is(outcome, 'ok');
  t.deepEqual(new Float32Array(bytes.buffer), row);
});

test('GET_STATS counts rows, slots, bytes, searches and inserts', (t) => {
  const { fd } = vectorFile(
    { dimensions: 5, elementType: ElementType.FLOAT16, alignment: 16 },
    new Float32Array(15),
  );
  t.is(insert(fd, new Float32Array(5), { dimensions: 5, ids: [1], flags: OVERWRITE }), 'ok');
  t.is(search(fd, new Float32Array(5), { k: 1 }).outcome, 'ok');
  const { outcome, stats } = getStats(fd);
  t.is(outcome, 'ok');
  t.like(stats, {
    rows: 3,
    next_id: 3,
    dimensions: 5,
    element_type: 2,
    row_bytes: 10,
    stride: 16,
    searches: 1,
    rows_scanned: 3,
    insert_calls: 2,
    rows_inserted: 4,
    indexed_rows: 0,
    flags: 0,
    reserved: 0,
  });
  t.is(stats.free_slots, stats.slots! - 3);
  t.is(stats.matrix_bytes, stats.slots! * 16);
  t.true(stats.log_records! >= 2);
});

test('an empty vector file has stats of zeros', (t) => {
  const { fd } = vectorFile({ dimensions: 5 });
  t.like(getStats(fd).stats, { rows: 0, slots: 0, free_slots: 0, next_id: 0, matrix_bytes: 0, searches: 0 });
});

test('thousands of small batches all arrive, and the row log stays small', (t) => {
  const { fd } = vectorFile({ dimensions: 2 });
  for (let i = 0; i < 3000; i++) {
    if (insert(fd, [i, 0], { dimensions: 2, ids: [(i * 7919) % 3001] }) !== 'ok') t.fail(`batch ${i}`);
  }
  const { hits } = search(fd, [0, 0], { k: 3000 });
  t.is(hits.length, 3000);
  t.true(hits.every(({ id, distance }) => id === BigInt((distance * 7919) % 3001)));
});
