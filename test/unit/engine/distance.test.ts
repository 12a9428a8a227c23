import { cpuFor, distances, Isa, NO_MATCH, prepareQuery, queryBytes } from '@vexfs/fuse/engine';
import { allocateMemory, freeMemory } from '@vexfs/fuse/system';
import { ElementType, rowBytes, SearchType } from '@vexfs/shared';
import test from 'ava';
import { distance, elementAt, randomSource } from './reference.js';

const ROWS = 9;
const QUERY = 0;
const VALUES = 16_384;
const OUT = 32_768;
const MATRIX = 36_864;

const isas = Object.entries(Isa).filter(([, isa]) => isa !== Isa.BEST && cpuFor(isa) !== 0);
const dimensions = [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 127, 128, 129, 768];

for (const [elementName, element] of Object.entries(ElementType)) {
  for (const [metricName, metric] of Object.entries(SearchType)) {
    test(`${metricName} distances of ${elementName} rows are, bit for bit, what the definition gives`, (t) => {
      const memory = allocateMemory(128 * 1024);
      const { view, address } = memory;
      const random = randomSource(element * 10 + metric);
      for (const dims of dimensions) {
        const bytes = rowBytes(element, dims);
        const stride = bytes + (dims % 3);
        const query = Float32Array.from({ length: dims }, () => random() * 2 - 1);
        query.forEach((value, i) => {
          view.setFloat32(VALUES + 4 * i, value, true);
        });
        const expected: number[] = [];
        for (let r = 0; r < ROWS; r++) {
          const base = MATRIX + 1 + r * stride;
          for (let b = 0; b < stride; b++) view.setUint8(base + b, Math.floor(random() * 256));
          if (element === ElementType.FLOAT32 && r % 4 !== 3) {
            const scale = r === 2 ? 2 ** -72 : 1;
            for (let i = 0; i < dims; i++) view.setFloat32(base + 4 * i, (random() * 2 - 1) * scale, true);
          }
          if (r === 5) for (let b = 0; b < bytes; b++) view.setUint8(base + b, 0);
          const row = Float32Array.from({ length: dims }, (_, i) => elementAt(element, view, base, i));
          expected.push(bitsOf(distance(metric, query, row)));
        }
        for (const [name, isa] of isas) {
          const cpu = cpuFor(isa);
          t.true(queryBytes(dims) <= VALUES);
          t.is(prepareQuery(cpu, address + QUERY, metric, element, dims, address + VALUES), 0);
          distances(cpu, address + QUERY, address + MATRIX + 1, stride, 0, ROWS, address + OUT);
          const actual = expected.map((_, r) => view.getUint32(OUT + 4 * r, true));
          t.deepEqual(actual, expected, `${name}, ${dims} dimensions`);
        }
      }
      freeMemory(memory);
    });
  }
}

test('a row with NaN or infinity, and one whose distance overflows, match nothing', (t) => {
  const memory = allocateMemory(4096);
  const { view, address } = memory;
  const rows = [
    [Number.NaN, 0],
    [0, Number.POSITIVE_INFINITY],
    [3e38, -3e38],
  ];
  view.setFloat32(256, 1, true);
  view.setFloat32(260, 2, true);
  rows.flat().forEach((value, i) => {
    view.setFloat32(512 + 4 * i, value, true);
  });
  for (const [name, isa] of isas) {
    const cpu = cpuFor(isa);
    t.is(prepareQuery(cpu, address, SearchType.EUCLIDEAN, ElementType.FLOAT32, 2, address + 256), 0);
    distances(cpu, address, address + 512, 8, 0, 3, address + 1024);
    for (let i = 0; i < 3; i++) t.is(view.getUint32(1024 + 4 * i, true), NO_MATCH, `${name}, row ${i}`);
  }
  freeMemory(memory);
});

function bitsOf(value: number | null): number {
  if (value === null) return NO_MATCH;
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}
