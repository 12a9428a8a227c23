import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { paritySuite } from '../backend/suite.js';
import { mapFile } from '../client/mapping.js';
import {
  copyRange,
  fallocate,
  ioctlBytes,
  KEEP_SIZE,
  makeNode,
  O_TMPFILE,
  PUNCH_HOLE,
  removeXattr,
  setTimes,
  setXattr,
} from './calls.js';
import { asUser, NOBODY } from './other_user.js';
import { waitForTick } from './tick.js';

const { test, fresh, folder, open, close, backend } = paritySuite({ size: '64M' });

const GETFLAGS = 0x80086601;
const SETFLAGS = 0x40086602;
const GETVERSION = 0x80087601;
const FSGETXATTR = 0x801c581f;
const FSSETXATTR = 0x401c5820;
const SYNC = 0x8;
const IMMUTABLE = 0x10;
const APPEND = 0x20;
const NODUMP = 0x40;
const NOATIME = 0x80;

function flagsOf(path: string): number | string {
  const fd = open(path, 'r');
  const word = Buffer.alloc(8);
  const result = ioctlBytes(fd, GETFLAGS, word);
  close(fd);
  return result === 0 ? word.readUInt32LE(0) : result;
}

function setFlags(path: string, flags: number): number | string {
  const fd = open(path, 'r');
  const word = Buffer.alloc(8);
  word.writeUInt32LE(flags, 0);
  const result = ioctlBytes(fd, SETFLAGS, word);
  close(fd);
  return result;
}

/** A file or folder with flags, which are taken away after `body`. */
function withFlags(path: string, flags: number, body: () => void): void {
  if (setFlags(path, flags) !== 0) throw new Error(`the flags ${flags} of ${path} cannot be set`);
  try {
    body();
  } finally {
    setFlags(path, 0);
  }
}

function file(): string {
  const path = fresh();
  writeFileSync(path, 'content');
  return path;
}

test.before('another user may come in', () => {
  chmodSync(backend.mountpoint, 0o755);
  chmodSync(join(backend.mountpoint, '..'), 0o755);
});

test('flags are set and shown by both pairs of ioctls, on files and folders, and survive a remount', async (t) => {
  const [path, dir] = [file(), folder()];
  t.is(flagsOf(path), 0);
  t.is(setFlags(path, NODUMP | NOATIME | SYNC), 0);
  t.is(setFlags(dir, NODUMP), 0);
  await backend.remount();
  t.deepEqual([flagsOf(path), flagsOf(dir)], [NODUMP | NOATIME | SYNC, NODUMP]);
  const attributes = Buffer.alloc(28);
  t.is(ioctlBytes(open(path, 'r'), FSGETXATTR, attributes), 0);
  t.is(attributes.readUInt32LE(0), 0x20 | 0x40 | 0x80);
  t.is(attributes.readUInt32LE(8), 1);
  attributes.writeUInt32LE(0x10, 0);
  t.is(ioctlBytes(open(path, 'r'), FSSETXATTR, attributes), 0);
  t.is(flagsOf(path), APPEND);
  setFlags(path, 0);
});

test('flags that the format does not have are EOPNOTSUPP', (t) => {
  const path = file();
  for (const flag of [0x1, 0x4, 0x800, 0x800000]) t.is(setFlags(path, flag), 'EOPNOTSUPP', `flag ${flag}`);
  t.is(flagsOf(path), 0);
});

test('setting flags changes ctime', (t) => {
  const path = file();
  const before = statSync(path, { bigint: true });
  waitForTick();
  setFlags(path, NODUMP);
  const after = statSync(path, { bigint: true });
  t.true(after.ctimeNs > before.ctimeNs);
  t.is(after.mtimeNs, before.mtimeNs);
});

test('only the owner sets flags, and immutable and append-only only with the capability', (t) => {
  const path = file();
  chmodSync(path, 0o666);
  const script = `
fd = os.open(p[0], os.O_RDONLY)
for flags in [${NODUMP}, ${IMMUTABLE}, ${APPEND}]:
    ask(lambda: fcntl.ioctl(fd, ${SETFLAGS}, struct.pack('Q', flags)) and None)`;
  t.deepEqual(asUser(NOBODY, script, [path]), ['EPERM', 'EPERM', 'EPERM']);
  chownSync(path, NOBODY.uid, NOBODY.gid);
  t.deepEqual(asUser(NOBODY, script, [path]), ['None', 'EPERM', 'EPERM']);
});

test('an immutable file refuses every change with EPERM, and is still read', (t) => {
  const path = file();
  const other = file();
  const writer = open(path);
  setXattr(path, 'user.a', 'x');
  withFlags(path, IMMUTABLE, () => {
    for (const [what, change] of [
      ['open', () => openSync(path, 'r+')],
      ['open to append', () => openSync(path, 'a')],
      ['write', () => writeSync(writer, 'x')],
      ['truncate', () => truncateSync(path, 1)],
      ['chmod', () => chmodSync(path, 0o600)],
      ['chown', () => chownSync(path, 1, 1)],
      ['utimes', () => utimesSync(path, 1, 1)],
      ['link', () => linkSync(path, fresh())],
      ['rename', () => renameSync(path, fresh())],
      ['rename over it', () => renameSync(other, path)],
      ['unlink', () => unlinkSync(path)],
    ] as const) {
      t.throws(change, { code: 'EPERM' }, what);
    }
    t.is(setTimes(path, 'now', 'now'), 'EPERM');
    t.is(setXattr(path, 'user.a', 'y'), 'EPERM');
    t.is(removeXattr(path, 'user.a'), 'EPERM');
    t.is(fallocate(writer, 0, 0, 100), 'EPERM');
    t.is(fallocate(writer, PUNCH_HOLE | KEEP_SIZE, 0, 100), 'EPERM');
    t.is(copyRange(open(other, 'r'), 0, writer, 0, 5), 'EPERM');
    t.is(readFileSync(path, 'utf8'), 'content');
    t.true(existsSync(other));
  });
  writeFileSync(path, 'changed');
  t.is(readFileSync(path, 'utf8'), 'changed');
});

test('what a mapping changed before a file became immutable is still stored', async (t) => {
  const path = file();
  const fd = open(path);
  const mapping = mapFile(fd, 4096);
  mapping.bytes.set(Buffer.from('CONTENT'));
  t.is(setFlags(path, IMMUTABLE), 0);
  mapping.sync();
  mapping.unmap();
  close(fd);
  setFlags(path, 0);
  await backend.remount();
  t.is(readFileSync(path, 'utf8'), 'CONTENT');
});

test('an append-only file grows at its end and nothing else', (t) => {
  const path = file();
  const writer = open(path);
  withFlags(path, APPEND, () => {
    appendFileSync(path, ' more');
    t.is(readFileSync(path, 'utf8'), 'content more');
    for (const [what, change] of [
      ['open to write', () => openSync(path, 'r+')],
      ['O_TRUNC', () => openSync(path, 'w')],
      ['truncate', () => truncateSync(path, 1)],
      ['chmod', () => chmodSync(path, 0o600)],
      ['chown', () => chownSync(path, 1, 1)],
      ['utimes', () => utimesSync(path, 1, 1)],
      ['link', () => linkSync(path, fresh())],
      ['rename', () => renameSync(path, fresh())],
      ['unlink', () => unlinkSync(path)],
    ] as const) {
      t.throws(change, { code: 'EPERM' }, what);
    }
    t.is(setTimes(path, 'now', 'now'), 0);
    t.is(setXattr(path, 'user.a', 'y'), 'EPERM');
    t.is(fallocate(writer, KEEP_SIZE, 0, 10_000), 0);
    t.is(fallocate(writer, PUNCH_HOLE | KEEP_SIZE, 0, 100), 'EPERM');
    t.is(readFileSync(path, 'utf8'), 'content more');
  });
});

test('the names in an immutable folder stay as they are; an append-only one takes new ones', (t) => {
  const path = folder();
  const outside = file();
  const inside = join(path, 'inside');
  writeFileSync(inside, 'x');
  mkdirSync(join(path, 'sub'));
  const adding: Array<[string, () => unknown]> = [
    ['create', () => writeFileSync(join(path, 'new'), '')],
    ['mkdir', () => mkdirSync(join(path, 'newdir'))],
    ['symlink', () => symlinkSync('x', join(path, 'newlink'))],
    ['link', () => linkSync(outside, join(path, 'hard'))],
    ['mknod', () => expectNode(makeNode(join(path, 'pipe'), 0o010644))],
    ['rename into it', () => renameSync(outside, join(path, 'moved'))],
  ];
  const removing: Array<[string, () => unknown]> = [
    ['unlink', () => unlinkSync(inside)],
    ['rmdir', () => rmdirSync(join(path, 'sub'))],
    ['rename', () => renameSync(inside, join(path, 'renamed'))],
    ['rename out of it', () => renameSync(inside, fresh())],
  ];
  withFlags(path, IMMUTABLE, () => {
    for (const [what, change] of [...adding, ...removing]) t.throws(change, { message: /EPERM/ }, what);
    t.throws(() => open(path, O_TMPFILE | 2), { code: 'EPERM' });
    writeFileSync(inside, 'the content may change');
  });
  withFlags(path, APPEND, () => {
    for (const [what, change] of removing) t.throws(change, { message: /EPERM/ }, what);
    for (const [what, change] of adding) t.notThrows(change, what);
  });
  t.deepEqual(readdirSync(path).toSorted(), [
    'hard',
    'inside',
    'moved',
    'new',
    'newdir',
    'newlink',
    'pipe',
    'sub',
  ]);
});

function expectNode(result: number | string): void {
  if (result !== 0) throw new Error(`${result}`);
}

test('nodump and noatime go down to what is made in a folder, immutable and append-only do not', (t) => {
  const path = folder();
  t.is(setFlags(path, NODUMP | NOATIME | APPEND), 0);
  writeFileSync(join(path, 'file'), '');
  mkdirSync(join(path, 'sub'));
  t.deepEqual(
    [flagsOf(join(path, 'file')), flagsOf(join(path, 'sub'))],
    [NODUMP | NOATIME, NODUMP | NOATIME],
  );
  setFlags(path, 0);
});

test('reading a noatime file leaves its atime', async (t) => {
  const [plain, quiet] = [file(), file()];
  setFlags(quiet, NOATIME);
  for (const path of [plain, quiet]) utimesSync(path, 1000, 2000);
  await backend.remount();
  for (const path of [plain, quiet]) readFileSync(path);
  await backend.remount();
  t.is(statSync(quiet).atimeMs, 1_000_000);
  t.true(statSync(plain).atimeMs > 1_000_000);
});

test('FS_IOC_GETVERSION tells the generation of a file or folder, which another inode of that number does not share', (t) => {
  const version = (path: string): number => {
    const fd = open(path, 'r');
    const word = Buffer.alloc(8);
    t.is(ioctlBytes(fd, GETVERSION, word), 0);
    close(fd);
    return word.readUInt32LE(0);
  };
  const path = file();
  const before = version(path);
  t.is(version(path), before);
  writeFileSync(path, 'other content');
  t.is(version(path), before, 'a change is no other file');
  const { ino } = statSync(path);
  unlinkSync(path);
  writeFileSync(path, 'another');
  t.true(statSync(path).ino !== ino || version(path) !== before);
  t.is(typeof version(folder()), 'number');
});
