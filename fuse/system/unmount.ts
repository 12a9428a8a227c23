import { bind, orErrno } from './libc.js';

const umount2Raw = bind<(target: string, flags: number) => number>('umount2', 'int', ['str', 'int']);

/** Source: include/linux/fs.h (umount2(2)). */
export const MNT_FORCE = 1;
export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

/** umount2(2). 0, or -EPERM without CAP_SYS_ADMIN, -EBUSY while in use, -EINVAL when nothing is mounted there. */
export function umount(target: string, flags = 0): number {
  return orErrno(umount2Raw(target, flags));
}
