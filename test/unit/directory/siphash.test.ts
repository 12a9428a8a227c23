import { directory } from '@vexfs/fuse/volume';
import test from 'ava';
import { randomNumbers } from './memory_volume.js';

const { SipHash } = directory;

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 0xff);

function hex(hash: directory.SipHash, bytes: Uint8Array): string {
  hash.hash(bytes);
  return hash.hi.toString(16).padStart(8, '0') + hash.lo.toString(16).padStart(8, '0');
}

/** The definition in the paper, in 64-bit arithmetic. */
function sipHash24(key: Uint8Array, bytes: Uint8Array): string {
  const word = (b: Uint8Array, at: number): bigint => {
    let value = 0n;
    for (let i = 7; i >= 0; i--) value = (value << 8n) | BigInt(b[at + i] ?? 0);
    return value;
  };
  const cut = (x: bigint): bigint => BigInt.asUintN(64, x);
  const rotate = (x: bigint, n: bigint): bigint => cut((x << n) | (x >> (64n - n)));
  const k0 = word(key, 0);
  const k1 = word(key, 8);
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const round = (): void => {
    v0 = cut(v0 + v1);
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = cut(v2 + v3);
    v3 = rotate(v3, 16n) ^ v2;
    v0 = cut(v0 + v3);
    v3 = rotate(v3, 21n) ^ v0;
    v2 = cut(v2 + v1);
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const whole = Math.floor(bytes.length / 8);
  for (let i = 0; i <= whole; i++) {
    let m = word(bytes, i * 8);
    if (i === whole) m |= BigInt(bytes.length & 0xff) << 56n;
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return (v0 ^ v1 ^ v2 ^ v3).toString(16).padStart(16, '0');
}

test('SipHash gives the values of the reference implementation', (t) => {
  const hash = new SipHash(counting(16));
  const expected: ReadonlyArray<readonly [number, string]> = [
    [0, '726fdb47dd0e0e31'],
    [1, '74f839c593dc67fd'],
    [2, '0d6c8009d9a94f5a'],
    [7, 'ab0200f58b01d137'],
    [8, '93f5f5799a932462'],
    [9, '9e0082df0ba9e4b0'],
    [15, 'a129ca6149be45e5'],
    [16, '3f2acc7f57c29bdb'],
    [63, '958a324ceb064572'],
    [255, 'a9c169fec74db21a'],
  ];
  for (const [length, value] of expected) t.is(hex(hash, counting(length)), value, `${length} bytes`);
});

test('SipHash agrees with its definition for random keys and names of every length', (t) => {
  const random = randomNumbers(1);
  for (let length = 0; length <= 255; length++) {
    const key = Uint8Array.from({ length: 16 }, () => random() * 256);
    const bytes = Uint8Array.from({ length }, () => random() * 256);
    t.is(hex(new SipHash(key), bytes), sipHash24(key, bytes), `${length} bytes`);
  }
});

test('SipHash reads a key and a name inside larger buffers', (t) => {
  const buffer = counting(64);
  const key = buffer.subarray(3, 19);
  const name = buffer.subarray(21, 40);
  t.is(hex(new SipHash(key), name), sipHash24(key.slice(), name.slice()));
});

test('a key that is not 16 bytes long is refused', (t) => {
  t.throws(() => new SipHash(new Uint8Array(15)), { instanceOf: RangeError });
});
