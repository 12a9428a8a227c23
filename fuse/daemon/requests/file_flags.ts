import { INODE_APPEND, INODE_IMMUTABLE, INODE_NOATIME, INODE_NODUMP, INODE_SYNC } from '@vexfs/shared';
import { ioctlIn } from '../../protocol/index.js';
import { Connection, type Request } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import { extentsOf, FsError, holdsExtents, type Inode } from '../../volume/index.js';
import { announce } from '../announcements.js';
import { CAP_FOWNER, CAP_LINUX_IMMUTABLE, hasCapability } from '../credentials.js';
import type { Filesystem } from '../filesystem.js';
import { ioctlReply } from './ioctl.js';

const AT = Connection.PAYLOAD_AT;

/** Source: include/uapi/linux/fs.h, for LP64. The flag words have 32 bits whatever the command's number says. */
const GETFLAGS = 0x80086601;
const SETFLAGS = 0x40086602;
const GETVERSION = 0x80087601;
const FSGETXATTR = 0x801c581f;
const FSSETXATTR = 0x401c5820;

/** struct fsxattr: xflags, extsize, nextents, projid, cowextsize, 8 bytes of padding. */
const FSXATTR_SIZE = 28;
const EXTSIZE_AT = 4;
const NEXTENTS_AT = 8;
const PROJID_AT = 12;
const COWEXTSIZE_AT = 16;

/** Flags that users may set, beside their bit in struct fsxattr. */
const XFLAGS: ReadonlyArray<readonly [flag: number, xflag: number]> = [
  [INODE_IMMUTABLE, 0x8],
  [INODE_APPEND, 0x10],
  [INODE_SYNC, 0x20],
  [INODE_NOATIME, 0x40],
  [INODE_NODUMP, 0x80],
];
const SETTABLE = INODE_SYNC | INODE_IMMUTABLE | INODE_APPEND | INODE_NODUMP | INODE_NOATIME;
const GUARDED = INODE_IMMUTABLE | INODE_APPEND;

/** Serves the ioctls behind chattr(1) and lsattr(1); returns false for any other command. */
export function fileFlags(fs: Filesystem, request: Request): boolean {
  const { view, body } = request;
  const command = ioctlIn.cmd.get(view, body);
  switch (command) {
    case GETFLAGS:
    case GETVERSION:
    case FSGETXATTR:
      show(fs, request, command);
      return true;
    case SETFLAGS:
    case FSSETXATTR:
      change(fs, request, command);
      return true;
    default:
      return false;
  }
}

/** The inode of the handle. Devices, pipes and sockets have ioctls of their own, which never come here. */
function inodeOf(fs: Filesystem, request: Request): Inode {
  const { node } = fs.known.handle(ioctlIn.fh.get(request.view, request.body));
  return fs.inode(node);
}

function show(fs: Filesystem, request: Request, command: number): void {
  const inode = inodeOf(fs, request);
  const { view, bytes } = fs.connection.output;
  const at = ioctlReply(view);
  let size = 4;
  if (command === FSGETXATTR) {
    size = FSXATTR_SIZE;
    bytes.fill(0, at, at + size);
    let xflags = 0;
    for (const [flag, xflag] of XFLAGS) if ((inode.flags & flag) !== 0) xflags |= xflag;
    view.setUint32(at, xflags, true);
    if (holdsExtents(inode)) {
      let extents = 0;
      for (const _ of extentsOf(fs.volume, inode).all()) extents += 1;
      view.setUint32(at + NEXTENTS_AT, extents, true);
    }
  } else {
    view.setUint32(at, command === GETFLAGS ? inode.flags & SETTABLE : inode.generation, true);
  }
  fs.connection.send(request.unique, at - AT + size);
}

function wantedFlags(request: Request, command: number): number {
  const { view, body, end } = request;
  const at = body + ioctlIn.$.size;
  if (at + (command === FSSETXATTR ? FSXATTR_SIZE : 4) > end) throw new FsError(errno.EINVAL);
  const word = view.getUint32(at, true);
  if (command === SETFLAGS) {
    if ((word & ~SETTABLE) !== 0) throw new FsError(errno.EOPNOTSUPP);
    return word;
  }
  let flags = 0;
  let left = word;
  for (const [flag, xflag] of XFLAGS) {
    if ((word & xflag) !== 0) flags |= flag;
    left &= ~xflag;
  }
  const others = [EXTSIZE_AT, PROJID_AT, COWEXTSIZE_AT].some(
    (field) => view.getUint32(at + field, true) !== 0,
  );
  if (left !== 0 || others) throw new FsError(errno.EOPNOTSUPP);
  return flags;
}

/** Kernels from 5.13 on have checked the caller already; older ones pass the call on as it is. */
function change(fs: Filesystem, request: Request, command: number): void {
  fs.requireWritable();
  const inode = inodeOf(fs, request);
  const { uid, pid } = request;
  if (uid !== inode.uid && !hasCapability(pid, CAP_FOWNER)) throw new FsError(errno.EPERM);
  const flags = wantedFlags(request, command);
  if (((flags ^ inode.flags) & GUARDED) !== 0 && !hasCapability(pid, CAP_LINUX_IMMUTABLE))
    throw new FsError(errno.EPERM);
  // Beside an immutable flag that stays nothing else comes or goes.
  if ((flags & inode.flags & INODE_IMMUTABLE) !== 0 && ((flags ^ inode.flags) & SETTABLE) !== 0)
    throw new FsError(errno.EPERM);
  inode.flags = (inode.flags & ~SETTABLE) | flags;
  inode.ctime = fs.now();
  inode.markDirty();
  announce(fs, inode, { unique: request.unique, from: -1, end: -1, sync: false });
}
