import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNode } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';
import { insert, setMeta } from './client/vector_calls.js';

const { test, fresh, open, close, vectorFile, backend } = paritySuite({ size: '64M' });
const OTHER = fileURLToPath(new URL('./client/other_user.js', import.meta.url));
const UID = 65534;

/** What `operation` on the path gives a process of user and group 65534, or of that user and another group. */
function asOther(operation: string, path: string, gid = UID): string {
  const { stdout, stderr } = runNode(OTHER, [String(UID), String(gid), operation, path]);
  return stdout.trim() || stderr;
}

function ownedFolder(): string {
  const path = fresh('.d');
  mkdirSync(path);
  chownSync(path, UID, UID);
  return path;
}

test.before('another user may come in', () => {
  chmodSync(backend.mountpoint, 0o755);
  chmodSync(join(backend.mountpoint, '..'), 0o755);
});

test('the bits of owner, group and others decide who may read and write', (t) => {
  const path = fresh();
  writeFileSync(path, 'x');
  for (const [mode, uid, gid, read, write] of [
    [0o600, 0, 0, 'EACCES', 'EACCES'],
    [0o604, 0, 0, 'ok', 'EACCES'],
    [0o606, 0, 0, 'ok', 'ok'],
    [0o640, 0, UID, 'ok', 'EACCES'],
    [0o660, 0, UID, 'ok', 'ok'],
    [0o604, 0, UID, 'EACCES', 'EACCES'],
    [0o400, UID, 0, 'ok', 'EACCES'],
    [0o077, UID, UID, 'EACCES', 'EACCES'],
  ] as const) {
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    const found = [asOther('read', path), asOther('write', path)];
    t.deepEqual(found, [read, write], `mode ${mode.toString(8)} of ${uid}:${gid}`);
  }
});

test('a folder needs x to be passed and w to be changed', (t) => {
  const path = fresh('.d');
  mkdirSync(path);
  writeFileSync(join(path, 'f'), '');
  chmodSync(path, 0o700);
  t.is(asOther('read', join(path, 'f')), 'EACCES');
  chmodSync(path, 0o755);
  t.is(asOther('read', join(path, 'f')), 'ok');
  t.is(asOther('create', join(path, 'g')), 'EACCES');
  t.is(asOther('unlink', join(path, 'f')), 'EACCES');
  chmodSync(path, 0o777);
  t.is(asOther('create', join(path, 'g')), 'ok');
  t.is(asOther('unlink', join(path, 'f')), 'ok');
});

test('in a sticky folder only the owner removes a name', (t) => {
  const path = fresh('.d');
  mkdirSync(path);
  chmodSync(path, 0o1777);
  writeFileSync(join(path, 'mine'), '');
  t.is(asOther('unlink', join(path, 'mine')), 'EPERM');
  t.is(asOther('create', join(path, 'theirs')), 'ok');
  t.is(asOther('unlink', join(path, 'theirs')), 'ok');
});

test('new files and folders belong to the user and group of who makes them', (t) => {
  const path = ownedFolder();
  t.is(asOther('create', join(path, 'f')), 'ok');
  t.is(asOther('mkdir', join(path, 'd')), 'ok');
  for (const name of ['f', 'd']) {
    const { uid, gid } = statSync(join(path, name));
    t.deepEqual([uid, gid], [UID, UID], name);
  }
});

test('a set-group-ID folder hands its group to files, and the bit to folders', (t) => {
  const path = ownedFolder();
  chownSync(path, UID, 4242);
  chmodSync(path, 0o2775);
  t.is(asOther('create', join(path, 'f')), 'ok');
  t.is(asOther('mkdir', join(path, 'd')), 'ok');
  t.is(statSync(join(path, 'f')).gid, 4242);
  t.deepEqual([statSync(join(path, 'd')).gid, statSync(join(path, 'd')).mode & 0o2000], [4242, 0o2000]);
  t.is(statSync(join(path, 'f')).mode & 0o2000, 0);
});

test('only the owner may change the mode', (t) => {
  const path = fresh();
  writeFileSync(path, '');
  chmodSync(path, 0o666);
  t.is(asOther('chmod', path), 'EPERM');
  chownSync(path, UID, UID);
  t.is(asOther('chmod', path), 'ok');
});

test('vector calls need the permission that the open asks for', (t) => {
  const { path } = vectorFile({ dimensions: 2 }, [1, 2]);
  chmodSync(path, 0o600);
  t.is(asOther('search', path), 'EACCES');
  chmodSync(path, 0o644);
  t.is(asOther('search', path), 'ok');
  t.is(asOther('insert', path), 'EACCES');
  chmodSync(path, 0o666);
  t.is(asOther('insert', path), 'ok');
  t.is(asOther('set', path), 'ok');
});

test('a descriptor that is open keeps what it may do when the mode changes', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 });
  chmodSync(path, 0o000);
  t.is(insert(fd, [1, 2], { dimensions: 2 }), 'ok');
});

for (const [what, prepare] of [
  ['insert', (path: string) => setMeta(open(path), { dimensions: 2 })],
  ['SET_VECTOR_META', () => 'ok'],
] as const) {
  test(`${what} by another user strips the set-user-ID and set-group-ID bits`, (t) => {
    const path = fresh();
    close(open(path));
    t.is(prepare(path), 'ok');
    chmodSync(path, 0o6777);
    t.is(asOther(what === 'insert' ? 'insert' : 'set', path), 'ok');
    t.is((statSync(path).mode & 0o7777).toString(8), '777');
  });
}

test('write(2) and truncation by another user strip them too, an insert by root does not', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 });
  chmodSync(path, 0o4777);
  t.is(insert(fd, [1, 2], { dimensions: 2 }), 'ok');
  t.is((statSync(path).mode & 0o7777).toString(8), '4777', 'root has CAP_FSETID');
  const plain = fresh('.d');
  writeFileSync(plain, '');
  chmodSync(plain, 0o6777);
  chownSync(plain, UID, UID);
  chmodSync(plain, 0o6777);
  t.is(asOther('fill', plain), 'ENOSPC');
  t.is((statSync(plain).mode & 0o7777).toString(8), '777');
  unlinkSync(plain);
});

test('the reserved blocks are left to root', (t) => {
  const path = ownedFolder();
  try {
    t.is(asOther('fill', join(path, 'f')), 'ENOSPC');
    const { bavail, bfree, bsize } = statfsSync(backend.mountpoint);
    t.true(bfree * bsize > 1 << 20, `${bfree} blocks are free, ${bavail} for everybody`);
    t.true(bavail * bsize < 1 << 20, `${bavail} blocks were left for everybody`);
    const { path: vectors, fd } = vectorFile({ dimensions: 2 });
    chmodSync(vectors, 0o666);
    t.is(asOther('insert', vectors), 'ENOSPC');
    t.is(insert(fd, [1, 2], { dimensions: 2 }), 'ok', 'root takes from them');
    writeFileSync(fresh(), Buffer.alloc(1 << 20));
  } finally {
    unlinkSync(join(path, 'f'));
  }
});

test('a file that nobody may read is not read through its vectors either', (t) => {
  const folder = fresh('.d');
  mkdirSync(folder);
  const path = join(folder, 'v');
  const fd = open(path, 'w+');
  t.is(setMeta(fd, { dimensions: 2 }), 'ok');
  t.is(insert(fd, [1, 2], { dimensions: 2 }), 'ok');
  chmodSync(folder, 0o700);
  t.is(asOther('search', path), 'EACCES');
  t.true(existsSync(path));
  t.is(readFileSync(path).length, 8);
});
