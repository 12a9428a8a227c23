/** What docs/differences.md says of each backend: asserted here, or in the test that is named for its row. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import koffi from 'koffi';
import { MKFS, must, run, VEXFS_FUSE } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';
import { createIndex } from './client/index_calls.js';
import { getMeta, getStats, insert, search, setMeta } from './client/vector_calls.js';
import { ioctlBytes } from './operations/calls.js';

const { test, backend, scratch, fresh, open, vectorFile } = paritySuite({ size: '48M' });
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const INSERTER = fileURLToPath(new URL('./client/inserter.js', import.meta.url));
const libc = koffi.load(null);

/** Where the rows of the page are asserted, by what they begin with: `here`, or a file and part of a title in it. */
const ASSERTED: Readonly<Record<string, 'here' | readonly [file: string, title: string]>> = {
  '`sync(2)`': 'here',
  freezing: 'here',
  'stores through a shared mapping': ['coherence', 'a store through a mapping changes the row for searches'],
  'stores through a shared mapping to a row': [
    'regressions/stores_beside_inserts',
    'rows that are inserted while another of their page is stored',
  ],
  'an appending `write(2)`': [
    'regressions/appends_beside_inserts',
    'rows that O_APPEND writes bring are there whole',
  ],
  'a vector file that somebody has open with O_APPEND': 'here',
  'a `write(2)` of more than 1 MiB': 'here',
  '`RLIMIT_FSIZE`': 'here',
  'inotify and fanotify': 'here',
  'callers with 32-bit addresses': ['compat_callers', 'a 32-bit caller gets ENOTTY'],
  'a caller whose memory the daemon': ['caller_memory', 'pages that cannot be touched are EFAULT'],
  'MANAGE_INDEX with an argument': ['index/refusals', 'MANAGE_INDEX with an argument that cannot be written'],
  'GET_VECTOR_META with a NULL': ['protocol', "late = backend.name === 'fuse'"],
  'stores through a mapping behind': [
    'regressions/stores_behind_the_end',
    'what a mapping stored behind the end of a file',
  ],
  'where a file lies': 'here',
  '`FS_IOC_GETFSLABEL`': 'here',
  '`RWF_NOAPPEND`': ['regressions/write_flags', 'RWF_NOAPPEND writes where it is told'],
  'birth time': 'here',
  '`O_TMPFILE` |': ['operations/links_and_nodes', 'a file of O_TMPFILE has no name'],
  '`SEEK_DATA`': ['operations/space', 'SEEK_DATA and SEEK_HOLE find written blocks'],
  'access times': ['posix/known_differences', 'times: read behind the end'],
  'times outside': ['operations/times', 'a time that cannot be kept'],
  '`fallocate`': ['operations/space', 'other modes are EOPNOTSUPP'],
  '`chattr`': 'here',
  'immutable and append-only': ['posix/known_differences', 'flags: immutable'],
  '`chown(2)`': ['posix/known_differences', 'chown to nobody else'],
  'a suid program': ['posix/known_differences', 'privileges: 4777 with a capability'],
  'times of pipes': ['posix/known_differences', 'open: fifo'],
  '`O_DIRECT`': ['operations/descriptors', 'O_DIRECT reads and writes, aligned or not'],
  '`O_TMPFILE` in a directory': ['posix/known_differences', 'held: removed cwd'],
  '`getxattr`': ['operations/xattrs', 'a label of SELinux that is not there'],
  '`RENAME_WHITEOUT`': ['operations/links_and_nodes', 'RENAME_WHITEOUT, are EINVAL'],
  'truncating the image': 'here',
  'a volume that needs its journal': ['../kernel/mounts', 'dirtyOnReadOnlyDevice'],
  'blocks larger than a page': ['block_sizes/refused', 'are refused with EINVAL'],
  'a volume that is mounted already': ['refused_volumes', 'is neither mounted anew nor formatted'],
  'who serves a mount': ['regressions/signals_of_the_daemon', 'no process serves the mount'],
  'why a mount was refused': ['regressions/background_log', 'to the log of the kernel'],
  "callers' memory": ['held_memory', 'keeps nobody else waiting'],
  'memory for the ids of rows': ['regressions/rows_without_memory', 'rows no memory can name'],
  '`/dev/vss`': ['vss/kernel_module', 'a character device that is root'],
};

/** The tests of a name: a file of tests, or one that they share. */
function source(name: string): string {
  const at = join(ROOT, 'test/parity', name);
  for (const path of [`${at}.test.ts`, `${at}.ts`]) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // It is the other.
    }
  }
  throw new Error(`there are no tests ${name}`);
}

test('each row of the page is asserted by a test, and each test has its row', (t) => {
  const page = readFileSync(join(ROOT, 'docs/differences.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (.*)$/gm)]
    .map(([, row]) => row!)
    .filter((row) => !row.startsWith('what |'));
  const keys = Object.keys(ASSERTED).toSorted((a, b) => b.length - a.length);
  const used = new Set<string>();
  for (const row of rows) {
    const key = keys.find((each) => row.startsWith(each));
    if (key === undefined) t.fail(`nothing asserts: ${row}`);
    else used.add(key);
  }
  t.deepEqual(
    keys.filter((key) => !used.has(key)),
    [],
    'rows that are gone',
  );
  for (const [key, where] of Object.entries(ASSERTED)) {
    if (where !== 'here') t.true(source(where[0]).includes(where[1]), `${key}: ${where.join(': ')}`);
  }
});

test('while a vector file is open with O_APPEND a read past the old end and stat show the rows that are inserted', (t) => {
  const rows = Float32Array.from({ length: 8 }, (_, i) => i);
  const { fd, path } = vectorFile({ dimensions: 8 }, rows);
  open(path, 'a');
  t.is(fstatSync(fd).size, 32);
  t.is(insert(fd, rows, { dimensions: 8 }), 'ok');
  const bytes = Buffer.alloc(32);
  t.is(readSync(fd, bytes, 0, 32, 32), 32);
  t.deepEqual(new Float32Array(new Uint8Array(bytes).buffer), rows);
  t.is(insert(fd, rows, { dimensions: 8 }), 'ok');
  t.is(fstatSync(fd).size, 96);
});

test('a write(2) of 2 MiB over rows of an index is one change to the module, and comes to the daemon in parts', (t) => {
  const d = 1024;
  const rows = new Float32Array(512 * d).fill(1);
  const { fd } = vectorFile({ dimensions: d }, rows);
  t.is(createIndex(fd), 'ok');
  const before = getStats(fd).stats.log_records!;
  t.is(writeSync(fd, new Uint8Array(rows.buffer), 0, rows.byteLength, 0), rows.byteLength);
  // Each change is told of by two records.
  t.is(getStats(fd).stats.log_records! - before, backend.isProcess ? 4 : 2);
});

test('syncfs(2) makes durable what came before it through the module, fsync of a folder on both', async (t) => {
  const path = fresh();
  writeFileSync(path, 'durable');
  const folder = openSync(dirname(path), 'r');
  t.is(libc.func('int syncfs(int fd)')(folder), 0);
  if (backend.isProcess) fsyncSync(folder);
  closeSync(folder);
  await backend.crash();
  await backend.mount();
  t.is(readFileSync(path, 'utf8'), 'durable');
});

test('a volume can be frozen through the module, and is EOPNOTSUPP on FUSE', (t) => {
  const [FIFREEZE, FITHAW] = [0xc0045877, 0xc0045878];
  const folder = openSync(backend.mountpoint, 'r');
  const frozen = ioctlBytes(folder, FIFREEZE, Buffer.alloc(4));
  t.is(frozen, backend.isProcess ? 'EOPNOTSUPP' : 0);
  if (frozen === 0) t.is(ioctlBytes(folder, FITHAW, Buffer.alloc(4)), 0);
  closeSync(folder);
});

test('RLIMIT_FSIZE ends an insert with EFBIG through the module, and is not known on FUSE', (t) => {
  const { path, fd } = vectorFile({ dimensions: 16 });
  const words = [process.execPath, INSERTER, path, '16', '1', '1000', '1'];
  // SIGXFSZ is ignored, as it is by whoever looks at errors.
  const limited = spawnSync('sh', ['-c', 'trap "" XFSZ; ulimit -f 8; exec "$@"', 'sh', ...words], {
    encoding: 'utf8',
  });
  t.is(limited.status, backend.isProcess ? 0 : 1, limited.stderr);
  t.is(limited.stderr.trim(), backend.isProcess ? '' : 'batch 0: EFBIG');
  t.is(getMeta(fd).vectorCount, backend.isProcess ? 1000 : 0);
});

test('an insert is an event of inotify through the module, and none on FUSE', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 });
  const after = fresh();
  writeFileSync(after, '');
  let seen = 0;
  const watchers = [watch(path, () => void seen++)];
  const told = new Promise<void>((resolve) => watchers.push(watch(after, () => resolve())));
  t.is(insert(fd, [1], { dimensions: 1 }), 'ok');
  // Events come in order: when this one is there, so is that of the insert.
  writeFileSync(after, 'after');
  await told;
  for (const watcher of watchers) watcher.close();
  t.is(seen > 0, !backend.isProcess);
});

test('where a file lies, what may be trimmed and which filesystem it is are told through the module, and not on FUSE', (t) => {
  const [FIEMAP, FITRIM, LABEL, UUID] = [0xc020660b, 0xc0185879, 0x81009431, 0x80111500];
  const path = fresh();
  const fd = open(path, 'w+');
  writeSync(fd, 'a');
  fsyncSync(fd);
  const map = Buffer.alloc(32);
  map.writeBigUInt64LE(2n ** 63n, 8);
  t.is(ioctlBytes(fd, FIEMAP, map), backend.isProcess ? 'EOPNOTSUPP' : 0);
  t.is(map.readUInt32LE(20), backend.isProcess ? 0 : 1);
  const number = run('stat', ['-f', '-c', '%i', path]).stdout.trim();
  t.is(number === '0', backend.isProcess);
  const root = openSync(backend.mountpoint, 'r');
  const range = Buffer.alloc(24);
  range.fill(0xff, 8, 16);
  t.is(ioctlBytes(root, FITRIM, range) === 'ENOTTY', backend.isProcess);
  t.is(ioctlBytes(root, LABEL, Buffer.alloc(256)), 'ENOTTY');
  t.is(ioctlBytes(root, UUID, Buffer.alloc(17)), 'ENOTTY');
  closeSync(root);
});

test('statx(2) shows flags and birth time through the module; on FUSE no flags', (t) => {
  const [AT_FDCWD, STATX_BTIME, NODUMP] = [-100, 0x800, 0x40];
  const path = fresh();
  const fd = open(path);
  const flags = Buffer.alloc(8);
  flags.writeUInt32LE(NODUMP);
  t.is(ioctlBytes(fd, 0x40086602, flags), 0);
  const shown = Buffer.alloc(256);
  const statx = libc.func('int statx(int folder, const char *path, int flags, uint mask, void *to)');
  t.is(statx(AT_FDCWD, path, 0, STATX_BTIME | 0x7ff, shown), 0);
  t.is((shown.readUInt32LE(8) & NODUMP) !== 0, !backend.isProcess, 'stx_attributes');
  if (!backend.isProcess) {
    t.is(shown.readUInt32LE(0) & STATX_BTIME, STATX_BTIME);
    t.true(shown.readBigInt64LE(80) > 1_700_000_000n, 'stx_btime');
  }
});

/** The rows are mapped from the image: the module reads them as every filesystem does. */
function testTruncatedImage(t: ExecutionContext): void {
  const [image, mountpoint] = [join(scratch, 'image'), join(scratch, 'image.mnt')];
  must(process.execPath, [MKFS, '-q', '--size', '32M', image]);
  must('mkdir', [mountpoint]);
  must(process.execPath, [VEXFS_FUSE, image, mountpoint]);
  try {
    const fd = openSync(join(mountpoint, 'rows'), 'w+');
    t.is(setMeta(fd, { dimensions: 1024 }), 'ok');
    t.is(insert(fd, new Float32Array(1024 * 1000), { dimensions: 1024 }), 'ok');
    const query = new Float32Array(1024);
    t.is(search(fd, query, { k: 1 }).outcome, 'ok');
    truncateSync(image, 6 << 20);
    t.is(search(fd, query, { k: 1 }).outcome, 'EIO');
    closeSync(fd);
  } finally {
    run('umount', ['-l', mountpoint]);
  }
}

if (backend.isProcess) test('a search of rows that a truncated image has lost is EIO', testTruncatedImage);
