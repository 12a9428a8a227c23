import { MNT_DETACH, MNT_FORCE, umount } from '@vexfs/fuse/system';

/** Takes a mount away whatever uses it: every call that waits for its daemon ends with ENOTCONN or ECONNABORTED. */
export function abort(mountpoint: string): void {
  umount(mountpoint, MNT_FORCE | MNT_DETACH);
}
