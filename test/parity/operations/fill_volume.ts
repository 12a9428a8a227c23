import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

/** Fills a volume to its last block with a file at `path`, and returns that. */
export function fillVolume(path: string): string {
  const fd = openSync(path, 'w');
  try {
    for (const bytes of [1 << 20, 4096, 512]) {
      try {
        for (;;) writeSync(fd, Buffer.alloc(bytes, 0x66));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return path;
}
