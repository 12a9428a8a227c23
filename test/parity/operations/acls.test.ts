import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { getXattr, linkDescriptor, listXattr, makeNode, O_TMPFILE, removeXattr, setXattr } from './calls.js';
import { asUser, NOBODY } from './other_user.js';

const { test, fresh, open, backend } = paritySuite({ size: '64M' });

const ACCESS = 'system.posix_acl_access';
const DEFAULT = 'system.posix_acl_default';
const TAGS = { user: 1, named: 2, group: 4, namedGroup: 8, mask: 16, other: 32 } as const;
type Entry = readonly [tag: keyof typeof TAGS, permissions: number, id?: number];

/** A list as setxattr(2) takes it. */
function list(...entries: readonly Entry[]): Buffer {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  entries.forEach(([tag, permissions, id], i) => {
    bytes.writeUInt16LE(TAGS[tag], 4 + i * 8);
    bytes.writeUInt16LE(permissions, 6 + i * 8);
    bytes.writeUInt32LE(id ?? 0xffff_ffff, 8 + i * 8);
  });
  return bytes;
}

function file(mode: number): string {
  const path = fresh();
  writeFileSync(path, 'content');
  chmodSync(path, mode);
  return path;
}

function folder(): string {
  const path = fresh('.d');
  mkdirSync(path);
  chmodSync(path, 0o755);
  return path;
}

const permissions = (path: string): number => statSync(path).mode & 0o7777;

test.before('another user may come in', () => {
  chmodSync(backend.mountpoint, 0o755);
  chmodSync(join(backend.mountpoint, '..'), 0o755);
});

test('an access list lets a named user in, as far as the mask goes, and nobody else', (t) => {
  const path = file(0o600);
  const read = 'ask(lambda: os.close(os.open(p[0], os.O_RDONLY)))';
  t.deepEqual(asUser(NOBODY, read, [path]), ['EACCES']);
  const entries: Entry[] = [
    ['user', 6],
    ['named', 4, NOBODY.uid],
    ['group', 0],
    ['mask', 4],
    ['other', 0],
  ];
  t.is(setXattr(path, ACCESS, list(...entries)), 0);
  t.deepEqual(asUser(NOBODY, read, [path]), ['None']);
  t.deepEqual(asUser({ uid: 1234, gid: 1234 }, read, [path]), ['EACCES']);
  entries[3] = ['mask', 2];
  t.is(setXattr(path, ACCESS, list(...entries)), 0);
  t.deepEqual(asUser(NOBODY, read, [path]), ['EACCES']);
  t.is(removeXattr(path, ACCESS), 0);
  t.is(permissions(path), 0o620);
});

test('the mode follows an access list, whose mask takes the place of the group bits', (t) => {
  const path = file(0o644);
  const entries = list(['user', 7], ['named', 4, 5], ['group', 1], ['mask', 6], ['other', 2]);
  t.is(setXattr(path, ACCESS, entries), 0);
  t.is(permissions(path), 0o762);
  t.deepEqual(getXattr(path, ACCESS), entries);
  t.deepEqual(listXattr(path), [ACCESS]);
});

test('a list that says no more than the mode sets the mode and is not stored', (t) => {
  const path = file(0o644);
  t.is(setXattr(path, ACCESS, list(['user', 7], ['group', 5], ['other', 1])), 0);
  t.is(permissions(path), 0o751);
  t.is(getXattr(path, ACCESS), 'ENODATA');
  t.is(statSync(path).blocks, 8);
});

test('chmod changes owner, mask and others of an access list, and keeps its names', (t) => {
  const path = file(0o644);
  setXattr(path, ACCESS, list(['user', 7], ['named', 7, 5], ['group', 7], ['mask', 7], ['other', 7]));
  chmodSync(path, 0o640);
  t.deepEqual(
    getXattr(path, ACCESS),
    list(['user', 6], ['named', 7, 5], ['group', 7], ['mask', 4], ['other', 0]),
  );
  t.is(permissions(path), 0o640);
});

test('a list with entries missing, doubled, out of order or unknown is EINVAL', (t) => {
  const path = file(0o644);
  const whole: Entry[] = [
    ['user', 6],
    ['group', 4],
    ['other', 4],
  ];
  for (const wrong of [
    list(['user', 6], ['group', 4]),
    list(['user', 6], ['user', 6], ['group', 4], ['other', 4]),
    list(['group', 4], ['user', 6], ['other', 4]),
    list(['user', 6], ['named', 4, 5], ['group', 4], ['other', 4]),
    list(['user', 9], ['group', 4], ['other', 4]),
    list(...whole).subarray(0, 25),
    list(...whole).subarray(0, 3),
  ]) {
    t.is(setXattr(path, ACCESS, wrong), 'EINVAL', wrong.toString('hex'));
  }
  t.is(permissions(path), 0o644);
  t.is(setXattr(path, DEFAULT, list(...whole)), 'EACCES');
});

test('a default list replaces the umask for files, folders, pipes and unnamed files, and goes down with folders', (t) => {
  const path = folder();
  const defaults = list(['user', 7], ['named', 7, 5], ['group', 5], ['mask', 7], ['other', 1]);
  t.is(setXattr(path, DEFAULT, defaults), 0);
  t.is(permissions(path), 0o755);
  const mask = process.umask(0o777);
  try {
    closeSync(openSync(join(path, 'file'), 'w', 0o666));
    mkdirSync(join(path, 'folder'), 0o770);
    t.is(makeNode(join(path, 'pipe'), 0o010640), 0);
    const unnamed = open(path, O_TMPFILE | 2);
    t.is(linkDescriptor(unnamed, join(path, 'unnamed')), 0);
    symlinkSync('file', join(path, 'link'));
  } finally {
    process.umask(mask);
  }
  const inherited = (user: number, masked: number, other: number): Buffer =>
    list(['user', user], ['named', 7, 5], ['group', 5], ['mask', masked], ['other', other]);
  t.deepEqual(
    [permissions(join(path, 'file')), getXattr(join(path, 'file'), ACCESS)],
    [0o660, inherited(6, 6, 0)],
  );
  t.is(getXattr(join(path, 'file'), DEFAULT), 'ENODATA');
  t.deepEqual(
    [permissions(join(path, 'folder')), getXattr(join(path, 'folder'), ACCESS)],
    [0o770, inherited(7, 7, 0)],
  );
  t.deepEqual(getXattr(join(path, 'folder'), DEFAULT), defaults);
  t.deepEqual(
    [permissions(join(path, 'pipe')), getXattr(join(path, 'pipe'), ACCESS)],
    [0o640, inherited(6, 4, 0)],
  );
  t.deepEqual(
    [permissions(join(path, 'unnamed')), getXattr(join(path, 'unnamed'), ACCESS)],
    [0o640, inherited(6, 4, 0)],
  );
  t.deepEqual(listXattr(join(path, 'link')), []);
});

test('a default list without names gives modes only', (t) => {
  const path = folder();
  t.is(setXattr(path, DEFAULT, list(['user', 7], ['group', 5], ['other', 0])), 0);
  writeFileSync(join(path, 'file'), '', { mode: 0o666 });
  t.is(permissions(join(path, 'file')), 0o640);
  t.deepEqual(listXattr(join(path, 'file')), []);
});

test('without a default list the umask holds', (t) => {
  const path = folder();
  const mask = process.umask(0o027);
  try {
    writeFileSync(join(path, 'file'), '', { mode: 0o666 });
    mkdirSync(join(path, 'folder'), 0o777);
    makeNode(join(path, 'pipe'), 0o010666);
  } finally {
    process.umask(mask);
  }
  t.deepEqual(
    ['file', 'folder', 'pipe'].map((name) => permissions(join(path, name))),
    [0o640, 0o750, 0o640],
  );
});

test('an access list set by a stranger to the group takes sgid away', (t) => {
  const path = fresh();
  writeFileSync(path, '');
  chownSync(path, NOBODY.uid, 4242);
  chmodSync(path, 0o2775);
  const entries = list(['user', 7], ['named', 7, 5], ['group', 7], ['mask', 7], ['other', 5]);
  const script = `ask(os.setxattr, p[0], '${ACCESS}', bytes.fromhex('${entries.toString('hex')}'))`;
  t.deepEqual(asUser(NOBODY, script, [path]), ['None']);
  t.is(permissions(path), 0o775);
});

test('only the owner sets a list', (t) => {
  const path = file(0o666);
  const entries = list(['user', 6], ['group', 6], ['other', 6]);
  const script = `ask(os.setxattr, p[0], '${ACCESS}', bytes.fromhex('${entries.toString('hex')}'))`;
  t.deepEqual(asUser(NOBODY, script, [path]), ['EPERM']);
});

test('lists survive a remount and are copied by cp -p', async (t) => {
  const path = folder();
  const defaults = list(['user', 7], ['named', 7, 5], ['group', 5], ['mask', 7], ['other', 1]);
  setXattr(path, DEFAULT, defaults);
  setXattr(path, ACCESS, defaults);
  await backend.remount();
  t.deepEqual([getXattr(path, DEFAULT), getXattr(path, ACCESS)], [defaults, defaults]);
  const copy = fresh();
  t.is(run('cp', ['-rp', path, copy]).code, 0);
  t.deepEqual(getXattr(copy, DEFAULT), defaults);
});
