import { readFileSync, statSync } from 'node:fs';
import { ElementType, elementNames, rowStride, SearchType } from '@vexfs/shared';
import { paritySuite } from './backend/suite.js';
import { nearestOf, randomRows, rowsOf, storedBytes, storedValues } from './client/stored_rows.js';
import { getMeta, insert, nearestIds, search } from './client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '64M' });

for (const type of Object.values(ElementType)) {
  test(`a ${elementNames[type]} file is the plain row-major matrix, byte for byte`, (t) => {
    for (const d of [1, 3, 8, 13, 128]) {
      const rows = randomRows(9, d, d, 100);
      const { path } = vectorFile({ dimensions: d, elementType: type }, rows);
      const expected = Buffer.concat([...rowsOf(rows, d)].map(([, row]) => storedBytes(type, row)));
      t.is(readFileSync(path).toString('hex'), expected.toString('hex'), `${d} dimensions`);
      t.is(statSync(path).size, expected.length);
    }
  });
}

test('BINARY packs as numpy.packbits does: x > 0, the first element in the highest bit, zeros at the end', (t) => {
  const { path, fd } = vectorFile(
    { dimensions: 11, elementType: ElementType.BINARY },
    [1, 0, 0.5, -1, 0, 0, 0, 2, 1, 0, 1, -0, 1e-45, 0, 0, 0, 0, 0, 0, 0, 0, 9],
  );
  t.deepEqual([...readFileSync(path)], [0b10100001, 0b10100000, 0b01000000, 0b00100000]);
  t.is(search(fd, [1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1], { k: 1 }).hits[0]?.distance, 0);
});

test('FLOAT16 rounds to the nearest value, ties to even, also among subnormals', (t) => {
  const values = [
    1,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    65519.99,
    -65504,
    2 ** -24,
    2 ** -25,
    3 * 2 ** -25,
    6.1e-5,
    -0,
  ];
  const { path } = vectorFile({ dimensions: values.length, elementType: ElementType.FLOAT16 }, values);
  const bytes = readFileSync(path);
  const halves = values.map((_, i) => bytes.readUInt16LE(2 * i).toString(16));
  t.deepEqual(halves, ['3c00', '3c00', '3c02', '7bff', 'fbff', '1', '0', '2', '3ff', '8000']);
});

test('INT8 rounds halves to even and takes everything that rounds into -128 to 127', (t) => {
  const values = [0.5, 1.5, 2.5, -0.5, -1.5, 127.49, -128.49, -128.5, 126.5];
  const { path } = vectorFile({ dimensions: values.length, elementType: ElementType.INT8 }, values);
  t.deepEqual([...new Int8Array(readFileSync(path))], [0, 2, 2, 0, -2, 127, -128, -128, 126]);
});

for (const type of Object.values(ElementType)) {
  test(`alignment pads ${elementNames[type]} rows with zeros and changes no result`, (t) => {
    for (const alignment of [1, 8, 64, 4096]) {
      const d = 19;
      const rows = randomRows(6, d, alignment, 90);
      const { path, fd } = vectorFile({ dimensions: d, elementType: type, alignment }, rows);
      const stride = rowStride(type, d, alignment);
      const bytes = readFileSync(path);
      t.is(bytes.length, 6 * stride, `alignment ${alignment}`);
      for (const [i, row] of rowsOf(rows, d)) {
        const slot = Buffer.alloc(stride);
        slot.set(storedBytes(type, row));
        t.is(bytes.subarray(i * stride, (i + 1) * stride).toString('hex'), slot.toString('hex'), `slot ${i}`);
      }
      const query = randomRows(1, d, 77, 90);
      const stored = [...rowsOf(rows, d)].map(([id, row]) => [id, storedValues(type, row)] as const);
      t.deepEqual(
        search(fd, query, { k: 6 }).hits,
        nearestOf(stored, SearchType.EUCLIDEAN, storedValues(type, query), 6),
        `alignment ${alignment}`,
      );
    }
  });
}

test('data_offset leaves room in front of the rows, which reads as zeros', (t) => {
  for (const dataOffset of [4, 128, 4096, 2 ** 20]) {
    const { path, fd } = vectorFile({ dimensions: 2, dataOffset }, [1, 2, 3, 4]);
    const bytes = readFileSync(path);
    t.is(bytes.length, dataOffset + 16);
    t.true(bytes.subarray(0, dataOffset).every((byte) => byte === 0));
    t.deepEqual(
      [...new Float32Array(bytes.buffer.slice(bytes.byteOffset + dataOffset).slice(0, 16))],
      [1, 2, 3, 4],
    );
    t.deepEqual(nearestIds(fd, [3, 4]), [1n, 0n]);
    t.is(getMeta(fd).dataOffset, dataOffset);
  }
});

test('rows that cross blocks and groups of blocks are stored and found whole', (t) => {
  const d = 1021;
  const rows = randomRows(700, d, 8);
  const { path, fd } = vectorFile({ dimensions: d });
  for (let row = 0; row < 700; row += 100) {
    t.is(insert(fd, rows.subarray(row * d, (row + 100) * d), { dimensions: d }), 'ok');
  }
  t.is(Buffer.compare(readFileSync(path), Buffer.from(rows.buffer)), 0);
  for (const row of [0, 1, 350, 699]) {
    const { hits } = search(fd, rows.subarray(row * d, (row + 1) * d), { k: 1 });
    t.deepEqual(hits, [{ id: BigInt(row), distance: 0 }]);
  }
});
