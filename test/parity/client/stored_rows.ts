/** What a file stores for a row of float32, worked out from the protocol's words alone, and rows to try it with. */
import { ElementType, type SearchType } from '@vexfs/shared';
import { distance, elementAt, randomSource } from '../../unit/engine/reference.js';
import type { Hit } from './vector_calls.js';

export { distance, randomSource } from '../../unit/engine/reference.js';

/** To the nearest integer, halves to the even one. */
function roundEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest > 0.5) return down + 1;
  if (rest < 0.5) return down;
  return down % 2 === 0 ? down : down + 1;
}

/** Bits of the float16 nearest to a finite value below 65520 (IEEE 754 binary16, ties to even). */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) throw new RangeError(`${value} is no float16`);
  if (magnitude < 2 ** -14) return sign | roundEven(magnitude / 2 ** -24);
  let exponent = Math.floor(Math.log2(magnitude));
  if (2 ** exponent > magnitude) exponent -= 1;
  if (2 ** (exponent + 1) <= magnitude) exponent += 1;
  // A carry out of the fraction runs into the exponent, which is what the next power of two is.
  return sign | (((exponent + 14) << 10) + roundEven(magnitude / 2 ** (exponent - 10)));
}

/** The bytes of one row, without padding. */
export function storedBytes(type: ElementType, row: Float32Array): Uint8Array {
  const d = row.length;
  if (type === ElementType.FLOAT32) return new Uint8Array(row.slice().buffer);
  if (type === ElementType.FLOAT16) return new Uint8Array(Uint16Array.from(row, halfBits).buffer);
  if (type === ElementType.INT8) return new Uint8Array(Int8Array.from(row, roundEven).buffer);
  const bits = new Uint8Array(Math.ceil(d / 8));
  row.forEach((value, i) => {
    if (value > 0) bits[i >> 3]! |= 0x80 >> (i & 7);
  });
  return bits;
}

/** The values that a search sees of a row after it was stored. */
export function storedValues(type: ElementType, row: Float32Array): Float32Array {
  const bytes = storedBytes(type, row);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: row.length }, (_, i) => elementAt(type, view, 0, i));
}

/** `count` packed rows from a seed, uniform in -scale..scale. */
export function randomRows(count: number, dimensions: number, seed: number, scale = 1): Float32Array {
  const random = randomSource(seed);
  return Float32Array.from({ length: count * dimensions }, () => (random() * 2 - 1) * scale);
}

/** `count` rows that consist of their number, from `first` on: row i is [i, i, ...]. */
export function numberedRows(count: number, dimensions: number, first = 0): Float32Array {
  return Float32Array.from({ length: count * dimensions }, (_, i) => first + Math.floor(i / dimensions));
}

/** What an exact search has to find among `rows`, given as they are stored: nearest first, ties by id. */
export function nearestOf(
  rows: Iterable<readonly [number | bigint, Float32Array]>,
  type: SearchType,
  query: Float32Array,
  k: number,
): Hit[] {
  const hits: Hit[] = [];
  for (const [id, row] of rows) {
    const found = distance(type, query, row);
    if (found !== null) hits.push({ id: BigInt(id), distance: found });
  }
  hits.sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1));
  return hits.slice(0, k);
}

/** The rows of a packed matrix with the ids `first`, `first + 1`, ... */
export function* rowsOf(
  matrix: Float32Array,
  dimensions: number,
  first = 0,
): Generator<[number, Float32Array]> {
  for (let i = 0; i < matrix.length / dimensions; i++) {
    yield [first + i, matrix.subarray(i * dimensions, (i + 1) * dimensions)];
  }
}
