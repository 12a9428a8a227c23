/** Elements of numpy types, little-endian, converted to float32. */

/** Converts `count` elements at `offset` of `view` into `out` from `at` on. */
export type Convert = (view: DataView, offset: number, count: number, out: Float32Array, at: number) => void;

export interface Element {
  readonly bytes: number;
  readonly convert: Convert;
}

/** IEEE 754 binary16 to a number. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

let halves: Float32Array | undefined;

/** All 65536 values, made at the first use: a look-up is several times faster than the arithmetic. */
function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 65_536 }, (_, bits) => halfToNumber(bits));
  return halves;
}

export const elements: Readonly<Record<string, Element>> = {
  '<f2': {
    bytes: 2,
    convert: (view, offset, count, out, at) => {
      const table = halfTable();
      for (let i = 0; i < count; i++) out[at + i] = table[view.getUint16(offset + i * 2, true)]!;
    },
  },
  '<f4': {
    bytes: 4,
    convert: (view, offset, count, out, at) => {
      // Every machine that VexFS runs on is little-endian, as the file is.
      const from = new Uint8Array(view.buffer, view.byteOffset + offset, count * 4);
      new Uint8Array(out.buffer, out.byteOffset + at * 4, count * 4).set(from);
    },
  },
  '<f8': {
    bytes: 8,
    convert: (view, offset, count, out, at) => {
      for (let i = 0; i < count; i++) out[at + i] = view.getFloat64(offset + i * 8, true);
    },
  },
  '|i1': {
    bytes: 1,
    convert: (view, offset, count, out, at) => {
      for (let i = 0; i < count; i++) out[at + i] = view.getInt8(offset + i);
    },
  },
  '|u1': {
    bytes: 1,
    convert: (view, offset, count, out, at) => {
      for (let i = 0; i < count; i++) out[at + i] = view.getUint8(offset + i);
    },
  },
};

/** Index of the first component that is NaN or infinite, or -1. */
export function firstNonFinite(values: Float32Array): number {
  // A sum is finite unless a component is not or it overflows: it clears whole batches at one addition a component.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  if (Number.isFinite(sum)) return -1;
  return values.findIndex((value) => !Number.isFinite(value));
}
