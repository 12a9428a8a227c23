import { constants } from 'node:buffer';
import { check, errno, SystemCallError } from './errno.js';
import { bind, orErrno, rawAddress, rawView } from './libc.js';

const mmapRaw = bind<
  (address: number, length: number, protection: number, flags: number, fd: number, offset: number) => number
>('mmap', 'int64_t', ['int64_t', 'int64_t', 'int', 'int', 'int', 'int64_t']);
const munmapRaw = bind<(address: number, length: number) => number>('munmap', 'int', ['int64_t', 'int64_t']);
const madviseRaw = bind<(address: number, length: number, advice: number) => number>('madvise', 'int', [
  'int64_t',
  'int64_t',
  'int',
]);

const mincoreRaw = bind<(address: number, length: number, vector: number) => number>('mincore', 'int', [
  'int64_t',
  'int64_t',
  'int64_t',
]);

/** Bytes of a page of this kernel. */
export const PAGE_SIZE: number = bind<() => number>('getpagesize', 'int', [])();

/** Source: include/uapi/asm-generic/mman-common.h; the same on x86_64 and aarch64. */
export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_NORESERVE = 0x4000;
export const MADV_RANDOM = 1;
export const MADV_WILLNEED = 3;
export const MADV_DONTNEED = 4;
export const MADV_HUGEPAGE = 14;
export const MADV_DONTDUMP = 16;
export const MADV_POPULATE_READ = 22;

/** Most bytes that one JS view can cover. */
export const MAX_VIEW_BYTES: number = constants.MAX_LENGTH;

/** mmap(2). Returns the address or -errno (user addresses are positive). */
export function mmap(
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  return orErrno(mmapRaw(address, length, protection, flags, fd, offset));
}

/** munmap(2). JS views of the range must not be used afterwards: the next access is a SIGSEGV. */
export function munmap(address: number, length: number): number {
  return orErrno(munmapRaw(address, length));
}

/** madvise(2). MADV_POPULATE_READ reads a mapped file in and reports a bad sector as -EFAULT instead of SIGBUS. */
export function madvise(address: number, length: number, advice: number): number {
  return orErrno(madviseRaw(address, length, advice));
}

/**
 * mincore(2): one byte for each page of a range into memory at `vector`, whose lowest bit says that the page is in memory: to
 * touch it waits for no disk. -ENOMEM: something in the range is not mapped.
 */
export function mincore(address: number, length: number, vector: number): number {
  return orErrno(mincoreRaw(address, length, vector));
}

/** Reserves `length` bytes of addresses without memory behind them; touching them before a mapping is a SIGSEGV. */
export function reserveAddresses(length: number): number {
  return mmap(0, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/**
 * Maps `length` bytes of a file from `offset` (a multiple of the page size) over `address`, shared and read-only.
 * Returns `address` or -errno. What was mapped there before is replaced, so the range has to be the caller's own.
 */
export function mapFileAt(address: number, fd: number, offset: number, length: number): number {
  return mmap(address, length, PROT_READ, MAP_SHARED | MAP_FIXED, fd, offset);
}

/** Whether the filesystem of an open file maps it to be shared: some network filesystems, and files past the page cache, cannot be. */
export function isMappable(fd: number): boolean {
  const address = mmap(0, PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
  if (address < 0) return false;
  munmap(address, PAGE_SIZE);
  return true;
}

/** Turns a mapped range back into reserved addresses, keeping others from moving in. Returns `address` or -errno. */
export function unmapToReserved(address: number, length: number): number {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return mmap(address, length, PROT_NONE, flags, -1, 0);
}

/** A block of memory outside the JS heap, at an address that never moves and that every thread can use. */
export interface Memory {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * A window on `length` bytes at `address`, in any thread of this process: it is the memory itself, not a copy. The
 * garbage collector does not free the memory, nor does the view keep it alive. Throws RangeError for a length that no
 * view can have (more than MAX_VIEW_BYTES).
 */
export function viewMemory(address: number, length: number): Uint8Array {
  return new Uint8Array(viewable(address, length));
}

/** The same window with both kinds of view. */
export function memoryAt(address: number, length: number): Memory {
  const buffer = viewable(address, length);
  return { address, bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}

function viewable(address: number, length: number): ArrayBuffer {
  if (!Number.isSafeInteger(address) || address <= 0) throw new RangeError(`${address} is not an address`);
  if (!Number.isSafeInteger(length) || length <= 0 || length > MAX_VIEW_BYTES) {
    throw new RangeError(`a view of ${length} bytes is not possible`);
  }
  return rawView(address, length);
}

/**
 * Zeroed, page-aligned, private anonymous memory; pages are taken as they are touched. With `hugePages` the kernel is
 * asked for transparent huge pages (a hint). Throws SystemCallError (ENOMEM), RangeError above MAX_VIEW_BYTES.
 */
export function allocateMemory(length: number, options: { hugePages?: boolean } = {}): Memory {
  if (!Number.isSafeInteger(length) || length <= 0 || length > MAX_VIEW_BYTES) {
    throw new RangeError(`${length} bytes cannot be allocated in one block`);
  }
  const address = check(
    mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
    `allocating ${length} bytes`,
  );
  if (options.hugePages === true) madvise(address, length, MADV_HUGEPAGE);
  return memoryAt(address, length);
}

/** Gives the block back to the kernel. No view of it may be touched afterwards, in any thread. */
export function freeMemory(memory: Memory): void {
  check(munmap(memory.address, memory.bytes.byteLength), 'freeing memory');
}

/**
 * Address of a JS buffer's first byte, valid while the buffer is reachable. Only for memory of an ArrayBuffer (or
 * Buffer) made with at least 65 bytes: V8 keeps smaller typed arrays on its own heap and moves them.
 */
export function addressOf(bytes: Uint8Array): number {
  if (bytes.buffer instanceof SharedArrayBuffer) {
    throw new SystemCallError('taking the address of a SharedArrayBuffer', errno.EINVAL);
  }
  return rawAddress(bytes);
}
