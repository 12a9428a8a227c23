import {
  appendFileSync,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { must, run } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';
import { mapFile } from './client/mapping.js';
import { waitForTick } from './operations/tick.js';

const { test, fresh, open, close, closeAll, scratch, backend } = paritySuite({ size: '64M' });

/** Bytes that differ at every place. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed + (i >> 8)) & 0xff;
  return bytes;
}

test('what was written is read back, at every size around a block', (t) => {
  for (const size of [0, 1, 511, 4095, 4096, 4097, 65_535, 65_536, 131_073, 1_000_000]) {
    const path = fresh();
    const bytes = pattern(size, size);
    writeFileSync(path, bytes);
    t.is(statSync(path).size, size);
    t.is(Buffer.compare(readFileSync(path), bytes), 0, `${size} bytes`);
  }
});

test('pwrite and pread at any offset agree with a model', (t) => {
  const fd = open(fresh());
  const model = Buffer.alloc(300_000);
  let end = 0;
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state % below;
  };
  for (let i = 0; i < 200; i++) {
    const at = random(250_000);
    const bytes = pattern(1 + random(40_000), i);
    writeSync(fd, bytes, 0, bytes.length, at);
    bytes.copy(model, at);
    end = Math.max(end, at + bytes.length);
    const from = random(end);
    const into = Buffer.alloc(random(30_000) + 1);
    const got = readSync(fd, into, 0, into.length, from);
    t.is(got, Math.min(into.length, end - from));
    if (Buffer.compare(into.subarray(0, got), model.subarray(from, from + got)) !== 0) t.fail(`round ${i}`);
  }
  t.is(fstatSync(fd).size, end);
});

test('read(2) at and past the end returns 0 bytes', (t) => {
  const path = fresh();
  writeFileSync(path, 'abc');
  const fd = open(path, 'r');
  const into = Buffer.alloc(10);
  t.deepEqual(
    [readSync(fd, into, 0, 10, 3), readSync(fd, into, 0, 10, 1e12), readSync(fd, into, 0, 10, 2)],
    [0, 0, 1],
  );
});

test('a write far past the end leaves a hole that reads as zeros and takes no space', (t) => {
  const fd = open(fresh());
  writeSync(fd, 'x', 40_000_000_000);
  const { size, blocks } = fstatSync(fd);
  t.is(size, 40_000_000_001);
  t.true(blocks <= 64, `${blocks} sectors`);
  const into = Buffer.alloc(4096, 1);
  readSync(fd, into, 0, 4096, 20_000_000_000);
  t.true(into.every((byte) => byte === 0));
  readSync(fd, into, 0, 1, 40_000_000_000);
  t.is(into[0], 0x78);
});

test('a write past the largest file size is EFBIG', (t) => {
  const fd = open(fresh());
  writeSync(fd, 'x', 2 ** 52 - 1);
  t.is(fstatSync(fd).size, 2 ** 52);
  t.throws(() => writeSync(fd, 'x', 2 ** 52), { code: 'EFBIG' });
  t.throws(() => ftruncateSync(fd, 2 ** 52 + 1), { code: 'EFBIG' });
  ftruncateSync(fd, 0);
});

test('holes between written parts read as zeros, also when they are filled in reverse', (t) => {
  const fd = open(fresh());
  const model = Buffer.alloc(64 * 4096);
  for (let block = 63; block >= 0; block -= 3) {
    const bytes = pattern(1000, block);
    writeSync(fd, bytes, 0, 1000, block * 4096 + 100);
    bytes.copy(model, block * 4096 + 100);
  }
  const { size } = fstatSync(fd);
  const into = Buffer.alloc(size);
  readSync(fd, into, 0, size, 0);
  t.is(Buffer.compare(into, model.subarray(0, size)), 0);
});

test('truncate cuts, extends with zeros, and never shows old bytes again', (t) => {
  const path = fresh();
  writeFileSync(path, pattern(10_000, 3));
  truncateSync(path, 5001);
  t.is(Buffer.compare(readFileSync(path), pattern(10_000, 3).subarray(0, 5001)), 0);
  truncateSync(path, 9000);
  const bytes = readFileSync(path);
  t.is(bytes.length, 9000);
  t.true(bytes.subarray(5001).every((byte) => byte === 0));
  truncateSync(path, 0);
  t.is(statSync(path).blocks, 0);
  t.is(readFileSync(path).length, 0);
});

test('bytes behind the end that a mapping wrote do not appear when the file grows', (t) => {
  const fd = open(fresh());
  writeSync(fd, 'abc');
  const mapping = mapFile(fd, 4096);
  mapping.bytes.fill(0x7a, 3);
  mapping.sync();
  mapping.unmap();
  ftruncateSync(fd, 100);
  const into = Buffer.alloc(100);
  readSync(fd, into, 0, 100, 0);
  t.is(into.toString('latin1'), `abc${'\0'.repeat(97)}`);
});

test('O_TRUNC empties a file, O_APPEND always writes at its end', (t) => {
  const path = fresh();
  writeFileSync(path, 'long content');
  close(open(path, 'w'));
  t.is(statSync(path).size, 0);
  const [a, b] = [open(path, 'a'), open(path, 'a')];
  writeSync(a, 'one ');
  writeSync(b, 'two ');
  writeSync(a, 'three', 0);
  t.is(readFileSync(path, 'utf8'), 'one two three');
});

test('two processes that append at once lose nothing', (t) => {
  const path = fresh();
  const append = (word: string): string => `for i in $(seq 300); do echo ${word} >> ${path}; done`;
  must('sh', ['-c', `(${append('aaaa')}) & (${append('bbbb')}); wait`], 60_000);
  const lines = readFileSync(path, 'utf8').split('\n');
  t.is(lines.length, 601);
  t.is(lines.filter((line) => line === 'aaaa').length, 300);
  t.is(lines.filter((line) => line === 'bbbb').length, 300);
});

test('times are kept to the nanosecond, before 1970 and after 2106 too', async (t) => {
  const path = fresh();
  writeFileSync(path, 'x');
  const moments = [
    '1969-12-31T23:59:58.000000001',
    '2001-02-03T04:05:06.123456789',
    '2200-01-01T00:00:00.999999999',
  ];
  const shown = (): string[] => [must('stat', ['-c', '%.9X %.9Y', path]).trim()];
  for (const moment of moments) {
    must('touch', ['-a', '-d', `${moment}Z`, path]);
    must('touch', ['-m', '-d', `${moment}Z`, path]);
    const { atimeNs, mtimeNs } = statSync(path, { bigint: true });
    const expected = BigInt(Date.parse(`${moment.slice(0, 19)}Z`)) * 1_000_000n + BigInt(moment.slice(20));
    t.deepEqual([atimeNs, mtimeNs], [expected, expected], moment);
    const before = shown();
    await backend.remount();
    t.deepEqual(shown(), before);
  }
});

test('setting times changes ctime and nothing else', (t) => {
  const path = fresh();
  writeFileSync(path, 'x');
  const before = statSync(path, { bigint: true });
  waitForTick();
  utimesSync(path, 1000, 2000);
  const after = statSync(path, { bigint: true });
  t.deepEqual([after.atimeMs, after.mtimeMs], [1_000_000n, 2_000_000n]);
  t.true(after.ctimeNs > before.ctimeNs);
  t.deepEqual([after.size, after.mode, after.ino], [before.size, before.mode, before.ino]);
});

test('write and truncate change mtime and ctime, chmod only ctime, read neither', (t) => {
  const path = fresh();
  writeFileSync(path, 'abc');
  const times = (): { mtimeNs: bigint; ctimeNs: bigint } => statSync(path, { bigint: true });
  let before = times();
  for (const [name, change, both] of [
    ['write', () => appendFileSync(path, 'd'), true],
    ['truncate', () => truncateSync(path, 2), true],
    ['truncate to the same size', () => truncateSync(path, 2), true],
    ['chmod', () => chmodSync(path, 0o600), false],
    ['chown', () => chownSync(path, 1, 1), false],
  ] as const) {
    waitForTick();
    change();
    const after = times();
    t.true(after.ctimeNs > before.ctimeNs, `${name}: ctime`);
    t.is(after.mtimeNs > before.mtimeNs, both, `${name}: mtime`);
    before = after;
  }
  readFileSync(path);
  const { mtimeNs, ctimeNs } = times();
  t.deepEqual([mtimeNs, ctimeNs], [before.mtimeNs, before.ctimeNs]);
});

test('chmod and chown set all bits and survive a remount', async (t) => {
  const path = fresh();
  writeFileSync(path, '');
  chownSync(path, 70_001, 70_002);
  chmodSync(path, 0o7751);
  const check = (): void => {
    const { mode, uid, gid } = statSync(path);
    t.deepEqual([mode & 0o7777, uid, gid], [0o7751, 70_001, 70_002]);
  };
  check();
  await backend.remount();
  check();
});

test('statfs counts blocks and inodes that files take and give back', async (t) => {
  closeAll();
  await backend.remount();
  const before = statfsSync(backend.mountpoint);
  t.is(before.blocks * before.bsize <= 64 * 2 ** 20, true);
  t.true(before.bavail <= before.bfree && before.bfree <= before.blocks && before.ffree <= before.files);
  const path = fresh();
  writeFileSync(path, Buffer.alloc(100 * before.bsize, 1));
  const during = statfsSync(backend.mountpoint);
  t.true(before.bfree - during.bfree >= 100 && before.bfree - during.bfree <= 110);
  t.is(before.ffree - during.ffree, 1);
  unlinkSync(path);
  fsyncSync(open(backend.mountpoint, 'r'));
  const after = statfsSync(backend.mountpoint);
  t.deepEqual([after.bfree, after.ffree], [before.bfree, before.ffree]);
});

test('st_blocks counts what a file takes', (t) => {
  const fd = open(fresh());
  t.is(fstatSync(fd).blocks, 0);
  writeSync(fd, Buffer.alloc(10 * 4096, 1));
  t.is(fstatSync(fd).blocks, 80);
  ftruncateSync(fd, 4096);
  t.is(fstatSync(fd).blocks, 8);
});

test('fsync and fdatasync work on files, fsync on folders too', (t) => {
  const fd = open(fresh());
  writeSync(fd, 'x');
  t.notThrows(() => fsyncSync(fd));
  t.notThrows(() => fdatasyncSync(fd));
  t.notThrows(() => fsyncSync(open(backend.mountpoint, 'r')));
});

test('files of several megabytes survive a remount byte for byte', async (t) => {
  const path = fresh();
  const bytes = pattern(9_000_001, 5);
  writeFileSync(path, bytes);
  await backend.remount();
  t.is(Buffer.compare(readFileSync(path), bytes), 0);
  must('cp', [path, join(scratch, 'copy')]);
  t.is(Buffer.compare(readFileSync(join(scratch, 'copy')), bytes), 0);
});

test('a shared mapping and read(2) show the same bytes both ways', (t) => {
  const fd = open(fresh());
  writeSync(fd, pattern(8192, 1));
  const mapping = mapFile(fd, 8192);
  t.is(Buffer.compare(Buffer.from(mapping.bytes), pattern(8192, 1)), 0);
  mapping.bytes.set(Buffer.from('mapped'), 5000);
  const into = Buffer.alloc(6);
  readSync(fd, into, 0, 6, 5000);
  t.is(into.toString(), 'mapped');
  writeSync(fd, 'written', 100);
  t.is(Buffer.from(mapping.bytes.subarray(100, 107)).toString(), 'written');
  mapping.unmap();
});

test('a private mapping never changes the file', (t) => {
  const path = fresh();
  writeFileSync(path, 'original');
  const mapping = mapFile(open(path), 4096, { isPrivate: true });
  mapping.bytes.set(Buffer.from('CHANGED!'));
  mapping.unmap();
  t.is(readFileSync(path, 'utf8'), 'original');
});

test('a program on the volume runs', (t) => {
  const path = fresh();
  copyFileSync('/bin/true', path);
  chmodSync(path, 0o755);
  t.is(run(path, []).code, 0);
});

test('extended attributes are set, listed, read, replaced and removed, and survive a remount', async (t) => {
  const path = fresh();
  writeFileSync(path, '');
  // Prints the outcome of each call in turn.
  const script = (calls: string): string => `
import os, errno
p = ${JSON.stringify(path)}
def ask(call, *words):
    try:
        result = call(p, *words)
        print(result.hex() if isinstance(result, bytes) else result)
    except OSError as e:
        print(errno.errorcode[e.errno])
${calls}
`;
  const changes = script(`
ask(os.setxattr, 'user.a', b'1')
ask(os.setxattr, 'user.a', b'22', os.XATTR_REPLACE)
ask(os.setxattr, 'user.a', b'3', os.XATTR_CREATE)
ask(os.setxattr, 'user.b', b'3', os.XATTR_REPLACE)
ask(os.setxattr, 'trusted.t', bytes(range(200)))
ask(os.setxattr, 'user.gone', b'x')
ask(os.removexattr, 'user.gone')
ask(os.getxattr, 'user.gone')`);
  const reads = script(`
ask(lambda p: sorted(os.listxattr(p)))
ask(os.getxattr, 'user.a')
ask(os.getxattr, 'trusted.t')`);
  const python = (text: string): string[] => must('python3', ['-c', text]).trim().split('\n');
  const outcomes = python(changes);
  t.deepEqual(outcomes, ['None', 'None', 'EEXIST', 'ENODATA', 'None', 'None', 'None', 'ENODATA']);
  const found = python(reads);
  const bytes = Buffer.from(Array.from({ length: 200 }, (_, i) => i)).toString('hex');
  t.deepEqual(found, ["['trusted.t', 'user.a']", '3232', bytes]);
  await backend.remount();
  t.deepEqual(python(reads), found);
});

test('O_DIRECTORY on a file is ENOTDIR and O_NOFOLLOW on a link ELOOP', (t) => {
  const path = fresh();
  writeFileSync(path, '');
  t.throws(() => open(path, constants.O_RDONLY | constants.O_DIRECTORY), { code: 'ENOTDIR' });
  const link = fresh();
  must('ln', ['-s', path, link]);
  t.throws(() => open(link, constants.O_RDONLY | constants.O_NOFOLLOW), { code: 'ELOOP' });
});

test('flock and fcntl locks exclude another process', (t) => {
  const path = fresh();
  writeFileSync(path, '');
  const outcome = run('sh', [
    '-c',
    `exec 9<>${path}; flock -n 9 || exit 3; flock -n ${path} true && exit 4; exit 0`,
  ]);
  t.is(outcome.code, 0, outcome.stderr);
});
