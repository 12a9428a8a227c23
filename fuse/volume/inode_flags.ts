/** What the flags of chattr(1) forbid, as fs/namei.c and fs/attr.c of the kernel do: all of it is EPERM. */
import { constants } from 'node:os';
import { INODE_APPEND, INODE_IMMUTABLE } from '@vexfs/shared';
import { FsError } from './errors.js';

const { EPERM } = constants.errno;

interface Flagged {
  readonly flags: number;
}

function refuse(inode: Flagged, flags: number): void {
  if ((inode.flags & flags) !== 0) throw new FsError(EPERM);
}

/** Content: an append-only file may still grow at its end. */
export function requireMutable(inode: Flagged): void {
  refuse(inode, INODE_IMMUTABLE);
}

/** Owner, mode, times, attributes, size, further names. */
export function requireUnrestricted(inode: Flagged): void {
  refuse(inode, INODE_IMMUTABLE | INODE_APPEND);
}

/** The name of `inode` goes from a directory, or comes to lead elsewhere. */
export function requireRemovable(parent: Flagged, inode: Flagged): void {
  requireUnrestricted(parent);
  requireUnrestricted(inode);
}
