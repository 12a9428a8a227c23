/**
 * The hash of a name. One object is used for all names of a volume: the result stands in `hi` and `lo` until the next
 * call, so that nothing is allocated.
 */
export interface NameHash {
  /** Upper 32 bits of the last result, unsigned. */
  readonly hi: number;
  /** Lower 32 bits of the last result, unsigned. */
  readonly lo: number;
  /** Hashes `name` into `hi` and `lo`. */
  hash(name: Uint8Array): void;
}

const COMPRESSION_ROUNDS = 2;
const FINALISATION_ROUNDS = 4;

/**
 * SipHash-2-4 (Aumasson, Bernstein: SipHash: a fast short-input PRF, 2012) with a 64-bit result, in 32-bit integer
 * arithmetic: each of the four state words is a pair of signed 32-bit halves.
 */
export class SipHash implements NameHash {
  hi = 0;
  lo = 0;
  private readonly k0h: number;
  private readonly k0l: number;
  private readonly k1h: number;
  private readonly k1l: number;

  /** `key` is 16 bytes: two 64-bit words, little-endian. Throws RangeError for another length. */
  constructor(key: Uint8Array) {
    if (key.length !== 16) throw new RangeError(`a SipHash key has 16 bytes, not ${key.length}`);
    const view = new DataView(key.buffer, key.byteOffset, 16);
    this.k0l = view.getInt32(0, true);
    this.k0h = view.getInt32(4, true);
    this.k1l = view.getInt32(8, true);
    this.k1h = view.getInt32(12, true);
  }

  hash(name: Uint8Array): void {
    const { k0h, k0l, k1h, k1l } = this;
    let v0h = k0h ^ 0x736f6d65;
    let v0l = k0l ^ 0x70736575;
    let v1h = k1h ^ 0x646f7261;
    let v1l = k1l ^ 0x6e646f6d;
    let v2h = k0h ^ 0x6c796765;
    let v2l = k0l ^ 0x6e657261;
    let v3h = k1h ^ 0x74656462;
    let v3l = k1l ^ 0x79746573;

    const { length } = name;
    const whole = length >>> 3;
    // Steps 0..whole absorb a word each, the last of them holding the tail and the length; one more finalises.
    for (let step = 0; step <= whole + 1; step++) {
      let wordH = 0;
      let wordL = 0;
      let rounds = COMPRESSION_ROUNDS;
      if (step < whole) {
        const at = step << 3;
        wordL = name[at]! | (name[at + 1]! << 8) | (name[at + 2]! << 16) | (name[at + 3]! << 24);
        wordH = name[at + 4]! | (name[at + 5]! << 8) | (name[at + 6]! << 16) | (name[at + 7]! << 24);
      } else if (step === whole) {
        wordH = (length & 0xff) << 24;
        const tail = whole << 3;
        for (let i = tail; i < length; i++) {
          const shift = (i - tail) << 3;
          if (shift < 32) wordL |= name[i]! << shift;
          else wordH |= name[i]! << (shift - 32);
        }
      } else {
        rounds = FINALISATION_ROUNDS;
        v2l ^= 0xff;
      }
      v3h ^= wordH;
      v3l ^= wordL;
      for (let round = 0; round < rounds; round++) {
        let low = (v0l + v1l) | 0;
        v0h = (v0h + v1h + (low >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
        v0l = low;
        let high = (v1h << 13) | (v1l >>> 19);
        v1l = ((v1l << 13) | (v1h >>> 19)) ^ v0l;
        v1h = high ^ v0h;
        low = v0h;
        v0h = v0l;
        v0l = low;

        low = (v2l + v3l) | 0;
        v2h = (v2h + v3h + (low >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
        v2l = low;
        high = (v3h << 16) | (v3l >>> 16);
        v3l = ((v3l << 16) | (v3h >>> 16)) ^ v2l;
        v3h = high ^ v2h;

        low = (v0l + v3l) | 0;
        v0h = (v0h + v3h + (low >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
        v0l = low;
        high = (v3h << 21) | (v3l >>> 11);
        v3l = ((v3l << 21) | (v3h >>> 11)) ^ v0l;
        v3h = high ^ v0h;

        low = (v2l + v1l) | 0;
        v2h = (v2h + v1h + (low >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
        v2l = low;
        high = (v1h << 17) | (v1l >>> 15);
        v1l = ((v1l << 17) | (v1h >>> 15)) ^ v2l;
        v1h = high ^ v2h;
        low = v2h;
        v2h = v2l;
        v2l = low;
      }
      v0h ^= wordH;
      v0l ^= wordL;
    }
    this.hi = (v0h ^ v1h ^ v2h ^ v3h) >>> 0;
    this.lo = (v0l ^ v1l ^ v2l ^ v3l) >>> 0;
  }
}
