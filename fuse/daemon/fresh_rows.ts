import { type Inode, writeContent } from '../volume/index.js';
import type { JobSlot } from './exchange.js';
import type { Filesystem } from './filesystem.js';
import { announceJob } from './jobs.js';
import type { VectorFile } from './vector_file.js';

/** A part of a file. */
interface Part {
  readonly offset: number;
  readonly length: number;
}

/**
 * Rows that were put into a file behind the kernel's back, until it has dropped what it had of their pages. A page that somebody
 * stores to through a mapping meanwhile comes back whole, with what was there before them.
 */
export class FreshRows {
  private readonly file: VectorFile;
  readonly parts: readonly Part[];
  /** The job that has the pages dropped. */
  private slot: JobSlot | undefined;

  /** Before the first byte is written. */
  constructor(file: VectorFile, parts: readonly Part[]) {
    this.file = file;
    this.parts = parts;
    file.fresh.add(this);
  }

  /** `slot` is about to be submitted. */
  announcedBy(slot: JobSlot): void {
    slot.fields[announceJob.isDropped] = 0;
    this.slot = slot;
  }

  /** Whether pages that come back are from before. Its caller is answered before the job is collected, and may store then. */
  get isFresh(): boolean {
    return this.slot === undefined || this.slot.fields[announceJob.isDropped] === 0;
  }

  /** The job has come back, or the rows have not come about. */
  end(): void {
    this.file.fresh.delete(this);
  }
}

/** Writes pages that the kernel has had, but for the bytes of fresh rows. How many bytes are as they should be, from the first on. */
export function writeBack(fs: Filesystem, inode: Inode, offset: number, bytes: Uint8Array): number {
  const stop = offset + bytes.length;
  const fresh = [...(fs.vectors.loaded(inode)?.fresh ?? [])].filter((rows) => rows.isFresh);
  const parts = fresh
    .flatMap((rows) => rows.parts)
    .filter((part) => part.offset < stop && part.offset + part.length > offset)
    .sort((one, other) => one.offset - other.offset);
  let at = offset;
  for (const part of [...parts, { offset: stop, length: 0 }]) {
    const length = Math.min(part.offset, stop) - at;
    if (length > 0) {
      const written = writeContent(fs.volume, inode, at, bytes.subarray(at - offset, at - offset + length));
      if (written < length) return at - offset + written;
    }
    at = Math.max(at, part.offset + part.length);
  }
  return bytes.length;
}
