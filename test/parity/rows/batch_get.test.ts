import { ElementType, GetFlag } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { NULL, WILD, withMemory } from '../client/caller_memory.js';
import { deleteRow } from '../client/delete_calls.js';
import { getRows } from '../client/row_calls.js';
import { randomRows } from '../client/stored_rows.js';
import { insert } from '../client/vector_calls.js';

const { test, vectorFile, open, close, fresh } = paritySuite({ size: '96M' });
const NO_ID = 2n ** 64n - 1n;
const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer);

test('rows come in the order of their ids, and an id may stand there twice', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [0, 0, 1, 10, 2, 20, 3, 30]);
  const got = getRows(fd, { ids: [3, 0, 1, 3], dimensions: 2, room: 32 });
  t.is(got.outcome, 'ok');
  t.is(got.size, 32);
  t.is(got.elementType, ElementType.FLOAT32);
  t.deepEqual(got.found, [1, 1, 1, 1]);
  t.deepEqual(Array.from(floats(got.bytes)), [3, 30, 0, 0, 1, 10, 3, 30]);
});

test('a missing id is ENOENT, or zeros where the caller says so', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [1, 1, 2, 2, 3, 3]);
  t.is(deleteRow(fd, 1), 'ok');
  const request = { ids: [2, 1, NO_ID, 0], dimensions: 2, room: 32 };
  t.is(getRows(fd, request).outcome, 'ENOENT');
  const got = getRows(fd, { ...request, flags: GetFlag.MISSING_OK });
  t.is(got.outcome, 'ok');
  t.deepEqual(got.found, [1, 0, 0, 1]);
  t.deepEqual(Array.from(floats(got.bytes)), [3, 3, 0, 0, 0, 0, 1, 1]);
});

test('without room for vectors a call tells their size, and which there are', (t) => {
  const { fd } = vectorFile({ dimensions: 3, elementType: ElementType.INT8 }, [1, 2, 3]);
  const request = { ids: [0, 5], dimensions: 3, room: 0, dataAddress: WILD, flags: GetFlag.MISSING_OK };
  const got = getRows(fd, request);
  t.is(got.outcome, 'ok');
  t.is(got.size, 6);
  t.is(got.elementType, ElementType.INT8);
  t.deepEqual(got.found, [1, 0]);
  t.is(getRows(fd, { ...request, foundAddress: NULL }).outcome, 'ok');
  t.is(getRows(fd, { ...request, flags: 0, foundAddress: NULL }).outcome, 'ENOENT');
});

test('found need not be asked for, and more room than needed stays as it is', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [1, 2]);
  const got = getRows(fd, { ids: [0], dimensions: 2, room: 12, foundAddress: NULL });
  t.is(got.outcome, 'ok');
  t.is(got.size, 8);
  t.deepEqual(Array.from(floats(got.bytes.slice(0, 8))), [1, 2]);
  t.deepEqual(Array.from(got.bytes.slice(8)), [0xaa, 0xaa, 0xaa, 0xaa]);
});

const types: ReadonlyArray<readonly [string, number, number]> = [
  ['FLOAT16', ElementType.FLOAT16, 10],
  ['INT8', ElementType.INT8, 5],
  ['BINARY', ElementType.BINARY, 1],
];
for (const [name, elementType, rowBytes] of types) {
  test(`${name} rows come as they are stored, packed, or as float32`, (t) => {
    for (const alignment of [0, 32]) {
      const rows = [1, 0, 1, 1, 0, 0, 1, 0, 0, 1];
      const { fd } = vectorFile({ dimensions: 5, elementType, alignment }, rows);
      const asFloats = getRows(fd, {
        ids: [1, 0],
        dimensions: 5,
        room: 40,
        elementType: ElementType.FLOAT32,
      });
      t.deepEqual(Array.from(floats(asFloats.bytes)), [...rows.slice(5), ...rows.slice(0, 5)]);
      t.is(asFloats.elementType, ElementType.FLOAT32);
      const asStored = getRows(fd, { ids: [1, 0], dimensions: 5, room: 2 * rowBytes });
      t.is(asStored.size, 2 * rowBytes);
      if (elementType === ElementType.INT8)
        t.deepEqual(Array.from(asStored.bytes), [...rows.slice(5), ...rows.slice(0, 5)]);
      if (elementType === ElementType.BINARY)
        t.deepEqual(Array.from(asStored.bytes), [0b0100_1000, 0b1011_0000]);
      const other = elementType === ElementType.INT8 ? ElementType.FLOAT16 : ElementType.INT8;
      t.is(getRows(fd, { ids: [1], dimensions: 5, room: 40, elementType: other }).outcome, 'EINVAL');
    }
  });
}

test('what cannot be got is refused, in the order of the page', (t) => {
  const { fd, path } = vectorFile({ dimensions: 2 }, [1, 1, 2, 2]);
  const request = { ids: [0], dimensions: 2, room: 8 };
  const is = (change: Partial<Parameters<typeof getRows>[1]>, outcome: string): void => {
    t.is(getRows(fd, { ...request, ...change }).outcome, outcome, JSON.stringify(change));
  };
  const wrong = { count: 0, idsAddress: WILD };
  t.is(getRows(open(fresh()), { ...request, ...wrong }).outcome, 'ENODATA');
  is({ count: 0 }, 'EINVAL');
  is({ dimensions: 3 }, 'EINVAL');
  is({ room: 7 }, 'EINVAL');
  is({ flags: 2 }, 'EINVAL');
  is({ reserved: 1 }, 'EINVAL');
  is({ elementType: 7 }, 'EINVAL');
  is({ room: 0, count: (1 << 20) + 1, idsAddress: NULL }, 'E2BIG');
  for (const idsAddress of [NULL, WILD]) is({ idsAddress }, 'EFAULT');
  for (const dataAddress of [NULL, WILD]) is({ dataAddress }, 'EFAULT');
  is({ foundAddress: WILD }, 'EFAULT');
  is({ ids: [9], dataAddress: NULL }, 'EFAULT');
  is({ ids: [9] }, 'ENOENT');
  close(fd);
  const writing = open(path, 1);
  t.is(getRows(writing, { ...request, ...wrong }).outcome, 'EBADF');
});

test('more vectors than a call carries are E2BIG before anything is looked at', (t) => {
  const dimensions = 65_536;
  const { fd } = vectorFile({ dimensions, elementType: ElementType.BINARY }, new Float32Array(dimensions));
  const request = { ids: [0], dimensions, idsAddress: WILD, count: 4097, room: 0 };
  t.is(getRows(fd, { ...request, elementType: ElementType.FLOAT32 }).outcome, 'E2BIG');
  t.is(getRows(fd, request).outcome, 'EFAULT');
});

test('thousands of rows from all over a file come in one call', (t) => {
  const dimensions = 100;
  const count = 20_000;
  const rows = randomRows(count, dimensions, 11);
  const { fd } = vectorFile({ dimensions }, rows.subarray(0, 8000 * dimensions));
  t.is(insert(fd, rows.subarray(8000 * dimensions), { dimensions }), 'ok');
  const ids = Array.from({ length: count }, (_, i) => (i * 7919) % count);
  const got = getRows(fd, { ids, dimensions, room: count * dimensions * 4 });
  t.is(got.outcome, 'ok');
  const values = floats(got.bytes);
  const wrong = ids.findIndex((id, i) => {
    for (let d = 0; d < dimensions; d++)
      if (values[i * dimensions + d] !== rows[id * dimensions + d]) return true;
    return false;
  });
  t.is(wrong, -1);
});

test('a buffer that ends too early is EFAULT', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [1, 1, 2, 2]);
  withMemory((memory) => {
    const dataAddress = memory.placeBeforeGap(new Float32Array(3));
    t.is(getRows(fd, { ids: [0, 1], dimensions: 2, room: 16, dataAddress }).outcome, 'EFAULT');
    const idsAddress = memory.placeBeforeGap(new BigUint64Array(1));
    t.is(getRows(fd, { ids: [0, 1], dimensions: 2, room: 16, idsAddress }).outcome, 'EFAULT');
  });
});
