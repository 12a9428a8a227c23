import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  opendirSync,
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
import { join } from 'node:path';
import { must, run } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';
import { waitForTick } from './operations/tick.js';

const { test, fresh, folder, open, close, closeAll, backend } = paritySuite({
  size: '64M',
  mkfs: ['-N', '12000'],
});

test('a new file is empty, has one link, the mode asked for without the umask, and fresh times', (t) => {
  const path = fresh();
  const before = Date.now();
  const mask = process.umask(0o022);
  try {
    closeSync(openSync(path, 'wx', 0o667));
  } finally {
    process.umask(mask);
  }
  const { size, nlink, mode, uid, gid, mtimeMs, ctimeMs } = statSync(path);
  t.deepEqual([size, nlink, mode & 0o7777, uid, gid], [0, 1, 0o645, 0, 0]);
  t.true(Math.abs(mtimeMs - before) < 2000 && Math.abs(ctimeMs - before) < 2000);
});

test('O_EXCL refuses a name that is there: EEXIST', (t) => {
  const path = fresh();
  close(open(path));
  t.throws(() => open(path, 'wx'), { code: 'EEXIST' });
});

test('a missing name is ENOENT for open, stat, unlink, rename and rmdir', (t) => {
  const path = fresh();
  for (const operation of [
    () => openSync(path, 'r'),
    () => statSync(path),
    () => unlinkSync(path),
    () => renameSync(path, `${path}2`),
    () => rmdirSync(path),
    () => openSync(join(path, 'below'), 'w'),
  ]) {
    t.throws(operation, { code: 'ENOENT' });
  }
});

test('a file used as a folder is ENOTDIR, a folder used as a file EISDIR', (t) => {
  const file = fresh();
  writeFileSync(file, '');
  t.throws(() => statSync(join(file, 'below')), { code: 'ENOTDIR' });
  t.throws(() => rmdirSync(file), { code: 'ENOTDIR' });
  t.throws(() => openSync(folder(), 'r+'), { code: 'EISDIR' });
  t.throws(() => unlinkSync(folder()), { code: 'EISDIR' });
});

test('mkdir adds a link to its parent and rmdir takes it away', (t) => {
  const path = folder();
  t.is(statSync(path).nlink, 2);
  mkdirSync(join(path, 'a'));
  mkdirSync(join(path, 'b'));
  t.is(statSync(path).nlink, 4);
  rmdirSync(join(path, 'a'));
  t.is(statSync(path).nlink, 3);
  t.throws(() => mkdirSync(join(path, 'b')), { code: 'EEXIST' });
});

test('rmdir of a folder that holds something is ENOTEMPTY', (t) => {
  const path = folder();
  writeFileSync(join(path, 'x'), '');
  t.throws(() => rmdirSync(path), { code: 'ENOTEMPTY' });
  unlinkSync(join(path, 'x'));
  rmdirSync(path);
  t.false(existsSync(path));
});

test('. and .. lead where they should, also after a move', (t) => {
  const [a, b] = [folder(), folder()];
  mkdirSync(join(a, 'moved'));
  renameSync(join(a, 'moved'), join(b, 'moved'));
  t.is(statSync(`${b}/moved/..`).ino, statSync(b).ino);
  t.is(statSync(`${b}/moved/.`).ino, statSync(`${b}/moved`).ino);
  t.deepEqual([statSync(a).nlink, statSync(b).nlink], [2, 3]);
});

test('creating and removing a name changes mtime and ctime of its folder', (t) => {
  const path = folder();
  const times = (): bigint[] => {
    const { mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [mtimeNs, ctimeNs];
  };
  let before = times();
  for (const change of [
    () => writeFileSync(join(path, 'x'), ''),
    () => linkSync(join(path, 'x'), join(path, 'y')),
    () => renameSync(join(path, 'y'), join(path, 'z')),
    () => unlinkSync(join(path, 'x')),
    () => mkdirSync(join(path, 'd')),
    () => symlinkSync('z', join(path, 's')),
  ]) {
    waitForTick();
    change();
    const after = times();
    t.true(after[0]! > before[0]! && after[1]! > before[1]!, `${before} -> ${after}: ${change}`);
    before = after;
  }
});

test('rename replaces a file, whose open descriptors go on', (t) => {
  const [a, b] = [fresh(), fresh()];
  writeFileSync(a, 'new');
  writeFileSync(b, 'old');
  const fd = open(b, 'r');
  const { ino } = statSync(a);
  renameSync(a, b);
  t.is(readFileSync(b, 'utf8'), 'new');
  t.is(statSync(b).ino, ino);
  t.false(existsSync(a));
  const into = Buffer.alloc(3);
  readSync(fd, into);
  t.is(into.toString(), 'old');
});

test('rename over an empty folder replaces it, over a full one it is ENOTEMPTY', (t) => {
  const [a, b, full] = [folder(), folder(), folder()];
  writeFileSync(join(a, 'x'), '');
  writeFileSync(join(full, 'y'), '');
  t.throws(() => renameSync(a, full), { code: 'ENOTEMPTY' });
  renameSync(a, b);
  t.deepEqual(readdirSync(b), ['x']);
});

test('rename between a file and a folder is ENOTDIR or EISDIR', (t) => {
  const [file, dir] = [fresh(), folder()];
  writeFileSync(file, '');
  t.throws(() => renameSync(dir, file), { code: 'ENOTDIR' });
  t.throws(() => renameSync(file, dir), { code: 'EISDIR' });
});

test('a folder cannot be moved into itself or below: EINVAL', (t) => {
  const path = folder();
  mkdirSync(join(path, 'a/b'), { recursive: true });
  t.throws(() => renameSync(path, join(path, 'x')), { code: 'EINVAL' });
  t.throws(() => renameSync(path, join(path, 'a/b/x')), { code: 'EINVAL' });
});

test('rename of a name to itself, or to another name of the same file, changes nothing', (t) => {
  const [a, b] = [fresh(), fresh()];
  writeFileSync(a, 'x');
  linkSync(a, b);
  renameSync(a, a);
  renameSync(a, b);
  t.deepEqual([existsSync(a), existsSync(b), statSync(a).nlink], [true, true, 2]);
});

test('hard links share content and count, and the file goes with the last of them', (t) => {
  const [a, b] = [fresh(), fresh()];
  writeFileSync(a, 'one');
  linkSync(a, b);
  writeFileSync(b, 'two');
  t.deepEqual([readFileSync(a, 'utf8'), statSync(a).nlink, statSync(a).ino], ['two', 2, statSync(b).ino]);
  unlinkSync(a);
  t.is(statSync(b).nlink, 1);
  t.throws(() => linkSync(b, b), { code: 'EEXIST' });
  t.throws(() => linkSync(folder(), fresh()), { code: 'EPERM' });
});

test('symbolic links of every length are read back and followed', (t) => {
  const path = fresh();
  writeFileSync(path, 'target');
  for (const length of [1, 59, 60, 111, 112, 113, 1000, 4095]) {
    const link = fresh();
    symlinkSync('x'.repeat(length), link);
    t.is(readlinkSync(link), 'x'.repeat(length));
    t.is(lstatSync(link).size, length);
    t.true(lstatSync(link).isSymbolicLink());
  }
  const link = fresh();
  symlinkSync(path, link);
  t.is(readFileSync(link, 'utf8'), 'target');
  t.throws(() => readFileSync(fresh()), { code: 'ENOENT' });
});

test('two links that lead to each other are ELOOP', (t) => {
  const [a, b] = [fresh(), fresh()];
  symlinkSync(a, b);
  symlinkSync(b, a);
  t.throws(() => statSync(a), { code: 'ELOOP' });
});

test('pipes, sockets and devices can be made and keep type and number', (t) => {
  const [fifo, device] = [fresh(), fresh()];
  must('mkfifo', ['-m', '640', fifo]);
  t.true(statSync(fifo).isFIFO());
  t.is(statSync(fifo).mode & 0o7777, 0o640);
  must('mknod', [device, 'c', '259', '70000']);
  t.true(statSync(device).isCharacterDevice());
  t.is(must('stat', ['-c', '%t %T', device]).trim(), '103 11170');
});

test('names may hold any bytes but NUL and the slash, and come back as they were', (t) => {
  const path = folder();
  const prefix = Buffer.from(`${path}/`);
  const names: Buffer[] = [];
  for (let byte = 1; byte < 256; byte++) {
    if (byte !== 0x2f && byte !== 0x2e) names.push(Buffer.from([byte]));
  }
  names.push(
    Buffer.from([0xff, 0xfe, 0x80]),
    Buffer.from('...'),
    Buffer.from('\u00e9e\u0301'),
    Buffer.from(' a\nb '),
  );
  for (const name of names) writeFileSync(Buffer.concat([prefix, name]), name);
  const listed = readdirSync(path, { encoding: 'buffer' });
  t.deepEqual(
    listed.map((name) => name.toString('hex')).toSorted(),
    names.map((name) => name.toString('hex')).toSorted(),
  );
  for (const name of names) t.deepEqual(readFileSync(Buffer.concat([prefix, name])), name);
});

test('upper and lower case, and composed and decomposed letters, are different names', (t) => {
  const path = folder();
  for (const name of ['a', 'A', '\u00e9', 'e\u0301']) writeFileSync(join(path, name), name);
  t.is(readdirSync(path).length, 4);
  t.is(readFileSync(join(path, 'A'), 'utf8'), 'A');
});

test('a name of 255 bytes works, one of 256 is ENAMETOOLONG', (t) => {
  const path = folder();
  const longest = join(path, 'n'.repeat(255));
  writeFileSync(longest, 'x');
  t.deepEqual(readdirSync(path), ['n'.repeat(255)]);
  for (const operation of [
    () => writeFileSync(`${longest}n`, ''),
    () => mkdirSync(`${longest}n`),
    () => statSync(`${longest}n`),
    () => unlinkSync(`${longest}n`),
    () => renameSync(longest, `${longest}n`),
    () => symlinkSync('x', `${longest}n`),
  ]) {
    t.throws(operation, { code: 'ENAMETOOLONG' });
  }
  t.is(statfsSync(path).type > 0, true);
});

test('a folder of 5,000 names lists each of them once, and finds each', (t) => {
  const path = folder();
  const names = Array.from({ length: 5000 }, (_, i) => `file-${i}`);
  for (const name of names) closeSync(openSync(join(path, name), 'w'));
  t.deepEqual(readdirSync(path).toSorted(), names.toSorted());
  t.is(Number(must('sh', ['-c', `ls -f ${path} | wc -l`])), 5002);
  for (const i of [0, 1, 2500, 4999]) t.true(statSync(join(path, `file-${i}`)).isFile());
  t.false(existsSync(join(path, 'file-5000')));
});

test('deleting while reading a folder skips nothing that stays and repeats nothing', (t) => {
  const path = folder();
  for (let i = 0; i < 2000; i++) closeSync(openSync(join(path, `n${i}`), 'w'));
  const handle = opendirSync(path, { bufferSize: 8 });
  const seen = new Map<string, number>();
  try {
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      seen.set(entry.name, (seen.get(entry.name) ?? 0) + 1);
      if (Number(entry.name.slice(1)) % 3 === 0) unlinkSync(join(path, entry.name));
    }
  } finally {
    handle.closeSync();
  }
  t.is(seen.size, 2000);
  t.true([...seen.values()].every((count) => count === 1));
  t.is(readdirSync(path).length, 1333);
});

test('rm -r removes a deep tree, and the space and inodes come back', async (t) => {
  const path = folder();
  closeAll();
  await backend.remount();
  const before = statfsSync(backend.mountpoint);
  must('sh', ['-c', `cd ${path} && for i in $(seq 40); do mkdir -p d$i/e/f && echo $i > d$i/e/f/g; done`]);
  t.true(statfsSync(backend.mountpoint).ffree < before.ffree);
  must('sh', ['-c', `rm -r ${path}/*`]);
  await backend.remount();
  const after = statfsSync(backend.mountpoint);
  t.is(after.ffree, before.ffree);
  t.true(after.bfree >= before.bfree, `${before.bfree} -> ${after.bfree}`);
});

test('an unlinked file that is open is still read and written, and has no links', (t) => {
  const path = fresh();
  const fd = open(path);
  writeSync(fd, 'before');
  unlinkSync(path);
  writeSync(fd, ' after');
  const into = Buffer.alloc(12);
  readSync(fd, into, 0, 12, 0);
  t.is(into.toString(), 'before after');
  t.is(Number(must('stat', ['-L', '-c', '%h', `/proc/${process.pid}/fd/${fd}`])), 0);
  writeFileSync(path, 'another');
  readSync(fd, into, 0, 12, 0);
  t.is(into.toString(), 'before after');
});

test('a removed folder that is open lists nothing and takes nothing', (t) => {
  const path = folder();
  const fd = open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  rmdirSync(path);
  t.deepEqual(readdirSync(`/proc/self/fd/${fd}`), []);
  t.throws(() => writeFileSync(`/proc/self/fd/${fd}/x`, ''), { code: 'ENOENT' });
});

test('names, links, types and inode numbers are the same after a remount', async (t) => {
  const path = folder();
  mkdirSync(join(path, 'sub'));
  writeFileSync(join(path, 'file'), 'x');
  linkSync(join(path, 'file'), join(path, 'hard'));
  symlinkSync('file', join(path, 'soft'));
  must('mkfifo', [join(path, 'pipe')]);
  const list = (): string[] =>
    readdirSync(path, { withFileTypes: true })
      .map(({ name }) => {
        const { ino, mode, nlink, size } = lstatSync(join(path, name));
        return `${name} ${ino} ${mode} ${nlink} ${size}`;
      })
      .toSorted();
  const before = list();
  await backend.remount();
  t.deepEqual(list(), before);
  t.is(readlinkSync(join(path, 'soft')), 'file');
});

test('RENAME_NORE refuses a name that is there, and RENAME_EXCHANGE swaps two', (t) => {
  const [a, b] = [fresh(), fresh()];
  writeFileSync(a, 'a');
  writeFileSync(b, 'b');
  run('mv', ['-n', a, b]);
  t.is(readFileSync(b, 'utf8'), 'b');
  const outcome = run('mv', ['--exchange', a, b]);
  // coreutils before 9.5 does not know the option.
  if (outcome.code === 0) t.deepEqual([readFileSync(a, 'utf8'), readFileSync(b, 'utf8')], ['b', 'a']);
  t.deepEqual(new Set([readFileSync(a, 'utf8'), readFileSync(b, 'utf8')]), new Set(['a', 'b']));
});
