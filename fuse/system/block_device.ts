import { bind, orErrno } from './libc.js';
import { putWord, scratch, scratchAddress, takeWord } from './scratch.js';

const ioctlRaw = bind<(fd: number, request: number, argument: number) => number>('ioctl', 'int', [
  'int',
  'uint64_t',
  'int64_t',
]);

/** Source: include/uapi/linux/fs.h; the numbers are those of x86_64 and aarch64. */
const BLKROGET = 0x125e;
const BLKFLSBUF = 0x1261;
const BLKSSZGET = 0x1268;
const BLKDISCARD = 0x1277;
const BLKPBSZGET = 0x127b;
const BLKGETSIZE64 = 0x80081272;

/** ioctl(2) with an address or an integer as its argument. The call's own result or -errno. */
export function ioctl(fd: number, request: number, argument: number): number {
  return orErrno(ioctlRaw(fd, request, argument));
}

/** Bytes of a block device, or -ENOTTY for anything else. */
export function blockDeviceSize(fd: number): number {
  putWord(0, 0);
  const result = ioctl(fd, BLKGETSIZE64, scratchAddress);
  return result < 0 ? result : takeWord(0);
}

/** Bytes of a logical sector: the smallest and the alignment of direct I/O. */
export function logicalSectorSize(fd: number): number {
  return integerOf(fd, BLKSSZGET);
}

/** Bytes of a physical sector: the largest unit that a power failure leaves whole. */
export function physicalSectorSize(fd: number): number {
  return integerOf(fd, BLKPBSZGET);
}

/** 1 when the device refuses writes, 0 when it takes them, or -errno. */
export function isDeviceReadOnly(fd: number): number {
  return integerOf(fd, BLKROGET);
}

/** Tells the device that a range is not needed (multiples of the logical sector). -EOPNOTSUPP: it does not care. */
export function discardBlocks(fd: number, offset: number, length: number): number {
  putWord(0, offset);
  putWord(8, length);
  return ioctl(fd, BLKDISCARD, scratchAddress);
}

/** Writes back and drops what the page cache holds of the device. Needs CAP_SYS_ADMIN. */
export function flushDeviceCache(fd: number): number {
  return ioctl(fd, BLKFLSBUF, 0);
}

function integerOf(fd: number, request: number): number {
  putWord(0, 0);
  const result = ioctl(fd, request, scratchAddress);
  return result < 0 ? result : scratch.getInt32(0, true);
}
