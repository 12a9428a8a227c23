import { closeSync } from 'node:fs';
import { bind, orErrno } from './libc.js';

/** Source: include/uapi/asm-generic/unistd.h; the same on every CPU. Older C libraries have no functions for them. */
const FSOPEN = 430;
const FSCONFIG = 431;
const FSMOUNT = 432;
/** Source: include/uapi/linux/mount.h */
const FSOPEN_CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;
const FSMOUNT_CLOEXEC = 1;

const fsopenRaw = bind<(call: number, type: string, flags: number) => number>('syscall', 'int64', [
  'int64',
  'str',
  'uint32',
]);
const fsconfigRaw = bind<
  (call: number, fd: number, command: number, key: number, value: number, aux: number) => number
>('syscall', 'int64', ['int64', 'int', 'uint32', 'int64', 'int64', 'int']);
const fsmountRaw = bind<(call: number, fd: number, flags: number, attributes: number) => number>(
  'syscall',
  'int64',
  ['int64', 'int', 'uint32', 'uint32'],
);

/**
 * Mounts a filesystem that needs no source, `tmpfs` say, where nobody else sees it, and returns a descriptor of its root: with the last
 * descriptor into it the mount is gone, however the process ends. Or minus an errno: EPERM without CAP_SYS_ADMIN, ENODEV for an
 * unknown type, ENOSYS before Linux 5.2. Source: fsopen(2), fsmount(2).
 */
export function openDetachedMount(type: string): number {
  const context = orErrno(fsopenRaw(FSOPEN, type, FSOPEN_CLOEXEC));
  if (context < 0) return context;
  try {
    const created = orErrno(fsconfigRaw(FSCONFIG, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
    return created < 0 ? created : orErrno(fsmountRaw(FSMOUNT, context, FSMOUNT_CLOEXEC, 0));
  } finally {
    closeSync(context);
  }
}
