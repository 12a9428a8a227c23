/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4) as the Linux kernel's crc32c() computes it: the caller gives the register
 * and gets the register back, nothing is inverted on the way in or out. So a sum continues over pieces,
 * `crc32c(crc32c(seed, a), b)`, and the usual "check" value of a message is `~crc32c(~0, message) >>> 0`.
 */

const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

/** Slice k at 256 * k: the effect of a byte that k more bytes follow (slicing-by-8, Kounavis and Berry 2005). */
const TABLE = makeTable();

const T0 = TABLE.subarray(0, 256);
const T1 = TABLE.subarray(256, 512);
const T2 = TABLE.subarray(512, 768);
const T3 = TABLE.subarray(768, 1024);
const T4 = TABLE.subarray(1024, 1280);
const T5 = TABLE.subarray(1280, 1536);
const T6 = TABLE.subarray(1536, 1792);
const T7 = TABLE.subarray(1792, 2048);

const LITTLE_ENDIAN_HOST = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function makeTable(): Int32Array {
  const table = new Int32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let register = byte;
    for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ (register & 1 ? POLYNOMIAL : 0);
    table[byte] = register;
  }
  for (let at = 256; at < table.length; at++) {
    const before = table[at - 256]!;
    table[at] = (before >>> 8) ^ table[before & 255]!;
  }
  return table;
}

/** Feeds `bytes` to the register `seed` (32 bits, signed or not). Returns the register as an unsigned number. */
export function crc32c(seed: number, bytes: Uint8Array): number {
  let register = seed | 0;
  let at = 0;
  const length = bytes.length;
  if (LITTLE_ENDIAN_HOST && length >= 32) {
    const unaligned = -bytes.byteOffset & 3;
    for (; at < unaligned; at++) register = (register >>> 8) ^ T0[(register ^ bytes[at]!) & 255]!;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (length - at) >>> 2);
    const pairs = words.length & ~1;
    for (let word = 0; word < pairs; word += 2) {
      const low = words[word]! ^ register;
      const high = words[word + 1]!;
      register =
        T7[low & 255]! ^
        T6[(low >>> 8) & 255]! ^
        T5[(low >>> 16) & 255]! ^
        T4[low >>> 24]! ^
        T3[high & 255]! ^
        T2[(high >>> 8) & 255]! ^
        T1[(high >>> 16) & 255]! ^
        T0[high >>> 24]!;
    }
    at += pairs * 4;
  }
  for (; at < length; at++) register = (register >>> 8) ^ T0[(register ^ bytes[at]!) & 255]!;
  return register >>> 0;
}

/** Feeds the four bytes of `value`, most significant first, as jbd2 does with its big-endian numbers. */
export function crc32cBe32(seed: number, value: number): number {
  let register = seed | 0;
  for (let shift = 24; shift >= 0; shift -= 8) {
    register = (register >>> 8) ^ T0[(register ^ (value >>> shift)) & 255]!;
  }
  return register >>> 0;
}
