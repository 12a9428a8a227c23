import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { paritySuite } from '../backend/suite.js';
import { mapFile } from '../client/mapping.js';
import { setTimes } from './calls.js';
import { asUser, NOBODY } from './other_user.js';
import { waitForTick } from './tick.js';

const { test, fresh, folder, open, backend } = paritySuite({ size: '64M' });

test.before('another user may come in', () => {
  chmodSync(backend.mountpoint, 0o755);
  chmodSync(join(backend.mountpoint, '..'), 0o755);
});

interface Times {
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
}

function times(path: string): Times {
  const { atimeNs, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
  return { atime: atimeNs, mtime: mtimeNs, ctime: ctimeNs };
}

/** The letters of the times that a change moved forward: `mc` for mtime and ctime. */
function moved(path: string, change: () => void): string {
  const before = times(path);
  waitForTick();
  change();
  const after = times(path);
  return (['atime', 'mtime', 'ctime'] as const)
    .filter((name) => after[name] > before[name])
    .map((name) => name[0])
    .join('');
}

function file(content = 'content'): string {
  const path = fresh();
  writeFileSync(path, content);
  return path;
}

/** Times long gone, so that a read counts under relatime. */
function age(path: string): void {
  setTimes(path, { seconds: 1000, nanoseconds: 0 }, { seconds: 2000, nanoseconds: 0 });
}

test('every call that changes a file moves the times that POSIX names', (t) => {
  const path = file();
  const fd = open(path);
  t.is(
    moved(path, () => writeSync(fd, 'x')),
    'mc',
    'write',
  );
  t.is(
    moved(path, () => ftruncateSync(fd, 3)),
    'mc',
    'ftruncate',
  );
  t.is(
    moved(path, () => truncateSync(path, 3)),
    'mc',
    'truncate to the same size',
  );
  t.is(
    moved(path, () => closeSync(openSync(path, 'w'))),
    'mc',
    'O_TRUNC',
  );
  t.is(
    moved(path, () => closeSync(openSync(path, 'w'))),
    'mc',
    'O_TRUNC of an empty file',
  );
  t.is(
    moved(path, () => closeSync(openSync(path, 'a'))),
    '',
    'open',
  );
  t.is(
    moved(path, () => chmodSync(path, 0o600)),
    'c',
    'chmod',
  );
  t.is(
    moved(path, () => linkSync(path, `${path}2`)),
    'c',
    'link',
  );
  t.is(
    moved(path, () => unlinkSync(`${path}2`)),
    'c',
    'unlink of another name',
  );
  t.is(
    moved(path, () => existsSync(path)),
    '',
    'access',
  );
});

test('every call that changes a folder moves its times', (t) => {
  const path = folder();
  const inside = join(path, 'x');
  t.is(
    moved(path, () => writeFileSync(inside, '')),
    'mc',
    'create',
  );
  t.is(
    moved(path, () => writeFileSync(inside, 'again')),
    '',
    'write below',
  );
  t.is(
    moved(path, () => chmodSync(inside, 0o600)),
    '',
    'chmod below',
  );
  t.is(
    moved(path, () => symlinkSync('x', join(path, 's'))),
    'mc',
    'symlink',
  );
  t.is(
    moved(path, () => unlinkSync(inside)),
    'mc',
    'unlink',
  );
  t.is(
    moved(path, () => mkdirSync(join(path, 'd'))),
    'mc',
    'mkdir',
  );
  t.is(
    moved(path, () => rmdirSync(join(path, 'd'))),
    'mc',
    'rmdir',
  );
});

test('reading a file, a folder and a link sets atime when it is older than mtime, and then not again', async (t) => {
  const [plain, dir, link] = [file(), folder(), fresh()];
  writeFileSync(join(dir, 'entry'), '');
  symlinkSync('target', link);
  for (const path of [plain, dir, link]) age(path);
  await backend.remount();
  const reads: Array<[string, () => unknown]> = [
    [plain, () => readFileSync(plain)],
    [dir, () => readdirSync(dir)],
    [link, () => readlinkSync(link)],
  ];
  for (const [path, read] of reads) {
    t.is(
      moved(path, () => void read()),
      'a',
      path,
    );
    t.is(
      moved(path, () => void read()),
      '',
      `${path} again`,
    );
  }
});

test('a store through a mapping moves mtime and ctime by the time msync returns', (t) => {
  const path = file('x'.repeat(8192));
  const fd = open(path);
  const mapping = mapFile(fd, 8192);
  age(path);
  const changed = moved(path, () => {
    mapping.bytes[5000] = 1;
    mapping.sync();
  });
  mapping.unmap();
  t.is(changed, 'mc');
});

test('utimensat sets one time, both, neither or the time of the call', (t) => {
  const path = file();
  age(path);
  const set = times(path);
  t.deepEqual([set.atime, set.mtime], [1000n * 10n ** 9n, 2000n * 10n ** 9n]);
  t.is(setTimes(path, { seconds: 7, nanoseconds: 999_999_999 }, 'omit'), 0);
  t.deepEqual([times(path).atime, times(path).mtime], [7_999_999_999n, 2000n * 10n ** 9n]);
  t.is(setTimes(path, 'omit', { seconds: 8, nanoseconds: 1 }), 0);
  t.deepEqual([times(path).atime, times(path).mtime], [7_999_999_999n, 8_000_000_001n]);
  t.is(
    moved(path, () => void setTimes(path, 'omit', 'omit')),
    '',
  );
  t.is(
    moved(path, () => void setTimes(path, 'now', 'omit')),
    'ac',
  );
  t.is(
    moved(path, () => void setTimes(path, 'now', 'now')),
    'amc',
  );
  t.is(setTimes(path, { seconds: 1, nanoseconds: 1_000_000_000 }, 'omit'), 'EINVAL');
});

test('times before 1901 and after 2446 are kept', async (t) => {
  const moments = [-1, -(2 ** 31) - 1, -(2 ** 40), 0, 2 ** 31, 2 ** 34, 2 ** 40, 2 ** 50];
  const paths = moments.map(() => file());
  for (const [i, seconds] of moments.entries()) {
    const [atime, mtime] = [1, 999_999_999].map((nanoseconds) => ({ seconds, nanoseconds }));
    t.is(setTimes(paths[i]!, atime!, mtime!), 0);
  }
  const check = (): void => {
    moments.forEach((seconds, i) => {
      const { atime, mtime } = times(paths[i]!);
      const wanted = BigInt(seconds) * 10n ** 9n;
      t.deepEqual([atime, mtime], [wanted + 1n, wanted + 999_999_999n], `${seconds}`);
    });
  };
  check();
  await backend.remount();
  check();
});

test('a time that cannot be kept becomes the nearest that can', (t) => {
  const path = file();
  const largest = 2 ** 53 - 1;
  t.is(setTimes(path, { seconds: 2 ** 62, nanoseconds: 0 }, { seconds: -(2 ** 62), nanoseconds: 0 }), 0);
  const script = `
s = os.stat(p[0])
print(s.st_atime_ns // 10**9, s.st_mtime_ns // 10**9)`;
  t.deepEqual(asUser(NOBODY, script, [path]), [`${largest} ${-largest}`]);
});

test('only who owns a file sets any time, who may write it the time of the call', (t) => {
  const path = file();
  chmodSync(path, 0o666);
  const script = `
ask(os.utime, p[0], (1, 1))
ask(os.utime, p[0])`;
  t.deepEqual(asUser(NOBODY, script, [path]), ['EPERM', 'None']);
  chmodSync(path, 0o644);
  t.deepEqual(asUser(NOBODY, script, [path]), ['EPERM', 'EACCES']);
  t.true(statSync(path).mtimeMs > 1_000_000);
});
