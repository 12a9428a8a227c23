import { be32, bytes, i64, ioc, MAX_ID, pointer, struct, u8, u16, u32, u64 } from '@vexfs/shared';
import test from 'ava';

test('a structure with a misaligned field is refused', (t) => {
  t.throws(() => struct('bad', 16, { a: u32(2) }), { message: /bad\.a is not aligned/ });
  t.throws(() => struct('bad', 16, { a: u8(0), b: u64(4) }), { message: /bad\.b is not aligned/ });
});

test('a structure whose fields overlap is refused, in whatever order they are written', (t) => {
  t.throws(() => struct('bad', 16, { a: u64(0), b: u32(4) }), { message: /bad\.b overlaps/ });
  t.throws(() => struct('bad', 16, { b: u32(4), a: u64(0) }), { message: /bad\.b overlaps/ });
  t.throws(() => struct('bad', 16, { a: bytes(0, 5), b: u16(4) }), { message: /bad\.b overlaps/ });
});

test('a structure with a field past its end is refused', (t) => {
  t.throws(() => struct('bad', 6, { a: u32(0), b: u32(4) }), { message: /bad ends at 8, past its 6 bytes/ });
});

test('64-bit fields keep every bit as bigint and stay above 2^53 as number', (t) => {
  const layout = struct('wide', 32, {
    id: u64(0),
    time: i64(8),
    address: pointer(16, 'float'),
    tag: be32(24),
  });
  const view = new DataView(new ArrayBuffer(40));
  layout.id.setBig(view, 8, MAX_ID);
  t.is(layout.id.getBig(view, 8), MAX_ID);
  t.true(layout.id.get(view, 8) > Number.MAX_SAFE_INTEGER);
  layout.id.set(view, 8, 2 ** 40 + 3);
  t.is(layout.id.getBig(view, 8), 2n ** 40n + 3n);
  for (const seconds of [-1, -(2 ** 33), 0, 2 ** 33 + 7]) {
    layout.time.set(view, 8, seconds);
    t.is(layout.time.get(view, 8), seconds);
    t.is(view.getBigInt64(16, true), BigInt(seconds));
  }
  layout.tag.set(view, 8, 0x01020304);
  t.deepEqual([...new Uint8Array(view.buffer, 32, 4)], [1, 2, 3, 4]);
});

test('a command whose parts do not fit their bits is refused', (t) => {
  t.is(ioc(3, 'V', 0x11, 64), 0xc0405611);
  for (const [direction, magic, number, size] of [
    [4, 'V', 1, 0],
    [1, 'VV', 1, 0],
    [1, 'V', 256, 0],
    [1, 'V', 1, 1 << 14],
    [1, 'V', 1, 0.5],
  ] as const) {
    t.throws(() => ioc(direction, magic, number, size), { instanceOf: RangeError });
  }
});
