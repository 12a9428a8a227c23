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

/** What a wrong byte does to a checksum, for structures that are many: looked up instead of searched for. */
export class WrongBytes {
  /** Difference of the sums -> place x 256 + what to xor there. */
  private readonly places = new Map<number, number>();

  /**
   * `behind` tells for a place how many summed bytes lie behind it, once for each time that it is summed; empty for a
   * place that is not.
   */
  constructor(length: number, behind: (at: number) => readonly number[]) {
    const distances = Array.from({ length }, (_, at) => behind(at));
    const bases = basesUpTo(Math.max(...distances.flat()));
    const sums = new Uint32Array(256);
    for (let at = length - 1; at >= 0; at--) {
      if (distances[at]!.length === 0) continue;
      for (let xor = 1; xor < 256; xor++) {
        const low = 31 - Math.clz32(xor & -xor);
        let sum = sums[xor & (xor - 1)]!;
        for (const distance of distances[at]!) sum ^= bases[distance]![low]!;
        sums[xor] = sum;
        if (!this.places.has(sums[xor]!)) this.places.set(sums[xor]!, at * 256 + xor);
      }
    }
  }

  find(difference: number): { readonly at: number; readonly xor: number } | undefined {
    const found = this.places.get(difference >>> 0);
    return found === undefined ? undefined : { at: found >>> 8, xor: found & 255 };
  }
}

/** By the number of bytes behind a byte: what a flip of each of its bits does to the sum. */
function basesUpTo(most: number): Uint32Array[] {
  const byte = new Uint8Array(1);
  const bases: Uint32Array[] = [];
  for (let distance = 0; distance <= most; distance++) {
    const before = bases[distance - 1];
    bases.push(
      new Uint32Array(8).map((_, bit) => {
        byte[0] = before === undefined ? 1 << bit : 0;
        return crc32c(before === undefined ? 0 : before[bit]!, byte);
      }),
    );
  }
  return bases;
}
