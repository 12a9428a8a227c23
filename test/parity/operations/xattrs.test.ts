import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { paritySuite } from '../backend/suite.js';
import {
  getXattr,
  getXattrSize,
  listXattr,
  listXattrSize,
  removeXattr,
  setXattr,
  XATTR_CREATE,
  XATTR_REPLACE,
} from './calls.js';
import { asUser, NOBODY } from './other_user.js';
import { waitForTick } from './tick.js';

const { test, fresh, backend } = paritySuite({ size: '64M' });

test.before('another user may come in', () => {
  chmodSync(backend.mountpoint, 0o755);
  chmodSync(join(backend.mountpoint, '..'), 0o755);
});

function file(mode = 0o644): string {
  const path = fresh();
  writeFileSync(path, 'content');
  chmodSync(path, mode);
  return path;
}

const text = (value: Buffer | string): string => value.toString();

test('an attribute is set, replaced, read and removed, under XATTR_CREATE and XATTR_REPLACE', (t) => {
  const path = file();
  t.is(getXattr(path, 'user.a'), 'ENODATA');
  t.is(setXattr(path, 'user.a', '1', XATTR_REPLACE), 'ENODATA');
  t.is(setXattr(path, 'user.a', '1', XATTR_CREATE), 0);
  t.is(setXattr(path, 'user.a', '2', XATTR_CREATE), 'EEXIST');
  t.is(setXattr(path, 'user.a', 'longer than before', XATTR_REPLACE), 0);
  t.is(text(getXattr(path, 'user.a')), 'longer than before');
  t.is(setXattr(path, 'user.empty', ''), 0);
  t.is(text(getXattr(path, 'user.empty')), '');
  t.deepEqual(listXattr(path), ['user.a', 'user.empty']);
  t.is(removeXattr(path, 'user.a'), 0);
  t.is(removeXattr(path, 'user.a'), 'ENODATA');
  t.deepEqual(listXattr(path), ['user.empty']);
});

test('a query without room gives the size, one with too little is ERANGE', (t) => {
  const path = file();
  setXattr(path, 'user.name', 'value');
  setXattr(path, 'user.b', 'x');
  t.deepEqual(
    [0, 4, 5, 100].map((room) => getXattrSize(path, 'user.name', room)),
    [5, 'ERANGE', 5, 5],
  );
  const size = 'user.name'.length + 'user.b'.length + 2;
  t.deepEqual(
    [0, size - 1, size].map((room) => listXattrSize(path, room)),
    [size, 'ERANGE', size],
  );
  t.is(listXattrSize(file(), 0), 0);
});

test('names without a known prefix are EOPNOTSUPP, empty ones EINVAL, long ones ERANGE', (t) => {
  const path = file();
  t.is(setXattr(path, 'nothing', 'x'), 'EOPNOTSUPP');
  t.is(setXattr(path, 'system.unknown', 'x'), 'EOPNOTSUPP');
  t.is(setXattr(path, 'user.', 'x'), 'EINVAL');
  t.is(getXattr(path, 'user.'), 'EINVAL');
  t.is(getXattr(path, 'other.name'), 'EOPNOTSUPP');
  t.is(setXattr(path, `user.${'n'.repeat(250)}`, 'x'), 0);
  t.is(setXattr(path, `user.${'n'.repeat(251)}`, 'x'), 'ERANGE');
});

test('values up to nearly a block fit, larger ones are ENOSPC and change nothing, above 64 KiB E2BIG', (t) => {
  const path = file();
  setXattr(path, 'user.v', 'old');
  t.is(setXattr(path, 'user.v', Buffer.alloc(4097)), 'ENOSPC');
  t.is(setXattr(path, 'user.v', Buffer.alloc(65_537)), 'E2BIG');
  t.is(text(getXattr(path, 'user.v')), 'old');
  const large = Buffer.alloc(4000, 7);
  t.is(setXattr(path, 'user.v', large), 0);
  t.is(setXattr(path, 'user.w', Buffer.alloc(100)), 'ENOSPC');
  t.deepEqual(getXattr(path, 'user.v'), large);
});

test('attributes take a block of st_blocks and change ctime alone', (t) => {
  const path = file();
  const before = statSync(path, { bigint: true });
  waitForTick();
  setXattr(path, 'user.a', 'x');
  const set = statSync(path, { bigint: true });
  t.is(set.blocks, before.blocks + 8n);
  t.true(set.ctimeNs > before.ctimeNs);
  t.is(set.mtimeNs, before.mtimeNs);
  waitForTick();
  removeXattr(path, 'user.a');
  const removed = statSync(path, { bigint: true });
  t.is(removed.blocks, before.blocks);
  t.true(removed.ctimeNs > set.ctimeNs);
});

test('folders and symbolic links have attributes: user. only folders, trusted. both', (t) => {
  const folder = fresh();
  mkdirSync(folder);
  const link = fresh();
  symlinkSync('nowhere', link);
  t.is(setXattr(folder, 'user.a', 'x'), 0);
  t.is(setXattr(link, 'user.a', 'x'), 'EPERM');
  t.is(setXattr(link, 'trusted.a', 'x'), 0);
  t.is(text(getXattr(link, 'trusted.a')), 'x');
  t.deepEqual(listXattr(link), ['trusted.a']);
});

test('trusted. attributes are shown to CAP_SYS_ADMIN only', (t) => {
  const path = file(0o666);
  setXattr(path, 'trusted.secret', 'x');
  setXattr(path, 'user.open', 'y');
  t.deepEqual(listXattr(path), ['trusted.secret', 'user.open']);
  const found = asUser(
    NOBODY,
    `
ask(lambda: os.listxattr(p[0]))
ask(os.getxattr, p[0], 'trusted.secret')
ask(os.setxattr, p[0], 'trusted.other', b'x')
ask(os.getxattr, p[0], 'user.open')
ask(os.setxattr, p[0], 'user.mine', b'x')
ask(os.setxattr, p[0], 'security.mine', b'x')`,
    [path],
  );
  t.deepEqual(found, ["['user.open']", 'ENODATA', 'EPERM', "b'y'", 'None', 'EPERM']);
});

test('attributes survive a remount and go with their file', async (t) => {
  const path = file();
  const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  for (const name of ['user.bytes', 'trusted.bytes', 'security.bytes']) t.is(setXattr(path, name, value), 0);
  await backend.remount();
  t.deepEqual(listXattr(path), ['security.bytes', 'trusted.bytes', 'user.bytes']);
  for (const name of ['user.bytes', 'trusted.bytes', 'security.bytes'])
    t.deepEqual(getXattr(path, name), value);
});

test('a label of SELinux that is not there is not supported on FUSE; one that is, is kept as any other', (t) => {
  const path = file();
  const absent = backend.name === 'fuse' ? 'EOPNOTSUPP' : 'ENODATA';
  t.is(getXattr(path, 'security.selinux'), absent);
  t.is(getXattr(path, 'security.selinux2'), 'ENODATA');
  t.is(getXattr(path, 'user.selinux'), 'ENODATA');
  t.is(setXattr(path, 'security.selinux', 'u:object_r:t:s0'), 0);
  t.is(text(getXattr(path, 'security.selinux')), 'u:object_r:t:s0');
  t.is(removeXattr(path, 'security.selinux'), 0);
  t.is(removeXattr(path, 'security.selinux'), 'ENODATA');
  t.is(getXattr(path, 'security.selinux'), absent);
});

const WRITE = `
fd = os.open(p[0], os.O_WRONLY)
ask(os.pwrite, fd, b'x', 0)`;

test('write(2), truncate(2) and O_TRUNC by another user take suid and sgid away, root keeps them', (t) => {
  for (const script of [
    WRITE,
    'ask(os.truncate, p[0], 3)',
    'ask(os.close, os.open(p[0], os.O_WRONLY | os.O_TRUNC))',
  ]) {
    const path = file(0o6777);
    t.not(asUser(NOBODY, script, [path])[0], 'EACCES');
    t.is(statSync(path).mode & 0o7777, 0o777, script);
  }
  const kept = file(0o6777);
  writeFileSync(kept, 'by root', { flag: 'r+' });
  truncateSync(kept, 3);
  t.is(statSync(kept).mode & 0o7777, 0o6777);
});

test('sgid without group execution stays when a member of the group writes, and goes when another does', (t) => {
  const path = file(0o2666);
  chownSync(path, 0, 4242);
  chmodSync(path, 0o2666);
  asUser({ ...NOBODY, groups: [4242] }, WRITE, [path]);
  t.is(statSync(path).mode & 0o7777, 0o2666);
  asUser(NOBODY, WRITE, [path]);
  t.is(statSync(path).mode & 0o7777, 0o666);
});

test('chown takes suid and sgid away from programs, and leaves folders alone', (t) => {
  const path = file(0o6755);
  chownSync(path, 1000, 1000);
  t.is(statSync(path).mode & 0o7777, 0o755);
  const marked = file(0o2644);
  chownSync(marked, 1000, 1000);
  t.is(statSync(marked).mode & 0o7777, 0o2644);
  const folder = fresh();
  mkdirSync(folder);
  chmodSync(folder, 0o6755);
  chownSync(folder, 1000, 1000);
  t.is(statSync(folder).mode & 0o7777, 0o6755);
});

test('the capabilities of a program go when anybody writes, truncates or chowns it', (t) => {
  /** struct vfs_ns_cap_data of revision 2: CAP_NET_RAW permitted and effective. */
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  for (const change of [
    (path: string) => writeFileSync(path, 'x', { flag: 'r+' }),
    (path: string) => truncateSync(path, 1),
    (path: string) => chownSync(path, 1, 1),
  ]) {
    const path = file(0o755);
    t.is(setXattr(path, 'security.capability', capability), 0);
    t.deepEqual(getXattr(path, 'security.capability'), capability);
    chmodSync(path, 0o700);
    t.deepEqual(getXattr(path, 'security.capability'), capability);
    change(path);
    t.is(getXattr(path, 'security.capability'), 'ENODATA', `${change}`);
  }
});

test('the size of a directory counts the block of its attributes at once, as after a mount', async (t) => {
  const path = fresh();
  mkdirSync(path);
  setXattr(path, 'user.a', '1');
  const before = statSync(path);
  await backend.remount();
  const after = statSync(path);
  t.deepEqual([before.size, before.blocks], [after.size, after.blocks]);
  t.is(removeXattr(path, 'user.a'), 0);
  t.is(statSync(path).size, 0);
});
