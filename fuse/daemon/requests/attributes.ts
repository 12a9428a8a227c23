import { encodeAttrOut, encodeStatfsOut, encodeStatxOut, FATTR, setattrIn } from '../../protocol/index.js';
import { Connection, type Request } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import {
  acl,
  FsError,
  type Inode,
  requireMutable,
  requireUnrestricted,
  truncateContent,
  xattr,
} from '../../volume/index.js';
import { CAP_FOWNER, hasCapability } from '../credentials.js';
import type { Filesystem } from '../filesystem.js';
import { stripCapability, stripPrivileges, strippedMode } from '../privileges.js';

const AT = Connection.PAYLOAD_AT;
const S_IFMT = 0o170000;
/** Nanoseconds. */
const SECOND = 1_000_000_000;

function sendAttributes(fs: Filesystem, unique: number, node: number): void {
  const size = encodeAttrOut(fs.connection.output.view, AT, fs.attributes(node), fs.attributeTimeout);
  fs.known.outdated.delete(node);
  fs.connection.send(unique, size);
}

export function getattr(fs: Filesystem, request: Request): void {
  sendAttributes(fs, request.unique, request.nodeid);
}

export function statx(fs: Filesystem, request: Request): void {
  const inode = fs.inode(request.nodeid);
  const { btime } = inode;
  const size = encodeStatxOut(
    fs.connection.output.view,
    AT,
    { ...fs.attributesOf(inode), btime: btime.seconds, btimensec: btime.nanoseconds },
    fs.attributeTimeout,
  );
  fs.connection.send(request.unique, size);
}

/** Sets the size with everything that follows from it: rows of a vector file appear and go with their slots. */
export function resize(fs: Filesystem, inode: Inode, size: number): void {
  if (inode.isDirectory) throw new FsError(errno.EISDIR);
  if (!inode.isRegular) throw new FsError(errno.EINVAL);
  fs.vectors.beforeResize(inode, size);
  try {
    truncateContent(fs.volume, inode, size);
  } finally {
    // Also when the truncation goes on after a commit: that commit must not part the size from the row log.
    fs.vectors.afterResize(inode);
  }
}

/** Seconds that are kept to the second; times beyond them become the last that are, as on every filesystem with bounds. */
function representable(seconds: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, seconds));
}

/** What chattr's flags leave: an append-only file may still be touched with the time of the call. */
function requireSettable(inode: Inode, valid: number): void {
  const atime = (valid & (FATTR.ATIME | FATTR.ATIME_NOW)) === FATTR.ATIME;
  const mtime = (valid & (FATTR.MTIME | FATTR.MTIME_NOW)) === FATTR.MTIME;
  const others = valid & (FATTR.MODE | FATTR.UID | FATTR.GID | FATTR.SIZE);
  if (atime || mtime || others !== 0) requireUnrestricted(inode);
  else if ((valid & (FATTR.ATIME | FATTR.MTIME)) !== 0) requireMutable(inode);
}

/** What SETATTR may change; the other bits say how. */
const ANYTHING =
  FATTR.MODE | FATTR.UID | FATTR.GID | FATTR.SIZE | FATTR.ATIME | FATTR.MTIME | FATTR.KILL_SUIDGID;

/**
 * SETATTR that changes nothing: a chown(2) of -1:-1, which takes the suid and sgid bits all the same, or what the kernel sends
 * before it changes the content of a file that has such bits. It has not checked who asks: the bits go for the owner alone.
 */
function changeNothing(fs: Filesystem, request: Request, inode: Inode): void {
  requireMutable(inode);
  const { uid, pid } = request;
  const strips = strippedMode(inode, pid) !== inode.mode;
  const isOwner = uid === inode.uid || hasCapability(pid, CAP_FOWNER);
  if (!strips || isOwner) {
    stripPrivileges(inode, pid);
    inode.ctime = fs.now();
    inode.markDirty();
  }
  sendAttributes(fs, request.unique, request.nodeid);
}

export function setattr(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { view, body } = request;
  const inode = fs.inode(request.nodeid);
  const valid = setattrIn.valid.get(view, body);
  if ((valid & ANYTHING) === 0) {
    changeNothing(fs, request, inode);
    return;
  }
  requireSettable(inode, valid);
  const nanoseconds = Math.max(setattrIn.atimensec.get(view, body), setattrIn.mtimensec.get(view, body));
  if ((valid & (FATTR.ATIME | FATTR.MTIME)) !== 0 && nanoseconds >= SECOND) throw new FsError(errno.EINVAL);
  const now = fs.now();
  // First, because it may have to read the disk: a call that fails there has changed nothing.
  if ((valid & (FATTR.SIZE | FATTR.UID | FATTR.GID)) !== 0) stripCapability(fs.volume, inode);
  if ((valid & FATTR.SIZE) !== 0) {
    const size = setattrIn.size.get(view, body);
    const changed = size !== inode.size;
    resize(fs, inode, size);
    if (changed || (valid & FATTR.MTIME) === 0) inode.mtime = now;
  }
  if ((valid & FATTR.KILL_SUIDGID) !== 0) stripPrivileges(inode, request.pid);
  if ((valid & FATTR.MODE) !== 0) {
    const mode = setattrIn.mode.get(view, body) & 0o7777;
    const access = xattr.get(fs.volume, inode, acl.ACCESS);
    if (access !== undefined) xattr.set(fs.volume, inode, acl.ACCESS, acl.withMode(access, mode));
    inode.mode = (inode.mode & S_IFMT) | mode;
  }
  if ((valid & FATTR.UID) !== 0) inode.uid = setattrIn.uid.get(view, body);
  if ((valid & FATTR.GID) !== 0) inode.gid = setattrIn.gid.get(view, body);
  if ((valid & FATTR.ATIME) !== 0) {
    inode.atime =
      (valid & FATTR.ATIME_NOW) !== 0
        ? now
        : {
            seconds: representable(setattrIn.atime.get(view, body)),
            nanoseconds: setattrIn.atimensec.get(view, body),
          };
  }
  if ((valid & FATTR.MTIME) !== 0) {
    inode.mtime =
      (valid & FATTR.MTIME_NOW) !== 0
        ? now
        : {
            seconds: representable(setattrIn.mtime.get(view, body)),
            nanoseconds: setattrIn.mtimensec.get(view, body),
          };
  }
  inode.ctime = now;
  inode.markDirty();
  sendAttributes(fs, request.unique, request.nodeid);
}

export function statfs(fs: Filesystem, request: Request): void {
  const { superblock, geometry } = fs.volume;
  const size = encodeStatfsOut(fs.connection.output.view, AT, {
    blocks: geometry.totalBlocks,
    bfree: superblock.freeBlocks,
    bavail: Math.max(0, superblock.freeBlocks - superblock.reservedBlocks),
    files: geometry.inodeCount,
    ffree: superblock.freeInodes,
    bsize: geometry.blockSize,
    namelen: 255,
  });
  fs.connection.send(request.unique, size);
}
