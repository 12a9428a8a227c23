import { crc32c, crc32cBe32 } from '@vexfs/shared';
import test from 'ava';

/** Bit by bit, as the polynomial is defined. */
function slowly(seed: number, bytes: Uint8Array): number {
  let register = seed;
  for (const byte of bytes) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ (register & 1 ? 0x82f63b78 : 0);
  }
  return register >>> 0;
}

const inverted = (bytes: Uint8Array): number => ~crc32c(0xffffffff, bytes) >>> 0;

test('crc32c gives the check values of RFC 3720', (t) => {
  t.is(inverted(new Uint8Array(32)), 0x8a9136aa);
  t.is(inverted(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  t.is(inverted(Uint8Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e);
  t.is(inverted(Uint8Array.from({ length: 32 }, (_, at) => 31 - at)), 0x113fdb5c);
  t.is(inverted(Buffer.from('123456789')), 0xe3069283);
});

test('crc32c does not depend on alignment or on where a message is cut', (t) => {
  const message = Uint8Array.from({ length: 400 }, (_, at) => at * 37 + (at >> 4));
  for (let from = 0; from < 9; from++) {
    for (let length = 0; length < 150; length++) {
      const part = message.subarray(from, from + length);
      const expected = slowly(0x12345678, part);
      t.is(crc32c(0x12345678, part), expected, `${length} bytes from ${from}`);
      const cut = (from * 31 + length) % (length + 1);
      t.is(crc32c(crc32c(0x12345678, part.subarray(0, cut)), part.subarray(cut)), expected);
    }
  }
});

test('crc32cBe32 feeds a number as its four bytes, most significant first', (t) => {
  t.is(crc32cBe32(0xffffffff, 0x01020384), crc32c(0xffffffff, Uint8Array.of(1, 2, 3, 0x84)));
  t.is(crc32cBe32(7, 0xfffffffe), crc32c(7, Uint8Array.of(255, 255, 255, 254)));
});
