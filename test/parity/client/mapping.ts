import {
  check,
  MAP_PRIVATE,
  MAP_SHARED,
  type Memory,
  memoryAt,
  mmap,
  munmap,
  PROT_READ,
  PROT_WRITE,
} from '@vexfs/fuse/system';
import koffi from 'koffi';

const msyncRaw = koffi.load(null).func('msync', 'int', ['int64_t', 'int64_t', 'int']) as (
  address: number,
  length: number,
  flags: number,
) => number;

/** Source: include/uapi/asm-generic/mman-common.h. */
const MS_SYNC = 4;

/** A mapped part of a file. */
export interface Mapping extends Memory {
  /** msync(MS_SYNC). */
  sync(): void;
  unmap(): void;
}

/** Maps `length` bytes of a file from `offset` on, a multiple of the page size; shared unless `isPrivate`. */
export function mapFile(
  fd: number,
  length: number,
  options: { offset?: number; isPrivate?: boolean; readOnly?: boolean } = {},
): Mapping {
  const protection = options.readOnly === true ? PROT_READ : PROT_READ | PROT_WRITE;
  const flags = options.isPrivate === true ? MAP_PRIVATE : MAP_SHARED;
  const address = check(mmap(0, length, protection, flags, fd, options.offset ?? 0), 'mmap');
  return {
    ...memoryAt(address, length),
    sync() {
      if (msyncRaw(address, length, MS_SYNC) !== 0) throw new Error(`msync: errno ${koffi.errno()}`);
    },
    unmap() {
      check(munmap(address, length), 'munmap');
    },
  };
}
