import { constants, readFileSync, readSync, writeSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import koffi from 'koffi';
import { paritySuite } from '../backend/suite.js';
import { insert, nearestIds } from '../client/vector_calls.js';

const { test, fresh, open, vectorFile } = paritySuite({ size: '48M' });

const libc = koffi.load('libc.so.6');
const fcntl = libc.func('int fcntl(int fd, int command, int argument)') as (
  fd: number,
  command: number,
  argument: number,
) => number;
const F_SETFL = 4;
koffi.struct('iovec', { base: 'const uint8_t *', length: 'size_t' });
const pwritev2 = libc.func(
  'int64_t pwritev2(int fd, iovec *buffers, int count, int64_t offset, int flags)',
) as (
  fd: number,
  buffers: { base: Uint8Array; length: number }[],
  count: number,
  offset: number,
  flags: number,
) => number;
/** Linux 6.9 and later know it; others answer EOPNOTSUPP. */
const RWF_NOAPPEND = 0x20;

/** What pwritev2(2) under RWF_NOAPPEND answered. */
function writeElsewhere(fd: number, text: string, offset: number): number | 'EPERM' | 'EOPNOTSUPP' {
  const bytes = Buffer.from(text);
  const written = pwritev2(fd, [{ base: bytes, length: bytes.length }], 1, offset, RWF_NOAPPEND);
  if (written >= 0) return written;
  const code = koffi.errno();
  if (code === osConstants.errno.EPERM) return 'EPERM';
  if (code === osConstants.errno.EOPNOTSUPP) return 'EOPNOTSUPP';
  throw new Error(`errno ${code}`);
}

test('a descriptor that has lost O_APPEND by fcntl writes where it is told', (t) => {
  const path = fresh();
  const fd = open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND);
  writeSync(fd, 'abcdef');
  t.is(fcntl(fd, F_SETFL, 0), 0);
  writeSync(fd, 'X', 1);
  t.is(readFileSync(path, 'utf8'), 'aXcdef');
});

test('a descriptor that has got O_APPEND by fcntl appends', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [1]);
  t.is(fcntl(fd, F_SETFL, constants.O_APPEND), 0);
  t.is(insert(fd, [2], { dimensions: 1 }), 'ok');
  writeSync(fd, Buffer.from(Float32Array.of(3).buffer));
  t.deepEqual(nearestIds(fd, [0]), [0n, 1n, 2n]);
});

test('RWF_NOAPPEND writes where it is told through a descriptor with O_APPEND', (t) => {
  const path = fresh();
  const fd = open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND);
  writeSync(fd, 'abcdef');
  const written = writeElsewhere(fd, 'XY', 1);
  if (written === 'EOPNOTSUPP') {
    t.is(readFileSync(path, 'utf8'), 'abcdef');
    return;
  }
  t.is(written, 2);
  t.is(readFileSync(path, 'utf8'), 'aXYdef');
  t.is(writeElsewhere(fd, 'Z', 8), 1);
  writeSync(fd, 'end');
  const bytes = Buffer.alloc(20);
  t.is(readSync(fd, bytes, 0, 20, 0), 12);
  t.is(bytes.toString('latin1', 0, 12), 'aXYdef\0\0Zend');
});
