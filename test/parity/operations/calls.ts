/** System calls that Node does not have, as raw as a C program makes them. Each returns its result, or minus the errno. */
import { errnoName } from '@vexfs/fuse/system';
import koffi from 'koffi';

const libc = koffi.load(null);

function bind(name: string, parameters: string[]): (...words: unknown[]) => number {
  const call = libc.func(name, 'int64_t', parameters) as (...words: unknown[]) => number;
  return (...words) => {
    const result = Number(BigInt.asIntN(64, BigInt(call(...words))));
    return result === -1 || result === 0xffff_ffff ? -koffi.errno() : result;
  };
}

const setxattrRaw = bind('lsetxattr', ['str', 'str', 'const void *', 'size_t', 'int']);
const getxattrRaw = bind('lgetxattr', ['str', 'str', 'void *', 'size_t']);
const listxattrRaw = bind('llistxattr', ['str', 'void *', 'size_t']);
const removexattrRaw = bind('lremovexattr', ['str', 'str']);
const fallocateRaw = bind('fallocate', ['int', 'int', 'int64_t', 'int64_t']);
const lseekRaw = bind('lseek', ['int', 'int64_t', 'int']);
const copyRaw = bind('copy_file_range', ['int', 'int64_t *', 'int', 'int64_t *', 'size_t', 'uint32_t']);
const renameRaw = bind('renameat2', ['int', 'str', 'int', 'str', 'uint32_t']);
const linkatRaw = bind('linkat', ['int', 'str', 'int', 'str', 'int']);
const mknodRaw = bind('mknod', ['str', 'uint32_t', 'uint64_t']);
const utimensatRaw = bind('utimensat', ['int', 'str', 'const void *', 'int']);
const flockRaw = bind('flock', ['int', 'int']);
const syncfsRaw = bind('syncfs', ['int']);
const ioctlRaw = bind('ioctl', ['int', 'uint64_t', 'void *']);

/** Names of fallocate(2), lseek(2), renameat2(2), open(2) and so on that node:fs lacks. Source: include/uapi/linux. */
export const KEEP_SIZE = 1;
export const PUNCH_HOLE = 2;
export const COLLAPSE_RANGE = 8;
export const ZERO_RANGE = 16;
export const INSERT_RANGE = 32;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;
export const NOREPLACE = 1;
export const EXCHANGE = 2;
export const WHITEOUT = 4;
export const O_TMPFILE = 0o20200000;
export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;
const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
const AT_SYMLINK_NOFOLLOW = 0x100;

/** The result, or the name of the errno. */
export function outcome(result: number): number | string {
  return result < 0 ? errnoName(result) : result;
}

export function setXattr(path: string, name: string, value: Uint8Array | string, flags = 0): number | string {
  const bytes = Buffer.from(value);
  return outcome(setxattrRaw(path, name, bytes, bytes.length, flags));
}

/** The value, or the name of the errno. */
export function getXattr(path: string, name: string): Buffer | string {
  const into = Buffer.alloc(65_536);
  const length = getxattrRaw(path, name, into, into.length);
  return length < 0 ? errnoName(length) : into.subarray(0, length);
}

/** With a buffer of `room` bytes: what the call returns. */
export function getXattrSize(path: string, name: string, room: number): number | string {
  return outcome(getxattrRaw(path, name, Buffer.alloc(Math.max(1, room)), room));
}

/** The names in order of the alphabet, or the name of the errno. */
export function listXattr(path: string): string[] | string {
  const into = Buffer.alloc(65_536);
  const length = listxattrRaw(path, into, into.length);
  if (length < 0) return errnoName(length);
  return into.subarray(0, length).toString('latin1').split('\0').slice(0, -1).toSorted();
}

export function listXattrSize(path: string, room: number): number | string {
  return outcome(listxattrRaw(path, Buffer.alloc(Math.max(1, room)), room));
}

export function removeXattr(path: string, name: string): number | string {
  return outcome(removexattrRaw(path, name));
}

export function fallocate(fd: number, mode: number, offset: number, length: number): number | string {
  return outcome(fallocateRaw(fd, mode, offset, length));
}

export function seek(fd: number, offset: number, whence: number): number | string {
  return outcome(lseekRaw(fd, offset, whence));
}

export function copyRange(
  from: number,
  fromAt: number,
  to: number,
  toAt: number,
  length: number,
): number | string {
  return outcome(copyRaw(from, [fromAt], to, [toAt], length, 0));
}

export function rename2(from: string, to: string, flags: number): number | string {
  return outcome(renameRaw(AT_FDCWD, from, AT_FDCWD, to, flags));
}

/** Gives an open file (of O_TMPFILE, say) a name. */
export function linkDescriptor(fd: number, path: string): number | string {
  return outcome(linkatRaw(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
}

/** `mode` with the type bits; `device` as makedev(3) gives it. */
export function makeNode(path: string, mode: number, device = 0): number | string {
  return outcome(mknodRaw(path, mode, device));
}

/** A time of utimensat(2), or that it is left as it is, or that it is the time of the call. */
export type Moment = { readonly seconds: number; readonly nanoseconds: number } | 'omit' | 'now';

export function setTimes(path: string, atime: Moment, mtime: Moment): number | string {
  const bytes = Buffer.alloc(32);
  [atime, mtime].forEach((moment, i) => {
    if (typeof moment === 'string') {
      bytes.writeBigInt64LE(moment === 'omit' ? 0x3ffffffen : 0x3fffffffn, i * 16 + 8);
    } else {
      bytes.writeBigInt64LE(BigInt(moment.seconds), i * 16);
      bytes.writeBigInt64LE(BigInt(moment.nanoseconds), i * 16 + 8);
    }
  });
  return outcome(utimensatRaw(AT_FDCWD, path, bytes, AT_SYMLINK_NOFOLLOW));
}

export function lockFile(fd: number, operation: number): number | string {
  return outcome(flockRaw(fd, operation));
}

/** ioctl(2) whose argument is `argument`, which the call may change. */
export function ioctlBytes(fd: number, command: number, argument: Uint8Array): number | string {
  return outcome(ioctlRaw(fd, command, argument));
}

/** syncfs(2): `ok`, or the name of the errno. */
export function syncFilesystem(fd: number): string {
  const result = syncfsRaw(fd);
  return result < 0 ? errnoName(result) : 'ok';
}
