import {
  errno,
  isMappable,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  mapFileAt,
  mmap,
  munmap,
  PAGE_SIZE,
  PROT_READ,
} from '../system/index.js';
import { extentsOf, FsError, type Inode, type Run, type Volume } from '../volume/index.js';

/** Extents beyond which a file is read into memory instead of mapped. */
const MOST_EXTENTS = 10_000;
/** Addresses reserved for a small file. */
const LEAST_RESERVED = 64 << 20;

/** Whether the rows of a volume can be mapped: its blocks are whole pages, and the filesystem below does so. */
export function canMap(volume: Volume, fd: number): boolean {
  return volume.geometry.blockSize >= PAGE_SIZE && isMappable(fd);
}

/**
 * The content of a file mapped read-only from the image, extent by extent, into one range of addresses: byte b of the
 * file lies at base + b. Holes read as zeros. The range is extended in place while the file only grows; any other
 * change needs a new mapping, and the old one is unmapped when no search reads it any more.
 */
export class RowMapping {
  readonly base: number;
  readonly reserved: number;
  /** Extent version of the inode that this mapping shows. */
  version: number;
  /** Bytes from the start that have been read in once. */
  populated = 0;
  private mapped: Run[] = [];
  private readonly fd: number;
  private readonly blockSize: number;

  private constructor(volume: Volume, fd: number, inode: Inode) {
    this.fd = fd;
    this.blockSize = volume.geometry.blockSize;
    this.reserved = reservedFor(inode);
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    this.base = mmap(0, this.reserved, PROT_READ, flags, -1, 0);
    if (this.base < 0) throw new FsError(-this.base, 'no addresses to map the rows at');
    this.version = inode.extentVersion;
  }

  /** Regions of the address space that it takes. */
  get regions(): number {
    return 2 * this.mapped.length + 1;
  }

  /** Undefined when the file has too many extents or is too large, for itself or for `limits`. Throws FsError. */
  static create(
    volume: Volume,
    fd: number,
    inode: Inode,
    limits: { readonly regions: number; readonly bytes: number },
  ): RowMapping | undefined {
    if (reservedFor(inode) > limits.bytes) return undefined;
    const runs = mappable(volume, inode);
    if (runs === undefined || 2 * runs.length + 1 > limits.regions) return undefined;
    const mapping = new RowMapping(volume, fd, inode);
    try {
      for (const run of runs) mapping.map(run);
    } catch (error) {
      mapping.unmap();
      throw error;
    }
    mapping.mapped = runs;
    return mapping;
  }

  /** Follows a file that has grown; false when it has changed otherwise and a new mapping is needed. */
  extend(volume: Volume, inode: Inode): boolean {
    if (this.version === inode.extentVersion && inode.size <= this.reserved) return true;
    if (inode.size > this.reserved) return false;
    const runs = mappable(volume, inode);
    if (runs === undefined || runs.length < this.mapped.length) return false;
    for (let i = 0; i < this.mapped.length; i++) {
      const had = this.mapped[i]!;
      const has = runs[i]!;
      const lastOne = i === this.mapped.length - 1;
      const same =
        had.logical === has.logical &&
        had.physical === has.physical &&
        (had.length === has.length || (lastOne && has.length > had.length));
      if (!same) return false;
    }
    const last = this.mapped[this.mapped.length - 1];
    if (last !== undefined) {
      const grown = runs[this.mapped.length - 1]!;
      const more = grown.length - last.length;
      if (more > 0) {
        this.map({
          ...grown,
          logical: last.logical + last.length,
          physical: last.physical + last.length,
          length: more,
        });
        this.populated = Math.min(this.populated, (last.logical + last.length) * this.blockSize);
      }
    }
    for (const run of runs.slice(this.mapped.length)) {
      this.map(run);
      this.populated = Math.min(this.populated, run.logical * this.blockSize);
    }
    this.mapped = runs;
    this.version = inode.extentVersion;
    return true;
  }

  unmap(): void {
    munmap(this.base, this.reserved);
  }

  private map(run: Run): void {
    const { blockSize } = this;
    const at = run.logical * blockSize;
    // Extents past the size (a truncation that is not finished) have no place in the range.
    const length = Math.min(run.length * blockSize, this.reserved - at);
    if (length <= 0) return;
    const result = mapFileAt(this.base + at, this.fd, run.physical * blockSize, length);
    if (result < 0)
      throw new FsError(result === -errno.ENOMEM ? errno.ENOMEM : errno.EIO, 'the rows cannot be mapped');
  }
}

/** Room to grow, so that most inserts need no new mapping. */
function reservedFor(inode: Inode): number {
  return Math.max(LEAST_RESERVED, inode.size * 2);
}

function mappable(volume: Volume, inode: Inode): Run[] | undefined {
  const runs: Run[] = [];
  for (const run of extentsOf(volume, inode).all()) {
    if (runs.length === MOST_EXTENTS) return undefined;
    if (!run.unwritten) runs.push(run);
  }
  return runs;
}
