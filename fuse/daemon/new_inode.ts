import { INODE_NOATIME, INODE_NODUMP, INODE_SYNC } from '@vexfs/shared';
import type { Request } from '../server/connection.js';
import { errno } from '../system/index.js';
import { acl, FsError, type Inode, xattr } from '../volume/index.js';
import type { Filesystem } from './filesystem.js';
import { mayKeepGroup } from './privileges.js';

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o0010;

/** What a new inode gets from its caller and its directory. */
export interface Inheritance {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Flags of chattr(1) that the directory hands down. */
  readonly flags: number;
  /** Access list and default list, where the directory has a default list. */
  readonly access: Uint8Array | undefined;
  readonly defaults: Uint8Array | undefined;
  /** Blocks that the lists take. */
  readonly moreBlocks: number;
}

/**
 * The owner and mode of what a caller makes in a directory. One with the sgid bit hands down its group, and itself to
 * directories; one with a default access list replaces the umask. As inode_init_owner(), mode_strip_sgid() and
 * posix_acl_create() in the kernel. Throws ENOSPC when the lists do not fit in a block.
 */
export function inheritFrom(
  fs: Filesystem,
  parent: Inode,
  request: Request,
  mode: number,
  umask: number,
): Inheritance {
  const type = mode & S_IFMT;
  const isDirectory = type === S_IFDIR;
  const handsDown = (parent.mode & S_ISGID) !== 0;
  const both = S_ISGID | S_IXGRP;
  let bits = mode;
  if (handsDown && isDirectory) bits |= S_ISGID;
  else if (handsDown && (bits & both) === both && !mayKeepGroup(request.pid, parent.gid)) bits &= ~S_ISGID;
  const holds =
    isDirectory || type === S_IFREG
      ? INODE_SYNC | INODE_NODUMP | INODE_NOATIME
      : INODE_NODUMP | INODE_NOATIME;
  const owner = {
    uid: request.uid,
    gid: handsDown ? parent.gid : request.gid,
    flags: parent.flags & holds,
  };
  const none = { access: undefined, defaults: undefined, moreBlocks: 0 };
  if (type === S_IFLNK) return { ...owner, mode: bits, ...none };
  const defaults = xattr.get(fs.volume, parent, acl.DEFAULT);
  if (defaults === undefined) return { ...owner, mode: bits & ~(umask & 0o777), ...none };
  const inherited = acl.inherit(defaults, bits);
  const lists = { access: inherited.access, defaults: isDirectory ? defaults : undefined };
  const values = [lists.access, lists.defaults].filter((list) => list !== undefined);
  if (!xattr.fit(fs.volume, values))
    throw new FsError(errno.ENOSPC, 'the access lists do not fit in one block');
  return { ...owner, mode: inherited.mode, ...lists, moreBlocks: values.length > 0 ? 1 : 0 };
}

/** Stores the lists of a new inode, for which the caller has required `moreBlocks`. */
export function storeLists(fs: Filesystem, inode: Inode, inheritance: Inheritance): void {
  const { access, defaults } = inheritance;
  if (access !== undefined) xattr.set(fs.volume, inode, acl.ACCESS, access);
  if (defaults !== undefined) xattr.set(fs.volume, inode, acl.DEFAULT, defaults);
}
