import { readFileSync } from 'node:fs';
import {
  bestCpu,
  crc32cAt,
  crc32cOf,
  decodeRows,
  encodeRows,
  engineRowBytes,
  firstNotFinite,
} from '@vexfs/fuse/engine';
import { allocateMemory, freeMemory } from '@vexfs/fuse/system';
import {
  crc32c,
  ElementType,
  isElementType,
  MAX_DIMENSIONS,
  MAX_K,
  MAX_ROWS_PER_FILE,
  NO_ID,
  rowBytes,
  SearchType,
} from '@vexfs/shared';
import test from 'ava';
import { halfToFloat } from './reference.js';

test('the engine and the protocol agree on numbers', (t) => {
  const header = readFileSync(new URL('../../../../kernel/engine/vexfs_engine.h', import.meta.url), 'latin1');
  const defined = (name: string) => {
    const value = header.match(new RegExp(`#define VX_${name} (0x[0-9a-f]+|[0-9]+)`))?.[1];
    return value === undefined ? undefined : BigInt(value);
  };
  for (const [name, value] of Object.entries(ElementType)) t.is(defined(name), BigInt(value), name);
  for (const [name, value] of Object.entries(SearchType)) t.is(defined(name), BigInt(value), name);
  t.is(defined('MAX_DIMS'), BigInt(MAX_DIMENSIONS));
  t.is(defined('MAX_K'), BigInt(MAX_K));
  t.is(defined('MAX_SLOTS'), BigInt(MAX_ROWS_PER_FILE));
  t.is(defined('NO_ID'), NO_ID);
});

test('row sizes are those of the protocol', (t) => {
  for (const element of [1, 2, 3, 4]) {
    if (!isElementType(element)) return t.fail();
    for (const dims of [1, 7, 8, 9, 128, MAX_DIMENSIONS]) {
      t.is(engineRowBytes(element, dims), rowBytes(element, dims), `${element} ${dims}`);
    }
    t.is(engineRowBytes(element, 0), 0);
    t.is(engineRowBytes(element, MAX_DIMENSIONS + 1), 0);
  }
});

test('encoding names the first row that does not fit, and decoding returns what was stored', (t) => {
  const memory = allocateMemory(4096);
  const { view, address } = memory;
  const put = (values: number[]) => {
    values.forEach((value, i) => {
      view.setFloat32(4 * i, value, true);
    });
  };
  put([1.5, -2.5, 127.4, -128.5, 0, 127.5]);
  t.is(encodeRows(bestCpu, ElementType.INT8, 2, address, 3, address + 512, 4), 2);
  t.is(encodeRows(bestCpu, ElementType.INT8, 2, address, 2, address + 512, 4), 2);
  t.deepEqual([...memory.bytes.subarray(512, 520)], [2, 254, 0, 0, 127, 128, 0, 0]);
  t.is(decodeRows(bestCpu, ElementType.INT8, 2, address + 512, 4, 2, address + 1024), 0);
  t.deepEqual(
    [0, 1, 2, 3].map((i) => view.getFloat32(1024 + 4 * i, true)),
    [2, -2, 127, -128],
  );
  put([0.1, 65519, 1e-7]);
  t.is(encodeRows(bestCpu, ElementType.FLOAT16, 3, address, 1, address + 512, 6), 1);
  t.deepEqual(
    [0, 1, 2].map((i) => halfToFloat(view.getUint16(512 + 2 * i, true))),
    [0.0999755859375, 65504, 2 ** -23],
  );
  put([0.1, 65520]);
  t.is(encodeRows(bestCpu, ElementType.FLOAT16, 1, address, 2, address + 512, 2), 1);
  put([1, 0, -1, 2, 3, 0, 0, 1, 1, Number.NaN]);
  t.is(encodeRows(bestCpu, ElementType.BINARY, 9, address, 1, address + 512, 4), 1);
  t.deepEqual([...memory.bytes.subarray(512, 516)], [0b10011001, 0b10000000, 0, 0]);
  t.is(firstNotFinite(bestCpu, address, 10), 9);
  t.is(firstNotFinite(bestCpu, address, 9), 9);
  t.is(encodeRows(bestCpu, ElementType.FLOAT32, 4, address, 1, address + 512, 15), -22);
  freeMemory(memory);
});

test('crc32c gives the check value and agrees with the one in TypeScript', (t) => {
  const check = Buffer.from('123456789');
  t.is(crc32cOf(0xffff_ffff, check), 0x1cf9_6d7c);
  const memory = allocateMemory(4096);
  for (let i = 0; i < 4096; i++) memory.bytes[i] = (i * i) >> 3;
  for (const length of [0, 1, 7, 8, 9, 63, 64, 65, 1000, 4096]) {
    const bytes = memory.bytes.subarray(0, length);
    t.is(crc32cAt(7, memory.address, length), crc32c(7, bytes) >>> 0, `${length} bytes`);
    t.is(crc32cOf(7, bytes), crc32c(7, bytes) >>> 0, `${length} bytes`);
  }
  freeMemory(memory);
});
