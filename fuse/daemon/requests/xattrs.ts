import { XATTR_ACL_ACCESS, XATTR_ACL_DEFAULT, XATTR_SECURITY, XATTR_TRUSTED } from '@vexfs/shared';
import {
  getxattrIn,
  getxattrOut,
  INIT,
  nameEnd,
  SETXATTR_ACL_KILL_SGID,
  SETXATTR_IN_COMPAT_SIZE,
  setxattrIn,
} from '../../protocol/index.js';
import { Connection, type Request } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import { acl, FsError, type Inode, requireUnrestricted, xattr } from '../../volume/index.js';
import { CAP_SYS_ADMIN, hasCapability } from '../credentials.js';
import type { Filesystem } from '../filesystem.js';

const AT = Connection.PAYLOAD_AT;
const S_ISGID = 0o2000;
/** The label of SELinux, after `security.`. */
const SELINUX = Buffer.from('selinux');

/** The attribute name at `at` and where the value begins. Throws EINVAL, ERANGE, EOPNOTSUPP. */
function attributeAt(request: Request, at: number): { name: xattr.XattrName; next: number } {
  const end = nameEnd(request.bytes, at, request.end);
  if (end < 0) throw new FsError(errno.EINVAL);
  const full = request.bytes.slice(at, end);
  const name = xattr.parseName(full);
  if (name !== undefined) return { name, next: end + 1 };
  throw new FsError(xattr.isPrefix(full) ? errno.EINVAL : errno.EOPNOTSUPP);
}

/** Answers a query: with the size alone when the caller has no room, ERANGE when he has too little. */
function answer(fs: Filesystem, request: Request, value: Uint8Array): void {
  const { connection } = fs;
  const room = getxattrIn.size.get(request.view, request.body);
  if (room === 0) {
    getxattrOut.size.set(connection.output.view, AT, value.length);
    getxattrOut.padding.set(connection.output.view, AT, 0);
    connection.send(request.unique, getxattrOut.$.size);
    return;
  }
  if (value.length > room) throw new FsError(errno.ERANGE);
  connection.output.bytes.set(value, AT);
  connection.send(request.unique, value.length);
}

export function getxattr(fs: Filesystem, request: Request): void {
  const { name } = attributeAt(request, request.body + getxattrIn.$.size);
  const value = xattr.get(fs.volume, fs.inode(request.nodeid), name);
  if (value === undefined) throw new FsError(isSelinuxLabel(name) ? errno.EOPNOTSUPP : errno.ENODATA);
  answer(fs, request, value);
}

/**
 * Where SELinux runs, the kernel knows the label itself and does not ask. So who asks for one has none, and this answer
 * keeps `ls -l` from asking for each file: the kernel caches no attributes, so each question would be a request.
 */
function isSelinuxLabel({ space, name }: xattr.XattrName): boolean {
  return space === XATTR_SECURITY && Buffer.compare(name, SELINUX) === 0;
}

/** The names; those in trusted. are shown to CAP_SYS_ADMIN only, who is asked for when there are some. */
export function listxattr(fs: Filesystem, request: Request): void {
  let mayTrust: boolean | undefined;
  const shows = (space: number): boolean => {
    if (space !== XATTR_TRUSTED) return true;
    mayTrust ??= hasCapability(request.pid, CAP_SYS_ADMIN);
    return mayTrust;
  };
  answer(fs, request, xattr.list(fs.volume, fs.inode(request.nodeid), shows));
}

export function setxattr(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { view, body } = request;
  const isLong = (fs.initFlags & INIT.SETXATTR_EXT) !== 0;
  const head = isLong ? setxattrIn.$.size : SETXATTR_IN_COMPAT_SIZE;
  const { name, next } = attributeAt(request, body + head);
  const size = setxattrIn.size.get(view, body);
  if (next + size > request.end) throw new FsError(errno.EINVAL);
  const value = request.bytes.slice(next, next + size);
  const inode = fs.inode(request.nodeid);
  requireUnrestricted(inode);
  const killsGroup = isLong && (setxattrIn.setxattr_flags.get(view, body) & SETXATTR_ACL_KILL_SGID) !== 0;
  const before = storedValue(fs, inode, name);
  const { mode } = inode;
  if (isAcl(name)) setAcl(fs, inode, name, value, killsGroup);
  else xattr.set(fs.volume, inode, name, value, setxattrIn.flags.get(view, body));
  // As on ext4, what was the case already does not count as a change.
  const after = storedValue(fs, inode, name);
  const isSame = before === undefined || after === undefined ? before === after : before.equals(after);
  if (!isSame || inode.mode !== mode) touch(fs, inode);
  fs.connection.send(request.unique, 0);
}

function isAcl(name: xattr.XattrName): boolean {
  return name.space === XATTR_ACL_ACCESS || name.space === XATTR_ACL_DEFAULT;
}

/** A copy of an attribute's value. */
function storedValue(fs: Filesystem, inode: Inode, name: xattr.XattrName): Buffer | undefined {
  const value = xattr.get(fs.volume, inode, name);
  return value === undefined ? undefined : Buffer.from(value);
}

/** An access list also sets the mode, and one that says no more than the mode is not stored; an empty one removes it. */
function setAcl(
  fs: Filesystem,
  inode: Inode,
  name: xattr.XattrName,
  value: Uint8Array,
  killsGroup: boolean,
): void {
  const { volume } = fs;
  const list = acl.check(value);
  const isAccess = name.space === XATTR_ACL_ACCESS;
  if (!isAccess && !inode.isDirectory) throw new FsError(errno.EACCES);
  const { bits, isWhole } = list === undefined || !isAccess ? { bits: 0, isWhole: false } : acl.modeOf(list);
  if (list === undefined || isWhole) {
    if (xattr.get(volume, inode, name) !== undefined) xattr.remove(volume, inode, name);
  } else {
    xattr.set(volume, inode, name, list);
  }
  if (list === undefined || !isAccess) return;
  inode.mode = (inode.mode & ~0o777) | bits;
  if (killsGroup) inode.mode &= ~S_ISGID;
}

export function removexattr(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { name } = attributeAt(request, request.body);
  const inode = fs.inode(request.nodeid);
  requireUnrestricted(inode);
  // Who takes away a list that is not there has what he wants.
  if (!isAcl(name) || xattr.get(fs.volume, inode, name) !== undefined) {
    xattr.remove(fs.volume, inode, name);
    touch(fs, inode);
  }
  fs.connection.send(request.unique, 0);
}

function touch(fs: Filesystem, inode: Inode): void {
  inode.ctime = fs.now();
  inode.markDirty();
}
