import {
  chmodSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  readFileSync,
  readSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { MAP_ANONYMOUS, MAP_PRIVATE, memoryAt, mmap, PROT_READ, PROT_WRITE } from '@vexfs/fuse/system';
import { must, run } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { mapFile } from '../client/mapping.js';
import { lockFile } from './calls.js';
import { asUser, NOBODY } from './other_user.js';
import { RandomOperations } from './random_operations.js';

const { test, fresh, open, close, backend } = paritySuite({ size: '64M' });

const [LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN] = [1, 2, 4, 8];
const PAGE = 4096;

/** Page-aligned memory, as O_DIRECT may want it. */
function aligned(length: number): Buffer {
  const address = mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const { bytes } = memoryAt(address, length);
  return Buffer.from(bytes.buffer, bytes.byteOffset, length);
}

test.before('another user may come in', () => {
  chmodSync(backend.mountpoint, 0o755);
  chmodSync(join(backend.mountpoint, '..'), 0o755);
});

test('flock holds between open files, shared and exclusive', (t) => {
  const path = fresh();
  const [a, b] = [open(path), open(path)];
  t.is(lockFile(a, LOCK_SH | LOCK_NB), 0);
  t.is(lockFile(b, LOCK_SH | LOCK_NB), 0);
  t.is(lockFile(a, LOCK_EX | LOCK_NB), 'EAGAIN');
  t.is(lockFile(b, LOCK_UN), 0);
  t.is(lockFile(a, LOCK_EX | LOCK_NB), 0);
  t.is(lockFile(b, LOCK_SH | LOCK_NB), 'EAGAIN');
  t.is(run('flock', ['-n', path, 'true']).code, 1);
  close(a);
  t.is(lockFile(b, LOCK_EX | LOCK_NB), 0);
});

test('POSIX locks hold between processes, byte by byte, and go with the process', (t) => {
  const path = fresh();
  writeFileSync(path, 'x'.repeat(100));
  const script = `
fd = os.open(p[0], os.O_RDWR)
ask(fcntl.lockf, fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
sys.stdout.flush()
child = os.fork()
if child == 0:
    other = os.open(p[0], os.O_RDWR)
    ask(fcntl.lockf, other, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 0)
    ask(fcntl.lockf, other, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 14)
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
ask(fcntl.lockf, fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 0)`;
  chmodSync(path, 0o666);
  const lines = asUser(NOBODY, script, [path]);
  t.deepEqual(lines.toSorted(), ['EAGAIN', 'None', 'None', 'None']);
});

test('O_DIRECT reads and writes, aligned or not, agree with the page cache', (t) => {
  const path = fresh();
  const direct = open(path, constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT);
  const cached = open(path);
  const block = aligned(PAGE * 4);
  block.fill(0x61);
  t.is(writeSync(direct, block, 0, PAGE * 4, 0), PAGE * 4);
  t.is(readFileSync(path, 'latin1'), 'a'.repeat(PAGE * 4));
  writeSync(cached, 'cached', PAGE + 7);
  t.is(readSync(direct, block, 0, PAGE, PAGE), PAGE);
  t.is(block.toString('latin1', 0, 14), 'aaaaaaacacheda');
  writeSync(direct, 'unaligned', 3);
  t.is(readFileSync(path, 'latin1').slice(0, 13), 'aaaunaligneda');
  const into = Buffer.alloc(100);
  t.is(readSync(direct, into, 0, 100, PAGE * 4 - 10), 10);
  t.is(readSync(direct, into, 0, 100, PAGE * 4), 0);
  const mapping = mapFile(cached, PAGE);
  mapping.bytes.set(Buffer.from('mapped'), 100);
  t.is(readSync(direct, block, 0, PAGE, 0), PAGE);
  t.is(block.toString('latin1', 100, 106), 'mapped');
  mapping.unmap();
});

test('a private mapping keeps its stores to itself, a shared one shows those of others', (t) => {
  const path = fresh();
  writeFileSync(path, 'o'.repeat(PAGE * 2));
  const fd = open(path);
  const [own, first, second] = [
    mapFile(fd, PAGE * 2, { isPrivate: true }),
    mapFile(fd, PAGE * 2),
    mapFile(fd, PAGE * 2),
  ];
  own.bytes[0] = 0x70;
  first.bytes[1] = 0x71;
  t.deepEqual([first.bytes[0], second.bytes[1], own.bytes[0]], [0x6f, 0x71, 0x70]);
  for (const mapping of [own, first, second]) mapping.unmap();
  t.is(readFileSync(path, 'latin1').slice(0, 3), 'oqo');
});

test('a store to a hole of a mapped file takes a block when it is written back', (t) => {
  const fd = open(fresh());
  ftruncateSync(fd, PAGE * 100);
  const mapping = mapFile(fd, PAGE * 100);
  mapping.bytes[PAGE * 50] = 1;
  mapping.sync();
  t.is(fstatSync(fd).blocks, 8);
  mapping.unmap();
});

test('a mapping of a read-only descriptor cannot be shared for writing: EACCES', (t) => {
  const path = fresh();
  writeFileSync(path, 'x');
  t.throws(() => mapFile(open(path, 'r'), PAGE), { code: 'EACCES' });
});

test('files reach 16 TiB and beyond, sparse, up to the last byte', async (t) => {
  const path = fresh();
  const fd = open(path);
  const end = 2 ** 44;
  t.is(writeSync(fd, 'z', end - 1), 1);
  t.is(fstatSync(fd).size, end);
  t.is(writeSync(fd, 'yy', end - 1), 2);
  t.is(fstatSync(fd).size, end + 1);
  t.true(fstatSync(fd).blocks <= 3 * 8);
  ftruncateSync(fd, 2 ** 52);
  t.throws(() => ftruncateSync(fd, 2 ** 52 + 1), { code: 'EFBIG' });
  const into = Buffer.alloc(4);
  t.is(readSync(fd, into, 0, 4, end - 2), 4);
  t.is(into.toString('latin1'), '\0yy\0');
  close(fd);
  await backend.remount();
  t.is(statSync(path).size, 2 ** 52);
  ftruncateSync(open(path), 0);
});

test('a write that RLIMIT_FSIZE forbids is EFBIG, one that crosses it is cut', (t) => {
  const path = fresh();
  writeFileSync(path, '');
  chmodSync(path, 0o666);
  const script = `
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
fd = os.open(p[0], os.O_RDWR)
ask(os.pwrite, fd, b'x' * 100, 950)
ask(os.pwrite, fd, b'x', 1000)
ask(os.ftruncate, fd, 1001)`;
  t.deepEqual(asUser(NOBODY, script, [path]), ['50', 'EFBIG', 'EFBIG']);
});

test('fsync, fdatasync and fsync of a folder make what came before durable', async (t) => {
  const dir = fresh('.d');
  mkdirSync(dir);
  const fd = open(join(dir, 'file'));
  writeSync(fd, 'data');
  fdatasyncSync(fd);
  renameSync(join(dir, 'file'), join(dir, 'renamed'));
  fsyncSync(open(dir, 'r'));
  await backend.crash();
  await backend.mount();
  t.is(readFileSync(join(dir, 'renamed'), 'utf8'), 'data');
});

test('access(2) says what the bits allow, and a sticky folder guards the names of others', (t) => {
  const dir = fresh('.d');
  mkdirSync(dir);
  chmodSync(dir, 0o1777);
  const path = join(dir, 'of-root');
  writeFileSync(path, 'x');
  chmodSync(path, 0o646);
  const script = `
ask(os.access, p[0], os.R_OK | os.W_OK)
ask(os.access, p[0], os.X_OK)
ask(os.unlink, p[0])
ask(os.rename, p[0], p[0] + '2')
ask(lambda: os.close(os.open(p[0] + '3', os.O_CREAT, 0o600)))
ask(os.unlink, p[0] + '3')`;
  t.deepEqual(asUser(NOBODY, script, [path]), ['True', 'False', 'EPERM', 'EPERM', 'None', 'None']);
});

test('a folder with sgid hands down its group, and strangers get no sgid programs of it', (t) => {
  const dir = fresh('.d');
  mkdirSync(dir);
  must('chown', ['0:4242', dir]);
  chmodSync(dir, 0o2777);
  const script = `
def show(name):
    s = os.stat(p[0] + '/' + name)
    print(oct(s.st_mode & 0o7777), s.st_gid)
os.close(os.open(p[0] + '/program', os.O_CREAT, 0o2775))
show('program')
os.mkdir(p[0] + '/sub', 0o755)
show('sub')
os.mknod(p[0] + '/pipe', stat.S_IFIFO | 0o2770)
show('pipe')
os.close(os.open(p[0] + '/marked', os.O_CREAT, 0o2765))
show('marked')`;
  t.deepEqual(asUser(NOBODY, script, [dir]), ['0o775 4242', '0o2755 4242', '0o770 4242', '0o2765 4242']);
});

test('chmod by a stranger to the group takes sgid away', (t) => {
  const path = fresh();
  writeFileSync(path, '');
  must('chown', [`${NOBODY.uid}:4242`, path]);
  asUser(NOBODY, 'os.chmod(p[0], 0o2755)', [path]);
  t.is(statSync(path).mode & 0o7777, 0o755);
  asUser({ ...NOBODY, groups: [4242] }, 'os.chmod(p[0], 0o2755)', [path]);
  t.is(statSync(path).mode & 0o7777, 0o2755);
});

test('statvfs tells block size, name length and the flags of the mount', async (t) => {
  const { bsize } = statfsSync(backend.mountpoint);
  const shown = (): string[] =>
    must('python3', [
      '-c',
      `import os; s = os.statvfs('${backend.mountpoint}'); print(s.f_bsize, s.f_frsize, s.f_namemax, s.f_flag & os.ST_RDONLY)`,
    ])
      .trim()
      .split(' ');
  t.deepEqual(shown(), [`${bsize}`, `${bsize}`, '255', '0']);
  await backend.remount(['ro']);
  t.deepEqual(shown(), [`${bsize}`, `${bsize}`, '255', '1']);
  await backend.remount();
});

test('random operations whose ranges are whole blocks agree with a model', async (t) => {
  const run = new RandomOperations({
    seed: 11,
    operations: 600,
    paths: [fresh(), fresh()],
    largest: 262_144,
    alignment: PAGE,
  });
  await t.notThrowsAsync(() => run.start());
});
