import { crc32c } from '@vexfs/shared';

/** Effect of one zero byte on each of the 32 bits of a register; crc32c() is linear (Koopman and Chakravarty 2004). */
const STEP = new Uint8Array(1);

/**
 * Finds the one byte whose change explains a wrong CRC-32C: `difference` is the sum as computed over `bytes`, xor the
 * sum as stored. Returns the place and what to xor there; undefined when there is no such byte among those that
 * `mayDiffer`. Of damage to more bytes it takes one in 2^32 / (255 x length) for a single byte's.
 */
export function findWrongByte(
  length: number,
  difference: number,
  mayDiffer: (at: number) => boolean,
): { readonly at: number; readonly xor: number } | undefined {
  // By position from the end: what a flip of each bit there does to the sum. One more byte behind shifts all eight.
  const basis = new Uint32Array(8);
  for (let bit = 0; bit < 8; bit++) {
    STEP[0] = 1 << bit;
    basis[bit] = crc32c(0, STEP);
  }
  STEP[0] = 0;
  const sums = new Uint32Array(256);
  for (let at = length - 1; at >= 0; at--) {
    if (at < length - 1) for (let bit = 0; bit < 8; bit++) basis[bit] = crc32c(basis[bit]!, STEP);
    if (!mayDiffer(at)) continue;
    for (let xor = 1; xor < 256; xor++) {
      const low = 31 - Math.clz32(xor & -xor);
      const sum = (sums[xor & (xor - 1)]! ^ basis[low]!) >>> 0;
      sums[xor] = sum;
      if (sum === difference >>> 0) return { at, xor };
    }
  }
  return undefined;
}
