import type { Inode } from '../volume/index.js';

/** Takes away what a file may not keep when its content changes: suid, and sgid where it is more than a lock mark. */
export function stripPrivileges(inode: Inode): void {
  let mode = inode.mode & ~0o4000;
  if ((mode & 0o0010) !== 0) mode &= ~0o2000;
  if (mode === inode.mode) return;
  inode.mode = mode;
  inode.markDirty();
}
