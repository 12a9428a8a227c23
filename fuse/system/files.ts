import { constants as fsConstants } from 'node:fs';
import { errno } from './errno.js';
import { bind, orErrno } from './libc.js';
import { putVector, putWord, scratch, scratchAddress } from './scratch.js';

type Transfer = (fd: number, address: number, length: number) => number;
type PositionedTransfer = (fd: number, address: number, length: number, position: number) => number;

const openRaw = bind<(path: string, flags: number, mode: number) => number>('open', 'int', [
  'str',
  'int',
  'int',
]);
const closeRaw = bind<(fd: number) => number>('close', 'int', ['int']);
const readRaw = bind<Transfer>('read', 'int64_t', ['int', 'int64_t', 'int64_t']);
const writeRaw = bind<Transfer>('write', 'int64_t', ['int', 'int64_t', 'int64_t']);
const preadRaw = bind<PositionedTransfer>('pread', 'int64_t', ['int', 'int64_t', 'int64_t', 'int64_t']);
const pwriteRaw = bind<PositionedTransfer>('pwrite', 'int64_t', ['int', 'int64_t', 'int64_t', 'int64_t']);
const preadv2Raw = bind<
  (fd: number, vectors: number, count: number, position: number, flags: number) => number
>('preadv2', 'int64_t', ['int', 'int64_t', 'int', 'int64_t', 'int']);
const writevRaw = bind<(fd: number, vectors: number, count: number) => number>('writev', 'int64_t', [
  'int',
  'int64_t',
  'int',
]);
const fdatasyncRaw = bind<(fd: number) => number>('fdatasync', 'int', ['int']);
const fallocateRaw = bind<(fd: number, mode: number, offset: number, length: number) => number>(
  'fallocate',
  'int',
  ['int', 'int', 'int64_t', 'int64_t'],
);
const copyFileRangeRaw = bind<
  (from: number, fromAt: number, to: number, toAt: number, length: number, flags: number) => number
>('copy_file_range', 'int64_t', ['int', 'int64_t', 'int', 'int64_t', 'int64_t', 'uint32_t']);
const flockRaw = bind<(fd: number, operation: number) => number>('flock', 'int', ['int', 'int']);

/** Flags of open(2). Those that differ between CPUs come from Node; O_CLOEXEC is 02000000 on both that we support. */
export const O_RDONLY = fsConstants.O_RDONLY;
export const O_WRONLY = fsConstants.O_WRONLY;
export const O_RDWR = fsConstants.O_RDWR;
export const O_CREAT = fsConstants.O_CREAT;
export const O_EXCL = fsConstants.O_EXCL;
export const O_TRUNC = fsConstants.O_TRUNC;
export const O_APPEND = fsConstants.O_APPEND;
export const O_NONBLOCK = fsConstants.O_NONBLOCK;
export const O_DSYNC = fsConstants.O_DSYNC;
export const O_SYNC = fsConstants.O_SYNC;
export const O_DIRECT = fsConstants.O_DIRECT;
export const O_DIRECTORY = fsConstants.O_DIRECTORY;
export const O_NOFOLLOW = fsConstants.O_NOFOLLOW;
export const O_CLOEXEC = 0o2000000;

/** Source: include/uapi/linux/fs.h, falloc.h, asm-generic/fcntl.h. */
export const RWF_NOWAIT = 8;
export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
export const FALLOC_FL_ZERO_RANGE = 16;
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

/** open(2); O_CLOEXEC is added. Unlike fs.openSync the descriptor is not closed when the worker that opened it ends. */
export function open(path: string, flags: number, mode = 0): number {
  return orErrno(openRaw(path, flags | O_CLOEXEC, mode));
}

/** close(2). On Linux the descriptor is gone whatever it returns: never repeat it. */
export function close(fd: number): number {
  return orErrno(closeRaw(fd));
}

/** read(2) into memory at `address`. Bytes read, 0 at the end of the file, or -errno. */
export function read(fd: number, address: number, length: number): number {
  return orErrno(readRaw(fd, address, length));
}

/** write(2) from memory at `address`. Bytes written or -errno. */
export function write(fd: number, address: number, length: number): number {
  return orErrno(writeRaw(fd, address, length));
}

/** pread(2). Bytes read (fewer at the end of the file) or -errno. */
export function pread(fd: number, address: number, length: number, position: number): number {
  return orErrno(preadRaw(fd, address, length, position));
}

/** pwrite(2). Bytes written or -errno. */
export function pwrite(fd: number, address: number, length: number, position: number): number {
  return orErrno(pwriteRaw(fd, address, length, position));
}

/**
 * Reads only what the page cache holds (preadv2 with RWF_NOWAIT): bytes read, which may stop short at the first page
 * that is not there, or -EAGAIN when the disk would be needed. A file whose filesystem cannot tell also answers
 * -EAGAIN, so a caller that may not wait for the disk never does.
 */
export function preadCached(fd: number, address: number, length: number, position: number): number {
  putVector(0, address, length);
  const result = orErrno(preadv2Raw(fd, scratchAddress, 1, position, RWF_NOWAIT));
  return result === -errno.EOPNOTSUPP || result === -errno.ENOSYS ? -errno.EAGAIN : result;
}

/** Whether the filesystem of an open file can tell what its page cache holds: tmpfs and many network filesystems cannot. */
export function tellsCached(fd: number): boolean {
  // A read of no byte succeeds everywhere.
  putVector(0, scratchAddress + 16, 1);
  const result = orErrno(preadv2Raw(fd, scratchAddress, 1, 0, RWF_NOWAIT));
  return result !== -errno.EOPNOTSUPP && result !== -errno.ENOSYS;
}

/** writev(2) of two pieces in one call: a FUSE reply's header and its payload. Bytes written or -errno. */
export function writePair(
  fd: number,
  address: number,
  length: number,
  address2: number,
  length2: number,
): number {
  putVector(0, address, length);
  putVector(16, address2, length2);
  return orErrno(writevRaw(fd, scratchAddress, 2));
}

/** writev(2) of three pieces in one call. Bytes written or -errno. */
export function writeTriple(
  fd: number,
  address: number,
  length: number,
  address2: number,
  length2: number,
  address3: number,
  length3: number,
): number {
  putVector(0, address, length);
  putVector(16, address2, length2);
  putVector(32, address3, length3);
  return orErrno(writevRaw(fd, scratchAddress, 3));
}

/** fdatasync(2): waits for the disk. */
export function fdatasync(fd: number): number {
  return orErrno(fdatasyncRaw(fd));
}

/** fallocate(2). */
export function fallocate(fd: number, mode: number, offset: number, length: number): number {
  return orErrno(fallocateRaw(fd, mode, offset, length));
}

/** Frees the blocks under a range of a file; it reads as zeros afterwards and the size stays. -EOPNOTSUPP: cannot. */
export function punchHole(fd: number, offset: number, length: number): number {
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/** copy_file_range(2). Bytes copied (0 at the end of the source) or -errno. */
export function copyFileRange(
  from: number,
  fromPosition: number,
  to: number,
  toPosition: number,
  length: number,
): number {
  putWord(0, fromPosition);
  putWord(8, toPosition);
  return orErrno(copyFileRangeRaw(from, scratchAddress, to, scratchAddress + 8, length, 0));
}

/** flock(2) with LOCK_SH, LOCK_EX or LOCK_UN, and LOCK_NB. Held by the open file, so a child that inherits it holds it too. */
export function flock(fd: number, operation: number): number {
  return orErrno(flockRaw(fd, operation));
}

const fcntlRaw = bind<(fd: number, command: number, argument: number) => number>('fcntl', 'int', [
  'int',
  'int',
  'int64_t',
]);

/** Source: include/uapi/asm-generic/fcntl.h. */
const F_GETFL = 3;
const F_SETFL = 4;

/** Makes reads of an open file answer -EAGAIN instead of waiting; for every descriptor that shares the open file. */
export function setNonBlocking(fd: number): number {
  const flags = orErrno(fcntlRaw(fd, F_GETFL, 0));
  return flags < 0 ? flags : orErrno(fcntlRaw(fd, F_SETFL, flags | O_NONBLOCK));
}

const pipeRaw = bind<(pair: number, flags: number) => number>('pipe2', 'int', ['int64_t', 'int']);

/** pipe2(2), close-on-exec: `{reader, writer}` or -errno. */
export function pipe(flags = 0): { reader: number; writer: number } | number {
  const result = orErrno(pipeRaw(scratchAddress, flags | O_CLOEXEC));
  return result < 0 ? result : { reader: scratch.getInt32(0, true), writer: scratch.getInt32(4, true) };
}

const dup2Raw = bind<(from: number, to: number) => number>('dup2', 'int', ['int', 'int']);

/** dup2(2): descriptor `to` becomes another name for `from`. */
export function duplicateOver(from: number, to: number): number {
  return orErrno(dup2Raw(from, to));
}
