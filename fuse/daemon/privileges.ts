import { XATTR_SECURITY } from '@vexfs/shared';
import { type Inode, type Volume, xattr } from '../volume/index.js';
import { CAP_FSETID, hasCapability, isMember } from './credentials.js';

const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o0010;

const CAPABILITY: xattr.XattrName = { space: XATTR_SECURITY, name: Buffer.from('capability') };

/**
 * Takes away what a file may not keep when its content or owner changes: suid, and sgid where the group may execute or
 * the caller (a thread) is not of the group. As setattr_should_drop_suidgid() in fs/attr.c; whether the caller may keep
 * suid all the same is known to who calls this.
 */
export function stripPrivileges(inode: Inode, pid: number): void {
  const mode = strippedMode(inode, pid);
  if (mode === inode.mode) return;
  inode.mode = mode;
  inode.markDirty();
}

/** The mode that stripPrivileges() leaves. */
export function strippedMode(inode: Inode, pid: number): number {
  if ((inode.mode & (S_ISUID | S_ISGID)) === 0 || inode.isDirectory) return inode.mode;
  let mode = inode.mode & ~S_ISUID;
  if ((mode & S_ISGID) !== 0 && ((mode & S_IXGRP) !== 0 || !mayKeepGroup(pid, inode.gid))) mode &= ~S_ISGID;
  return mode;
}

/** in_group_or_capable() of fs/attr.c: whether a thread may give a file of group `gid` the sgid bit. */
export function mayKeepGroup(pid: number, gid: number): boolean {
  return isMember(pid, gid) || hasCapability(pid, CAP_FSETID);
}

/** The capabilities of a program go with any change of its content or owner, whoever makes it. Throws DamageError. */
export function stripCapability(volume: Volume, inode: Inode): void {
  if (inode.xattrBlock === 0 || xattr.get(volume, inode, CAPABILITY) === undefined) return;
  xattr.remove(volume, inode, CAPABILITY);
}
