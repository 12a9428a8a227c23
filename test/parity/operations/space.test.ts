import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  readFileSync,
  statfsSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { paritySuite } from '../backend/suite.js';
import { mapFile } from '../client/mapping.js';
import { getMeta, rowOf, setMeta } from '../client/vector_calls.js';
import {
  COLLAPSE_RANGE,
  copyRange,
  fallocate,
  INSERT_RANGE,
  KEEP_SIZE,
  PUNCH_HOLE,
  SEEK_DATA,
  SEEK_HOLE,
  seek,
  ZERO_RANGE,
} from './calls.js';
import { asUser, NOBODY } from './other_user.js';
import { waitForTick } from './tick.js';

const { test, fresh, open, close, closeAll, backend } = paritySuite({ size: '64M' });

const PUNCH = PUNCH_HOLE | KEEP_SIZE;
const BLOCK = 4096;

function filled(length: number, byte = 0x61): { path: string; fd: number } {
  const path = fresh();
  const fd = open(path);
  writeSync(fd, Buffer.alloc(length, byte), 0, length, 0);
  return { path, fd };
}

/** Blocks that a file takes for content, whether or not its extent tree has needed one of its own. */
function contentBlocks(fd: number, expected: number): number {
  const blocks = (fstatSync(fd).blocks * 512) / BLOCK;
  return blocks === expected + 1 ? expected : blocks;
}

/** The bytes of a file as runs: `a3 0*5` is three times 'a' and five zero bytes. */
function runs(path: string): string {
  const bytes = readFileSync(path);
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    let end = at;
    while (end < bytes.length && bytes[end] === bytes[at]) end += 1;
    found.push(`${bytes[at] === 0 ? '0' : String.fromCharCode(bytes[at]!)}*${end - at}`);
    at = end;
  }
  return found.join(' ');
}

test.before('another user may come in', () => {
  chmodSync(backend.mountpoint, 0o755);
  chmodSync(join(backend.mountpoint, '..'), 0o755);
});

test('fallocate takes blocks, makes the file longer and shows zeros', (t) => {
  const { path, fd } = filled(10);
  t.is(fallocate(fd, 0, 5, 100_000), 0);
  t.is(fstatSync(fd).size, 100_005);
  t.is(fstatSync(fd).blocks, 25 * 8);
  t.is(runs(path), 'a*10 0*99995');
  t.is(fallocate(fd, 0, 0, 50), 0);
  t.is(fstatSync(fd).size, 100_005);
});

test('KEEP_SIZE takes blocks past the end, which writes use and truncation or deletion frees', (t) => {
  const { path, fd } = filled(10);
  t.is(fallocate(fd, KEEP_SIZE, 0, 1_000_000), 0);
  t.deepEqual([fstatSync(fd).size, fstatSync(fd).blocks], [10, 245 * 8]);
  t.is(runs(path), 'a*10');
  writeSync(fd, Buffer.alloc(BLOCK, 0x62), 0, BLOCK, 20_000);
  t.deepEqual([fstatSync(fd).size, contentBlocks(fd, 245)], [20_000 + BLOCK, 245]);
  t.is(runs(path), `a*10 0*19990 b*${BLOCK}`);
  ftruncateSync(fd, 20_000 + BLOCK);
  ftruncateSync(fd, 10);
  t.is(contentBlocks(fd, 1), 1);
  ftruncateSync(fd, 30_000);
  t.is(runs(path), 'a*10 0*29990');
});

test('truncating to the size that it has frees nothing that KEEP_SIZE took before the end', (t) => {
  const { fd } = filled(BLOCK);
  fallocate(fd, KEEP_SIZE, 0, 10 * BLOCK);
  ftruncateSync(fd, 5 * BLOCK);
  t.true(fstatSync(fd).blocks >= 5 * 8);
  ftruncateSync(fd, 2 * BLOCK);
  t.is(fstatSync(fd).blocks, 2 * 8);
});

test('truncating to the size that it has frees what KEEP_SIZE took behind the end, as on ext4', (t) => {
  const { path, fd } = filled(BLOCK + 10);
  fallocate(fd, KEEP_SIZE, 0, 10 * BLOCK);
  t.is(fstatSync(fd).blocks, 10 * 8);
  ftruncateSync(fd, BLOCK + 10);
  t.is(fstatSync(fd).blocks, 2 * 8);
  t.is(runs(path), `a*${BLOCK + 10}`);
  const none = open(fresh());
  fallocate(none, KEEP_SIZE, 0, 10 * BLOCK);
  ftruncateSync(none, 0);
  t.is(fstatSync(none).blocks, 0);
});

test('writes into preallocated space leave zeros around them, in any order', (t) => {
  const path = fresh();
  const fd = open(path);
  fallocate(fd, 0, 0, 20 * BLOCK);
  for (const block of [10, 11, 9, 0, 19, 5]) writeSync(fd, 'xyz', block * BLOCK + 100);
  const model = Buffer.alloc(20 * BLOCK);
  for (const block of [10, 11, 9, 0, 19, 5]) model.write('xyz', block * BLOCK + 100);
  t.is(Buffer.compare(readFileSync(path), model), 0);
  t.is(contentBlocks(fd, 20), 20);
  writeSync(fd, Buffer.alloc(20 * BLOCK, 1), 0, 20 * BLOCK, 0);
  t.true(readFileSync(path).every((byte) => byte === 1));
});

test('PUNCH_HOLE zeros a range and frees the whole blocks in it', (t) => {
  const { path, fd } = filled(10 * BLOCK);
  t.is(fallocate(fd, PUNCH, BLOCK + 10, 5 * BLOCK), 0);
  t.is(runs(path), `a*${BLOCK + 10} 0*${5 * BLOCK} a*${4 * BLOCK - 10}`);
  t.is(fstatSync(fd).blocks, 6 * 8);
  t.is(fallocate(fd, PUNCH, 20, 30), 0);
  t.is(runs(path).slice(0, 17), 'a*20 0*30 a*4056 '.slice(0, 17));
  t.is(fallocate(fd, PUNCH, 0, 100 * BLOCK), 0);
  t.deepEqual([fstatSync(fd).size, fstatSync(fd).blocks], [10 * BLOCK, 0]);
  t.is(runs(path), `0*${10 * BLOCK}`);
});

test('a hole punched across the leaves of a large extent tree frees all of it, also behind a hole that emptied the start of a leaf', (t) => {
  const path = fresh();
  const fd = open(path);
  const block = Buffer.alloc(BLOCK, 0x61);
  for (let i = 0; i < 1000; i += 2) writeSync(fd, block, 0, BLOCK, i * BLOCK);
  for (let first = 0; first < 1000; first += 100) fallocate(fd, PUNCH, (first + 20) * BLOCK, 60 * BLOCK);
  for (let last = 60; last < 1000; last += 100) {
    t.is(fallocate(fd, PUNCH, 0, last * BLOCK), 0);
    t.true(
      readFileSync(path)
        .subarray(0, last * BLOCK)
        .every((byte) => byte === 0),
      `up to block ${last}`,
    );
    t.is(seek(fd, 0, SEEK_DATA), (last + 20) * BLOCK);
  }
});

test('a tree of extents gives its blocks back when few extents are left, by a truncation as by holes', async (t) => {
  const cuts: ReadonlyArray<(fd: number, end: number) => void> = [
    (fd) => ftruncateSync(fd, 5 * BLOCK),
    (fd, end) => t.is(fallocate(fd, PUNCH, 5 * BLOCK, end), 0),
  ];
  const paths: string[] = [];
  for (const pieces of [4, 1000])
    for (const cut of cuts) {
      const path = fresh();
      const fd = open(path);
      paths.push(path);
      for (let i = 0; i < pieces; i++)
        writeSync(fd, Buffer.alloc(BLOCK, 1 + (i % 200)), 0, BLOCK, 2 * i * BLOCK);
      fsyncSync(fd);
      t.true(fstatSync(fd).blocks > (pieces * BLOCK) / 512, 'nodes have blocks of their own');
      cut(fd, 2 * pieces * BLOCK);
      t.is(fstatSync(fd).blocks, (3 * BLOCK) / 512);
    }
  closeAll();
  await backend.remount();
  for (const path of paths) {
    const bytes = readFileSync(path);
    for (let i = 0; i < 5; i++) {
      const block = bytes.subarray(i * BLOCK, (i + 1) * BLOCK);
      t.true(block.every((byte) => byte === (i % 2 === 0 ? 1 + i / 2 : 0)));
    }
    t.is(statSync(path).blocks, (3 * BLOCK) / 512);
    const fd = open(path);
    for (let i = 3; i < 9; i++) writeSync(fd, Buffer.alloc(BLOCK, 7), 0, BLOCK, 2 * i * BLOCK);
    fsyncSync(fd);
    t.is(fstatSync(fd).blocks, (10 * BLOCK) / 512);
    unlinkSync(path);
  }
});

test('a long extent that reaches past the key of the next leaf is found at every block', async (t) => {
  const path = fresh();
  const fd = open(path);
  const block = Buffer.alloc(BLOCK, 0x61);
  for (let i = 0; i < 1000; i += 2) writeSync(fd, block, 0, BLOCK, i * BLOCK);
  const model = readFileSync(path);
  for (let first = 20; first < 1000; first += 100) {
    fallocate(fd, PUNCH, first * BLOCK, 60 * BLOCK);
    const bytes = Buffer.alloc(60 * BLOCK, first);
    writeSync(fd, bytes, 0, bytes.length, first * BLOCK);
    bytes.copy(model, first * BLOCK);
  }
  closeAll();
  await backend.remount();
  t.is(Buffer.compare(readFileSync(path), model), 0);
  t.is(fallocate(open(path), ZERO_RANGE, 0, 999 * BLOCK), 0);
  closeAll();
  await backend.remount();
  t.true(readFileSync(path).every((byte) => byte === 0));
});

test('ZERO_RANGE zeros a range that keeps its blocks, and lengthens the file unless KEEP_SIZE', (t) => {
  const { path, fd } = filled(10 * BLOCK);
  t.is(fallocate(fd, ZERO_RANGE, BLOCK - 10, 3 * BLOCK + 20), 0);
  t.is(runs(path), `a*${BLOCK - 10} 0*${3 * BLOCK + 20} a*${6 * BLOCK - 10}`);
  t.is(fstatSync(fd).blocks, 10 * 8);
  t.is(fallocate(fd, ZERO_RANGE | KEEP_SIZE, 9 * BLOCK + 5, 5 * BLOCK), 0);
  t.deepEqual([fstatSync(fd).size, contentBlocks(fd, 15)], [10 * BLOCK, 15]);
  t.is(fallocate(fd, ZERO_RANGE, 9 * BLOCK, 2 * BLOCK), 0);
  t.is(fstatSync(fd).size, 11 * BLOCK);
  t.is(runs(path), `a*${BLOCK - 10} 0*${3 * BLOCK + 20} a*${5 * BLOCK - 10} 0*${2 * BLOCK}`);
});

test('zeroed and punched ranges take new bytes', (t) => {
  const { path, fd } = filled(8 * BLOCK);
  fallocate(fd, ZERO_RANGE, BLOCK, 3 * BLOCK);
  fallocate(fd, PUNCH, 5 * BLOCK, 2 * BLOCK);
  writeSync(fd, 'bb', 2 * BLOCK + 1);
  writeSync(fd, 'cc', 6 * BLOCK - 1);
  t.is(
    runs(path),
    `a*${BLOCK} 0*${BLOCK + 1} b*2 0*${2 * BLOCK - 3} a*${BLOCK} 0*${BLOCK - 1} c*2 0*${BLOCK - 1} a*${BLOCK}`,
  );
});

test('what a mapping holds in memory is zeroed too', (t) => {
  const { path, fd } = filled(4 * BLOCK);
  const mapping = mapFile(fd, 4 * BLOCK);
  mapping.bytes.fill(0x64);
  t.is(fallocate(fd, PUNCH, BLOCK, BLOCK), 0);
  t.is(mapping.bytes[BLOCK], 0);
  t.is(mapping.bytes[0], 0x64);
  mapping.bytes[BLOCK] = 0x65;
  mapping.sync();
  t.is(fallocate(fd, ZERO_RANGE, 2 * BLOCK, BLOCK), 0);
  t.is(mapping.bytes[2 * BLOCK], 0);
  mapping.unmap();
  t.is(runs(path), `d*${BLOCK} e*1 0*${2 * BLOCK - 1} d*${BLOCK}`);
});

test('other modes are EOPNOTSUPP, no length EINVAL, too far EFBIG, a folder and a reader EBADF', (t) => {
  const { path, fd } = filled(BLOCK);
  for (const mode of [PUNCH_HOLE, COLLAPSE_RANGE, INSERT_RANGE, 0x40, 0x80]) {
    t.is(fallocate(fd, mode, 0, BLOCK), 'EOPNOTSUPP', `mode ${mode}`);
  }
  t.is(fallocate(fd, 0, 0, 0), 'EINVAL');
  t.is(fallocate(fd, 0, -1, 1), 'EINVAL');
  t.is(fallocate(fd, 0, 2 ** 52, 1), 'EFBIG');
  t.is(fallocate(open(path, 'r'), 0, 0, 1), 'EBADF');
  t.is(fallocate(open(backend.mountpoint, 'r'), 0, 0, 1), 'EBADF');
});

test('a range larger than the space is ENOSPC and takes nothing', (t) => {
  const path = fresh();
  const fd = open(path);
  const before = statfsSync(backend.mountpoint).bfree;
  t.is(fallocate(fd, 0, 0, 2 ** 30), 'ENOSPC');
  t.deepEqual([fstatSync(fd).size, fstatSync(fd).blocks], [0, 0]);
  t.is(statfsSync(backend.mountpoint).bfree, before);
});

/** A file that takes all space there is. */
function fillVolume(t: ExecutionContext): number {
  const fd = open(fresh());
  const chunk = Buffer.alloc(64 * BLOCK, 1);
  t.throws(
    () => {
      for (;;) if (writeSync(fd, chunk) < chunk.length) writeSync(fd, chunk);
    },
    { code: 'ENOSPC' },
  );
  return fd;
}

test('preallocated space can be written when the volume is full', (t) => {
  const path = fresh();
  const fd = open(path);
  t.is(fallocate(fd, KEEP_SIZE, 0, 64 * BLOCK), 0);
  const rest = fillVolume(t);
  for (const block of [40, 3, 20, 60, 5, 41, 63, 7, 9, 11]) writeSync(fd, 'xyz', block * BLOCK + 1);
  const model = Buffer.alloc(63 * BLOCK + 4);
  for (const block of [40, 3, 20, 60, 5, 41, 63, 7, 9, 11]) model.write('xyz', block * BLOCK + 1);
  t.is(Buffer.compare(readFileSync(path), model), 0);
  t.is(fallocate(fd, PUNCH, 6 * BLOCK, 2 * BLOCK), 0);
  t.is(fallocate(fd, ZERO_RANGE, 20 * BLOCK, BLOCK), 0);
  model.fill(0, 6 * BLOCK, 8 * BLOCK).fill(0, 20 * BLOCK, 21 * BLOCK);
  t.is(Buffer.compare(readFileSync(path), model), 0);
  ftruncateSync(rest, 0);
  fsyncSync(rest);
});

test('stores through a mapping go to preallocated space when the volume is full', (t) => {
  const path = fresh();
  const fd = open(path);
  const blocks = [40, 3, 20, 60, 5, 41, 63, 7, 9, 11];
  t.is(fallocate(fd, 0, 0, 64 * BLOCK), 0);
  const rest = fillVolume(t);
  // A process of its own: what cannot be stored ends it by SIGBUS.
  const script = `
import mmap, os, sys
with open(sys.argv[1], 'r+b') as file:
    pages = mmap.mmap(file.fileno(), 0)
    for block in map(int, sys.argv[2:]):
        pages[block * ${BLOCK} + 1:block * ${BLOCK} + 4] = b'xyz'
    pages.flush()
    # Memory of the file itself, which is made writable while a read of the file waits for it.
    direct = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
    os.preadv(direct, [memoryview(pages)[30 * ${BLOCK}:31 * ${BLOCK}]], 40 * ${BLOCK})
    os.close(direct)`;
  const words = ['-c', script, path, ...blocks.map(String)];
  const { status, signal } = spawnSync('python3', words, { stdio: ['ignore', 'ignore', 'inherit'] });
  t.deepEqual([status, signal], [0, null]);
  const model = Buffer.alloc(64 * BLOCK);
  for (const block of [...blocks, 30]) model.write('xyz', block * BLOCK + 1);
  t.is(Buffer.compare(readFileSync(path), model), 0);
  ftruncateSync(rest, 0);
  fsyncSync(rest);
});

test('holes in the only file of a full volume give their space back', (t) => {
  const fd = open(fresh());
  const chunk = Buffer.alloc(64 * BLOCK, 1);
  for (const piece of [chunk, chunk.subarray(0, BLOCK)]) {
    t.throws(
      () => {
        for (;;) writeSync(fd, piece);
      },
      { code: 'ENOSPC' },
    );
  }
  const before = fstatSync(fd).blocks;
  const holes = Math.floor(fstatSync(fd).size / (2 * BLOCK));
  // More than the inode has room for: the tree gets blocks of its own, which the holes before have freed.
  for (let i = 0; i < holes; i++) fallocate(fd, PUNCH, (2 * i + 1) * BLOCK, BLOCK);
  const freed = (before - fstatSync(fd).blocks) / (BLOCK / 512);
  t.true(freed > holes * 0.95, `${freed} of ${holes} blocks`);
  const other = open(fresh());
  for (let written = 0; written < freed * 0.95 * BLOCK; ) written += writeSync(other, chunk);
  ftruncateSync(other, 0);
  ftruncateSync(fd, 0);
  fsyncSync(fd);
});

test('fallocate changes mtime and ctime, and takes suid away when another user calls it', (t) => {
  const { path, fd } = filled(BLOCK);
  for (const mode of [0, KEEP_SIZE, PUNCH, ZERO_RANGE]) {
    const before = statSync(path, { bigint: true });
    waitForTick();
    fallocate(fd, mode, 0, 100);
    const after = statSync(path, { bigint: true });
    t.true(after.mtimeNs > before.mtimeNs && after.ctimeNs > before.ctimeNs, `mode ${mode}`);
  }
  chmodSync(path, 0o6777);
  asUser(NOBODY, 'os.posix_fallocate(os.open(p[0], os.O_RDWR), 0, 10)', [path]);
  t.is(statSync(path).mode & 0o7777, 0o777);
});

test('SEEK_DATA and SEEK_HOLE find written blocks; preallocated ones and the end count as holes', (t) => {
  const fd = open(fresh());
  writeSync(fd, 'x', 3 * BLOCK);
  fallocate(fd, 0, 5 * BLOCK, 2 * BLOCK);
  writeSync(fd, 'y', 6 * BLOCK);
  ftruncateSync(fd, 10 * BLOCK);
  t.is(seek(fd, 0, SEEK_DATA), 3 * BLOCK);
  t.is(seek(fd, 3 * BLOCK + 7, SEEK_DATA), 3 * BLOCK + 7);
  t.is(seek(fd, 0, SEEK_HOLE), 0);
  t.is(seek(fd, 3 * BLOCK, SEEK_HOLE), 4 * BLOCK);
  t.is(seek(fd, 4 * BLOCK, SEEK_DATA), 6 * BLOCK);
  t.is(seek(fd, 6 * BLOCK + 1, SEEK_HOLE), 7 * BLOCK);
  t.is(seek(fd, 7 * BLOCK, SEEK_DATA), 'ENXIO');
  t.is(seek(fd, 10 * BLOCK - 1, SEEK_HOLE), 10 * BLOCK - 1);
  for (const whence of [SEEK_DATA, SEEK_HOLE]) {
    t.is(seek(fd, 10 * BLOCK, whence), 'ENXIO');
    t.is(seek(fd, -1, whence), 'ENXIO');
  }
  const whole = filled(100).fd;
  t.is(seek(whole, 5, SEEK_HOLE), 100);
});

test('what fallocate made is the same after a remount and after a crash', async (t) => {
  const { path, fd } = filled(10 * BLOCK);
  fallocate(fd, 0, 8 * BLOCK, 10 * BLOCK);
  fallocate(fd, PUNCH, 2 * BLOCK, BLOCK);
  fallocate(fd, ZERO_RANGE, 5 * BLOCK, BLOCK);
  fallocate(fd, KEEP_SIZE, 20 * BLOCK, 10 * BLOCK);
  writeSync(fd, 'end', 15 * BLOCK);
  const [content, { blocks }] = [runs(path), fstatSync(fd)];
  fsyncSync(fd);
  closeAll();
  await backend.remount();
  t.is(runs(path), content);
  t.is(statSync(path).blocks, blocks);
  await backend.crash();
  await backend.mount();
  t.is(runs(path), content);
  t.is(statSync(path).blocks, blocks);
  unlinkSync(path);
});

test('copy_file_range copies within a file and between files, and stops at the end of the source', (t) => {
  const { path, fd } = filled(3 * BLOCK);
  writeSync(fd, Buffer.alloc(BLOCK, 0x62), 0, BLOCK, BLOCK);
  const target = fresh();
  const to = open(target);
  t.is(copyRange(fd, BLOCK - 5, to, 3, 10), 10);
  t.is(runs(target), '0*3 a*5 b*5');
  t.is(copyRange(fd, 2 * BLOCK, to, 0, 1e9), BLOCK);
  t.is(runs(target), `a*${BLOCK}`);
  t.is(copyRange(fd, 3 * BLOCK, to, 0, 10), 0);
  t.is(copyRange(fd, 9 * BLOCK, to, 0, 10), 0);
  t.is(copyRange(fd, 0, fd, 2 * BLOCK + 10, 20), 20);
  t.is(copyRange(fd, BLOCK, fd, BLOCK + 10, 20), 'EINVAL');
  t.is(runs(path), `a*${BLOCK} b*${BLOCK} a*${BLOCK}`);
  t.is(copyRange(fd, 0, open(target, 'r'), 0, 10), 'EBADF');
  t.is(copyRange(fd, 0, open(target, 'a'), 0, 10), 'EBADF');
});

test('copy_file_range sees what a mapping holds and what was just written', (t) => {
  const { fd } = filled(2 * BLOCK);
  const { path, fd: to } = filled(2 * BLOCK, 0x7a);
  t.is(runs(path), `z*${2 * BLOCK}`);
  const mapping = mapFile(fd, 2 * BLOCK);
  mapping.bytes.fill(0x6d, 0, 10);
  t.is(copyRange(fd, 0, to, BLOCK, BLOCK), BLOCK);
  mapping.unmap();
  t.is(runs(path), `z*${BLOCK} m*10 a*${BLOCK - 10}`);
});

test('a file of many megabytes is copied in several calls', (t) => {
  const { path, fd } = filled(3_500_000);
  writeSync(fd, 'middle', 1_700_000);
  const target = fresh();
  const to = open(target);
  for (let at = 0; at < 3_500_000; ) {
    const count = copyRange(fd, at, to, at, 3_500_000 - at);
    if (typeof count === 'string' || count === 0) throw new Error(`at ${at}: ${count}`);
    at += count;
  }
  t.is(Buffer.compare(readFileSync(path), readFileSync(target)), 0);
});

test('rows of a vector file: a punched one is zeros, space behind the end adds none, a longer file adds zero rows', (t) => {
  const path = fresh();
  const fd = open(path);
  const rows = new Float32Array(1024 * 8).map((_, i) => i + 1);
  writeSync(fd, new Uint8Array(rows.buffer));
  t.is(setMeta(fd, { dimensions: 1024 }), 'ok');
  t.is(fallocate(fd, PUNCH, 2 * BLOCK, BLOCK), 0);
  t.is(getMeta(fd).vectorCount, 8);
  const row = (id: bigint): number[] => [...rowOf(fd, id, 1024).slice(0, 3)] as number[];
  t.deepEqual(row(2n), [0, 0, 0]);
  t.deepEqual(row(3n), [3073, 3074, 3075]);
  t.is(fallocate(fd, KEEP_SIZE, 8 * BLOCK, 4 * BLOCK), 0);
  t.is(getMeta(fd).vectorCount, 8);
  t.is(fallocate(fd, 0, 8 * BLOCK, 2 * BLOCK), 0);
  t.is(getMeta(fd).vectorCount, 10);
  t.deepEqual(row(9n), [0, 0, 0]);
  t.is(copyRange(fd, 3 * BLOCK, fd, 10 * BLOCK, BLOCK), BLOCK);
  t.is(getMeta(fd).vectorCount, 11);
  t.deepEqual(row(10n), [3073, 3074, 3075]);
  t.is(fallocate(fd, ZERO_RANGE, 3 * BLOCK, BLOCK), 0);
  t.deepEqual(row(3n), [0, 0, 0]);
  close(fd);
  truncateSync(path, 4 * BLOCK);
  t.is(getMeta(open(path)).vectorCount, 4);
});

test('a file with space past its end can be written whole and read back', (t) => {
  const path = fresh();
  writeFileSync(path, '');
  fallocate(open(path), KEEP_SIZE, 0, 100 * BLOCK);
  writeFileSync(path, Buffer.alloc(50 * BLOCK + 1, 5));
  t.true(readFileSync(path).every((byte) => byte === 5));
  t.is(statSync(path).size, 50 * BLOCK + 1);
});
