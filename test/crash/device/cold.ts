import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

const advise = koffi.load(null).func('posix_fadvise', 'int', ['int', 'int64_t', 'int64_t', 'int']) as (
  fd: number,
  offset: number,
  length: number,
  advice: number,
) => number;

/** Source: include/uapi/linux/fadvise.h. */
const POSIX_FADV_DONTNEED = 4;

/** Drops what the page cache holds of a file and need not write: who reads it next reads the disk. */
export function makeCold(path: string): void {
  const fd = openSync(path, 'r');
  try {
    advise(fd, 0, 0, POSIX_FADV_DONTNEED);
  } finally {
    closeSync(fd);
  }
}
