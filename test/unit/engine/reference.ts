/**
 * Distances as the design defines them, in JavaScript: every operation is rounded to float32 by Math.fround, 16 lanes, then
 * the tree. Independent of the C sources. Rounding a double result of +, *, / or sqrt of floats to float32 gives the
 * float32 result, because 53 >= 2 * 24 + 2 bits (Figueroa, "When is double rounding innocuous?", 1995).
 */
import { ElementType, SearchType } from '@vexfs/shared';

const round = Math.fround;

export function halfToFloat(half: number): number {
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  let magnitude: number;
  if (exponent === 31) magnitude = fraction ? Number.NaN : Number.POSITIVE_INFINITY;
  else if (exponent === 0) magnitude = fraction * 2 ** -24;
  else magnitude = (1024 + fraction) * 2 ** (exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

/** Element `i` of the row that starts at `base`. */
export function elementAt(type: ElementType, view: DataView, base: number, i: number): number {
  switch (type) {
    case ElementType.FLOAT32:
      return view.getFloat32(base + 4 * i, true);
    case ElementType.FLOAT16:
      return halfToFloat(view.getUint16(base + 2 * i, true));
    case ElementType.INT8:
      return view.getInt8(base + i);
    default:
      return (view.getUint8(base + (i >> 3)) >> (7 - (i & 7))) & 1;
  }
}

function sum(terms: Float32Array): number {
  const lanes = new Float32Array(16);
  terms.forEach((term, i) => {
    lanes[i % 16] = round(lanes[i % 16]! + term);
  });
  for (let half = 8; half > 0; half >>= 1) {
    for (let j = 0; j < half; j++) lanes[j] = round(lanes[j]! + lanes[j + half]!);
  }
  return lanes[0]!;
}

/** The distance, or null when it is not finite and the row therefore does not match. */
export function distance(metric: SearchType, query: Float32Array, row: Float32Array): number | null {
  const products = (a: Float32Array, b: Float32Array) => sum(a.map((value, i) => round(value * b[i]!)));
  let result: number;
  if (metric === SearchType.EUCLIDEAN) {
    const gaps = query.map((value, i) => round(value - row[i]!));
    result = round(Math.sqrt(products(gaps, gaps)));
  } else if (metric === SearchType.DOT_PRODUCT) {
    result = -products(query, row);
  } else {
    const dot = products(query, row);
    const norm = (vector: Float32Array) => round(Math.sqrt(products(vector, vector)));
    if (Number.isNaN(dot)) return null;
    if (norm(query) === 0 || norm(row) === 0) return 1;
    const cosine = round(dot / round(norm(query) * norm(row)));
    result = round(1 - cosine);
    if (result < 0) result = 0;
    if (result > 2) result = 2;
  }
  return Number.isFinite(result) ? result + 0 : null;
}

/** A reproducible source of numbers (mulberry32). */
export function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
