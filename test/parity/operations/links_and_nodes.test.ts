import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { must } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import {
  EXCHANGE,
  linkDescriptor,
  makeNode,
  NOREPLACE,
  O_TMPFILE,
  rename2,
  setXattr,
  WHITEOUT,
} from './calls.js';
import { asUser, NOBODY } from './other_user.js';
import { waitForTick } from './tick.js';

const { test, fresh, folder, open, close, backend } = paritySuite({ size: '64M' });

test.before('another user may come in', () => {
  chmodSync(backend.mountpoint, 0o755);
  chmodSync(join(backend.mountpoint, '..'), 0o755);
});

function file(content: string): string {
  const path = fresh();
  writeFileSync(path, content);
  return path;
}

test('RENAME_NOREPLACE is EEXIST for a name that is there, and a rename otherwise', (t) => {
  const [a, b, c] = [file('a'), file('b'), fresh()];
  t.is(rename2(a, b, NOREPLACE), 'EEXIST');
  t.is(rename2(a, a, NOREPLACE), 'EEXIST');
  t.is(rename2(a, c, NOREPLACE), 0);
  t.deepEqual([existsSync(a), readFileSync(c, 'utf8')], [false, 'a']);
});

test('RENAME_EXCHANGE swaps two names of any type, and folders keep count of their folders', (t) => {
  const [left, right] = [folder(), folder()];
  mkdirSync(join(left, 'x'));
  writeFileSync(join(left, 'x/in'), 'folder');
  writeFileSync(join(right, 'y'), 'file');
  t.is(rename2(join(left, 'x'), join(right, 'y'), EXCHANGE), 0);
  t.is(readFileSync(join(left, 'x'), 'utf8'), 'file');
  t.is(readFileSync(join(right, 'y/in'), 'utf8'), 'folder');
  t.deepEqual([statSync(left).nlink, statSync(right).nlink], [2, 3]);
  t.is(statSync(join(right, 'y/..')).ino, statSync(right).ino);
  t.is(rename2(join(left, 'x'), join(left, 'missing'), EXCHANGE), 'ENOENT');
  t.is(rename2(right, join(right, 'y'), EXCHANGE), 'EINVAL');
  t.is(rename2(join(right, 'y'), right, EXCHANGE), 'EINVAL');
});

test('flags that do not go together, and RENAME_WHITEOUT, are EINVAL', (t) => {
  const [a, b] = [file('a'), file('b')];
  for (const flags of [NOREPLACE | EXCHANGE, WHITEOUT, WHITEOUT | EXCHANGE, 8, 0x80]) {
    t.is(rename2(a, b, flags), 'EINVAL', `flags ${flags}`);
  }
});

test('a rename changes times of both folders and ctime of what moves and of what goes', (t) => {
  const [from, to] = [folder(), folder()];
  const [moving, going] = [join(from, 'm'), join(to, 'g')];
  writeFileSync(moving, 'm');
  writeFileSync(going, 'g');
  const second = fresh();
  linkSync(going, second);
  const times = (path: string): bigint[] => {
    const { mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [mtimeNs, ctimeNs];
  };
  const before = [times(from), times(to), times(moving), times(second)] as const;
  waitForTick();
  renameSync(moving, going);
  const after = [times(from), times(to), times(going), times(second)] as const;
  for (const i of [0, 1] as const) t.true(after[i][0]! > before[i][0]! && after[i][1]! > before[i][1]!);
  for (const i of [2, 3] as const) {
    t.is(after[i][0], before[i][0]);
    t.true(after[i][1]! > before[i][1]!);
  }
  t.is(statSync(second).nlink, 1);
});

test('a file of O_TMPFILE has no name and no link until it is linked, and is gone when it is not', async (t) => {
  const dir = folder();
  const before = statfsSync(backend.mountpoint).ffree;
  const fd = open(dir, O_TMPFILE | constants.O_RDWR);
  writeSync(fd, 'unnamed');
  t.deepEqual(readdirSync(dir), []);
  t.is(Number(must('stat', ['-L', '-c', '%h', `/proc/${process.pid}/fd/${fd}`])), 0);
  const path = join(dir, 'named');
  t.is(linkDescriptor(fd, path), 0);
  t.is(linkDescriptor(fd, path), 'EEXIST');
  t.deepEqual([readFileSync(path, 'utf8'), statSync(path).nlink], ['unnamed', 1]);
  close(fd);
  const second = open(dir, O_TMPFILE | constants.O_RDWR);
  writeSync(second, Buffer.alloc(100_000, 1));
  close(second);
  await backend.remount();
  t.is(readFileSync(path, 'utf8'), 'unnamed');
  t.is(statfsSync(backend.mountpoint).ffree, before - 1);
});

test('with O_EXCL an unnamed file cannot be linked, nor can a file whose last name is gone', (t) => {
  const dir = folder();
  const unnamed = open(dir, O_TMPFILE | constants.O_RDWR | constants.O_EXCL);
  t.is(linkDescriptor(unnamed, join(dir, 'x')), 'ENOENT');
  const path = file('x');
  const fd = open(path);
  unlinkSync(path);
  t.is(linkDescriptor(fd, path), 'ENOENT');
  t.throws(() => open(dir, O_TMPFILE), { code: 'EINVAL' });
});

test('unnamed files are gone after a crash, linked ones stay', async (t) => {
  const dir = folder();
  const [lost, kept] = [0, 1].map(() => openSync(dir, O_TMPFILE | constants.O_RDWR)) as [number, number];
  for (const fd of [lost, kept]) writeSync(fd, Buffer.alloc(50_000, 7));
  t.is(linkDescriptor(kept, join(dir, 'kept')), 0);
  must('sync', [join(dir, 'kept')]);
  const { ffree } = statfsSync(backend.mountpoint);
  await backend.crash();
  for (const fd of [lost, kept]) {
    try {
      closeSync(fd);
    } catch (error) {
      // The file is closed all the same; only its mount is gone.
      if ((error as NodeJS.ErrnoException).code !== 'ENOTCONN') throw error;
    }
  }
  await backend.mount();
  t.is(statSync(join(dir, 'kept')).size, 50_000);
  t.is(statfsSync(backend.mountpoint).ffree, ffree + 1);
});

test('a file takes 65,000 links and no more: EMLINK', (t) => {
  const dir = folder();
  const path = join(dir, 'first');
  writeFileSync(path, 'x');
  for (let i = 1; i < 65_000; i++) linkSync(path, join(dir, `${i}`));
  t.is(statSync(path).nlink, 65_000);
  t.throws(() => linkSync(path, join(dir, 'more')), { code: 'EMLINK' });
  unlinkSync(join(dir, '1'));
  linkSync(path, join(dir, 'more'));
  t.is(statSync(path).nlink, 65_000);
  must('rm', ['-r', dir], 60_000);
});

test('devices keep every number that fits, pipes and sockets need none', async (t) => {
  const cases = [
    [0o020000, 1, 3],
    [0o060000, 8, 0],
    [0o020000, 4095, 1_048_575],
    [0o060000, 255, 256],
    [0o010000, 0, 0],
    [0o140000, 0, 0],
  ] as const;
  const device = (major: number, minor: number): number =>
    (minor & 0xff) + (major & 0xfff) * 0x100 + (minor >> 8) * 0x100000;
  const paths = cases.map(() => fresh());
  for (const [i, [type, major, minor]] of cases.entries())
    t.is(makeNode(paths[i]!, type | 0o640, device(major, minor)), 0);
  await backend.remount();
  cases.forEach(([type, major, minor], i) => {
    const { mode, rdev, nlink, size } = lstatSync(paths[i]!);
    t.deepEqual([mode & 0o170000, rdev, nlink, size], [type, device(major, minor), 1, 0]);
  });
  t.is(must('sh', ['-c', `head -c 3 < ${paths[0]} | wc -c`]).trim(), '0');
});

test('another user makes pipes and sockets, but no devices', (t) => {
  const dir = folder();
  chmodSync(dir, 0o777);
  const script = `
ask(os.mknod, p[0] + '/pipe', stat.S_IFIFO | 0o600)
ask(os.mknod, p[0] + '/socket', stat.S_IFSOCK | 0o600)
ask(os.mknod, p[0] + '/device', stat.S_IFCHR | 0o600, os.makedev(1, 3))`;
  t.deepEqual(asUser(NOBODY, script, [dir]), ['None', 'None', 'EPERM']);
});

test('a pipe carries data, and a socket can be bound and reached', async (t) => {
  const pipe = fresh();
  t.is(makeNode(pipe, 0o010644), 0);
  t.is(must('sh', ['-c', `echo through > ${pipe} & cat ${pipe}; wait`]).trim(), 'through');
  const path = fresh();
  const server = createServer((socket) => socket.end('hello'));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.true(lstatSync(path).isSocket());
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test('a symbolic link holds 1 to 4095 bytes of any kind; none is ENOENT, more ENAMETOOLONG', (t) => {
  for (const length of [1, 112, 113, 4095]) {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => 1 + ((i * 7) % 255)));
    const link = fresh();
    symlinkSync(bytes, link);
    t.deepEqual(readlinkSync(link, { encoding: 'buffer' }), bytes);
    t.is(lstatSync(link).mode & 0o7777, 0o777);
  }
  t.throws(() => symlinkSync('', fresh()), { code: 'ENOENT' });
  t.throws(() => symlinkSync('x'.repeat(4096), fresh()), { code: 'ENAMETOOLONG' });
});

test('40 links in a row are followed, 41 are ELOOP', (t) => {
  const dir = folder();
  writeFileSync(join(dir, '0'), 'end');
  for (let i = 1; i <= 41; i++) symlinkSync(`${i - 1}`, join(dir, `${i}`));
  t.is(readFileSync(join(dir, '40'), 'utf8'), 'end');
  t.throws(() => readFileSync(join(dir, '41')), { code: 'ELOOP' });
});

test('links to links, pipes and devices, but not to folders', (t) => {
  const pipe = fresh();
  makeNode(pipe, 0o010644);
  const [second, link, alias] = [fresh(), fresh(), fresh()];
  linkSync(pipe, second);
  t.is(statSync(pipe).nlink, 2);
  symlinkSync('nowhere', link);
  linkSync(link, alias);
  t.deepEqual([readlinkSync(alias), lstatSync(link).nlink], ['nowhere', 2]);
  t.throws(() => linkSync(folder(), fresh()), { code: 'EPERM' });
});

test('a file keeps its attributes and content through rename and link', (t) => {
  const path = file('content');
  setXattr(path, 'user.a', 'x');
  const [moved, linked] = [fresh(), fresh()];
  renameSync(path, moved);
  linkSync(moved, linked);
  unlinkSync(moved);
  const into = Buffer.alloc(7);
  readSync(open(linked, 'r'), into);
  t.is(into.toString(), 'content');
  t.is(statSync(linked).nlink, 1);
});

test('2,000 folders in each other can be made, moved as one, walked up and removed', (t) => {
  const top = folder();
  const start = process.cwd();
  process.chdir(top);
  try {
    for (let i = 0; i < 2000; i++) {
      mkdirSync('deeper');
      process.chdir('deeper');
    }
    const moved = folder();
    rmdirSync(moved);
    renameSync(join(top, 'deeper'), moved);
    for (let i = 0; i < 1999; i++) process.chdir('..');
    t.is(statSync('.').ino, statSync(moved).ino);
    t.is(statSync('..').ino, statSync(backend.mountpoint).ino);
  } finally {
    process.chdir(start);
  }
  must(
    'rm',
    ['-r', ...readdirSync(backend.mountpoint).map((name) => join(backend.mountpoint, name))],
    60_000,
  );
});

test('a path of PATH_MAX - 1 bytes is found, one more is ENAMETOOLONG', (t) => {
  const top = folder();
  const name = 'n'.repeat(200);
  let path = top;
  while (path.length + name.length + 2 < 4000) {
    path = join(path, name);
    mkdirSync(path);
  }
  const longest = join(path, 'z'.repeat(4095 - path.length - 1));
  writeFileSync(longest, 'x');
  t.is(longest.length, 4095);
  t.is(readFileSync(longest, 'utf8'), 'x');
  t.throws(() => statSync(`${longest}z`), { code: 'ENAMETOOLONG' });
});
