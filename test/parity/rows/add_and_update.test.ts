import { fsyncSync } from 'node:fs';
import { ElementType, InsertFlag } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { NULL, WILD, withMemory } from '../client/caller_memory.js';
import { deleteRow } from '../client/delete_calls.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { addRow, type PutRequest, updateRow } from '../client/row_calls.js';
import { randomRows } from '../client/stored_rows.js';
import {
  getEmbedding,
  getMeta,
  getStats,
  insert,
  nearestIds,
  rowOf,
  search,
} from '../client/vector_calls.js';

const { test, backend, vectorFile, open, close, closeAll, fresh } = paritySuite({ size: '64M' });
const NO_ID = 2n ** 64n - 1n;
const two = (x: number, y: number): Float32Array => Float32Array.of(x, y);
const put = (id: number | bigint, x: number, y: number): PutRequest => ({
  id,
  dimensions: 2,
  vector: two(x, y),
});

for (const data of [undefined, 'own'] as const) {
  const how = data === undefined ? 'inline' : "in the caller's memory";
  test(`a row is added and updated with its vector ${how}`, (t) => {
    const { fd } = vectorFile({ dimensions: 2 }, [0, 0, 1, 0]);
    const where = data === undefined ? {} : { data };
    const added = addRow(fd, { ...put(7, 5, 5), ...where });
    t.deepEqual(added, { outcome: 'ok', id: 7n, slot: 2 });
    t.deepEqual(rowOf(fd, 7, 2), two(5, 5));
    t.deepEqual(nearestIds(fd, [5, 5], 1), [7n]);
    t.is(getMeta(fd).vectorCount, 3);
    t.is(getStats(fd).stats.next_id ?? -1, 8);
    const updated = updateRow(fd, { ...put(7, 9, 9), ...where });
    t.is(updated.outcome, 'ok');
    t.is(updated.id, 7n);
    t.is(getEmbedding(fd, { id: 7, room: 8 }).slot, updated.slot);
    t.deepEqual(search(fd, [9, 9], { k: 1 }).hits, [{ id: 7n, distance: 0 }]);
    t.is(getMeta(fd).vectorCount, 3);
    t.is(getStats(fd).stats.next_id ?? -1, 8);
  });
}

test('without an id of its own a row is added under the next one, and the id comes back', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [0, 0]);
  t.is(addRow(fd, put(NO_ID, 1, 1)).id, 1n);
  t.is(addRow(fd, put(40, 1, 1)).outcome, 'ok');
  t.is(addRow(fd, put(NO_ID, 2, 1)).id, 41n);
  t.is(addRow(fd, put(NO_ID - 1n, 1, 1)).outcome, 'ok');
  t.is(addRow(fd, put(NO_ID, 3, 1)).outcome, 'EOVERFLOW');
  t.is(getMeta(fd).vectorCount, 5);
});

test('an id that has a row cannot be added, and one that has none cannot be updated', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [0, 0, 1, 0]);
  t.is(addRow(fd, put(1, 5, 5)).outcome, 'EEXIST');
  t.is(updateRow(fd, put(2, 5, 5)).outcome, 'ENOENT');
  t.is(updateRow(fd, put(NO_ID, 5, 5)).outcome, 'EINVAL');
  t.is(deleteRow(fd, 1), 'ok');
  t.is(updateRow(fd, put(1, 5, 5)).outcome, 'ENOENT');
  t.is(addRow(fd, put(1, 5, 5)).outcome, 'ok');
  t.deepEqual(rowOf(fd, 1, 2), two(5, 5));
  t.deepEqual(rowOf(fd, 0, 2), two(0, 0));
});

test('fields that make no sense are refused, and nothing changes', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [0, 0, 1, 0]);
  for (const [row, id] of [
    [addRow, 9],
    [updateRow, 1],
  ] as const) {
    const request = put(id, 5, 5);
    const refused = (change: Partial<PutRequest>): void => {
      t.is(row(fd, { ...request, ...change }).outcome, 'EINVAL', Object.keys(change).join());
    };
    refused({ dimensions: 3 });
    refused({ dimensions: 1 });
    refused({ size: 4 });
    refused({ size: 12 });
    refused({ size: 0 });
    refused({ inlineBytes: 0 });
    refused({ inlineBytes: 7 });
    refused({ elementType: ElementType.FLOAT16 });
    refused({ elementType: 5 });
    refused({ flags: 1 });
    refused({ reserved: 1 });
    refused({ vector: two(Number.NaN, 0) });
    refused({ vector: two(0, Number.NEGATIVE_INFINITY), data: 'own' });
    t.is(row(fd, { ...request, data: WILD }).outcome, 'EFAULT');
  }
  t.is(getMeta(fd).vectorCount, 2);
  t.deepEqual(rowOf(fd, 1, 2), two(1, 0));
});

test('an argument in which nothing can come back is EFAULT, and nothing is stored', (t) => {
  const dimensions = 2000;
  const before = randomRows(2, dimensions, 3);
  const vector = randomRows(1, dimensions, 4);
  const { fd } = vectorFile({ dimensions }, before);
  for (const [row, id] of [
    [addRow, 9],
    [updateRow, 1],
  ] as const) {
    t.is(row(fd, { id, dimensions, vector, data: 'own', sealedFrom: 0 }).outcome, 'EFAULT');
    t.is(row(fd, { id, dimensions, vector, sealedFrom: 0 }).outcome, 'EFAULT');
    t.is(row(fd, { id, dimensions, vector, sealedFrom: 1 }).outcome, 'EFAULT', 'the end of an inline vector');
  }
  t.is(getMeta(fd).vectorCount, 2);
  t.deepEqual(rowOf(fd, 1, dimensions), before.subarray(dimensions));
  t.is(addRow(fd, { id: 9, dimensions, vector, data: 'own' }).outcome, 'ok');
});

test('more room than the vector takes may stand behind the structure', (t) => {
  const { fd } = vectorFile({ dimensions: 2 });
  t.is(addRow(fd, { ...put(3, 1, 2), inlineBytes: 16_000 }).outcome, 'ok');
  t.deepEqual(rowOf(fd, 3, 2), two(1, 2));
});

test('the first of several faults is answered, in the order of the page', (t) => {
  const { fd, path } = vectorFile({ dimensions: 2 }, [0, 0]);
  const wrong = { id: 0, dimensions: 3, vector: two(Number.NaN, 0), data: WILD };
  const plain = open(fresh());
  close(fd);
  const reading = open(path, 'r');
  t.is(addRow(reading, wrong).outcome, 'EBADF');
  t.is(updateRow(reading, wrong).outcome, 'EBADF');
  t.is(addRow(plain, wrong).outcome, 'ENODATA');
  const writing = open(path);
  t.is(addRow(writing, wrong).outcome, 'EINVAL');
  t.is(addRow(writing, { ...put(0, 1, 1), data: WILD }).outcome, 'EFAULT');
  t.is(addRow(writing, put(0, Number.NaN, 1)).outcome, 'EINVAL');
  t.is(addRow(writing, put(0, 1, 1)).outcome, 'EEXIST');
  t.is(updateRow(writing, put(5, Number.NaN, 1)).outcome, 'EINVAL');
});

const HALF_ONE = 0x3c00;
const stored: ReadonlyArray<
  readonly [string, number, number, ArrayBufferView, readonly number[], ReadonlyArray<ArrayBufferView>]
> = [
  [
    'FLOAT16',
    ElementType.FLOAT16,
    3,
    Uint16Array.of(HALF_ONE, 0x8000, 0x7bff),
    [1, -0, 65504],
    [Uint16Array.of(0, 0x7c00, 0), Uint16Array.of(0xfc00, 0, 0), Uint16Array.of(0, 0, 0x7e01)],
  ],
  ['INT8', ElementType.INT8, 3, Int8Array.of(-128, 0, 127), [-128, 0, 127], []],
  [
    'BINARY',
    ElementType.BINARY,
    11,
    Uint8Array.of(0b1010_0000, 0b0110_0000),
    [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1],
    [Uint8Array.of(0, 1), Uint8Array.of(0, 0b0001_0000)],
  ],
];
for (const [name, elementType, dimensions, vector, floats, refused] of stored) {
  test(`${name} vectors come as they are stored, or as float32`, (t) => {
    for (const alignment of [0, 64]) {
      const { fd } = vectorFile({ dimensions, elementType, alignment });
      const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
      const asFloats = Float32Array.from(floats);
      t.is(addRow(fd, { id: 1, dimensions, vector }).outcome, 'ok');
      t.is(addRow(fd, { id: 2, dimensions, vector, elementType, data: 'own' }).outcome, 'ok');
      t.is(
        addRow(fd, { id: 3, dimensions, vector: asFloats, elementType: ElementType.FLOAT32 }).outcome,
        'ok',
      );
      t.is(insert(fd, asFloats, { dimensions, ids: [4] }), 'ok');
      for (const id of [1, 2, 3, 4]) {
        const row = getEmbedding(fd, { id, room: bytes.length });
        t.deepEqual(Buffer.from(row.bytes), Buffer.from(bytes), `${id}`);
      }
      for (const bad of refused) {
        t.is(addRow(fd, { id: 9, dimensions, vector: bad }).outcome, 'EINVAL');
        t.is(updateRow(fd, { id: 1, dimensions, vector: bad, data: 'own' }).outcome, 'EINVAL');
      }
      t.deepEqual(rowOf(fd, 1, dimensions), asFloats);
      t.is(getMeta(fd).vectorCount, 4);
    }
  });
}

test('a FLOAT32 vector that the file cannot hold is refused', (t) => {
  const { fd } = vectorFile({ dimensions: 1, elementType: ElementType.INT8 });
  const request = { id: 1, dimensions: 1, elementType: ElementType.FLOAT32 };
  t.is(addRow(fd, { ...request, vector: Float32Array.of(128) }).outcome, 'EINVAL');
  t.is(addRow(fd, { ...request, vector: Float32Array.of(127) }).outcome, 'ok');
});

test('a vector too large for the argument comes from memory', (t) => {
  const dimensions = 65_536;
  const { fd } = vectorFile({ dimensions });
  const vector = randomRows(1, dimensions, 1);
  t.is(addRow(fd, { id: 1, dimensions, vector, data: 'own' }).outcome, 'ok');
  t.deepEqual(rowOf(fd, 1, dimensions), vector);
  withMemory((memory) => {
    const data = memory.placeBeforeGap(vector.subarray(1));
    t.is(addRow(fd, { id: 2, dimensions, vector, data }).outcome, 'EFAULT');
  });
  t.is(addRow(fd, { id: 2, dimensions, vector, data: NULL, inlineBytes: 8 }).outcome, 'EINVAL');
});

test('a crash after fsync leaves what was added and updated', async (t) => {
  const { fd, path } = vectorFile({ dimensions: 2 }, [0, 0, 1, 0]);
  t.is(addRow(fd, put(5, 5, 5)).outcome, 'ok');
  t.is(updateRow(fd, put(0, 7, 7)).outcome, 'ok');
  fsyncSync(fd);
  closeAll();
  await backend.crash();
  await backend.mount();
  const again = open(path);
  t.deepEqual(rowOf(again, 5, 2), two(5, 5));
  t.deepEqual(rowOf(again, 0, 2), two(7, 7));
  t.deepEqual(nearestIds(again, [7, 7]), [0n, 5n, 1n]);
});

test('an index finds a row that was added or updated at the next search, and takes it', (t) => {
  const dimensions = 16;
  const rows = randomRows(5000, dimensions, 5);
  const { fd } = vectorFile({ dimensions }, rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const vector = new Float32Array(dimensions).fill(9);
  t.is(addRow(fd, { id: 70_000, dimensions, vector }).outcome, 'ok');
  t.is(search(fd, vector, { k: 1 }).hits[0]?.id ?? -1n, 70_000n);
  const other = new Float32Array(dimensions).fill(-9);
  t.is(updateRow(fd, { id: 70_000, dimensions, vector: other }).outcome, 'ok');
  t.is(search(fd, other, { k: 1 }).hits[0]?.distance ?? -1, 0);
  t.not(search(fd, vector, { k: 1 }).hits[0]?.id ?? -1n, 70_000n);
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).indexed_rows ?? -1, 5001);
  t.is(search(fd, other, { k: 1 }).hits[0]?.id ?? -1n, 70_000n);
});

test('rows that were inserted, added and updated lie in one file', (t) => {
  const { fd } = vectorFile({ dimensions: 2 });
  t.is(insert(fd, [1, 1, 2, 2], { dimensions: 2, ids: [10, 20] }), 'ok');
  t.is(addRow(fd, put(15, 3, 3)).outcome, 'ok');
  t.is(insert(fd, [4, 4], { dimensions: 2, ids: [15], flags: InsertFlag.OVERWRITE }), 'ok');
  t.is(updateRow(fd, put(10, 6, 6)).outcome, 'ok');
  t.deepEqual(nearestIds(fd, [6, 6]), [10n, 15n, 20n]);
});
