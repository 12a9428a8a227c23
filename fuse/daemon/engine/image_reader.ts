import { errno, memoryAt, pread } from '../../system/index.js';

/** Reads segments of a file, given as pairs {position on the device or -1 for a hole, bytes}: one after the other, or from where it is told. */
export class ImageReader {
  private readonly fd: number;
  private readonly pairs: Float64Array;
  /** Byte of the device that could not be read; -1 as long as there is none. */
  failedAt = -1;
  private index = 0;
  private within = 0;
  /** Where each segment begins, once somebody asks. */
  private starts: Float64Array | undefined;

  constructor(fd: number, pairs: Float64Array) {
    this.fd = fd;
    this.pairs = pairs;
  }

  /** Goes to a byte, counted from the first segment. */
  seek(offset: number): void {
    const { pairs } = this;
    const count = pairs.length / 2;
    if (this.starts === undefined) {
      this.starts = new Float64Array(count);
      for (let i = 1; i < count; i++) this.starts[i] = this.starts[i - 1]! + pairs[i * 2 - 1]!;
    }
    let low = 0;
    for (let high = count; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if (this.starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    this.index = low;
    this.within = offset - (this.starts[low] ?? 0);
  }

  /** The next `bytes` bytes to `address`; false when the device fails or the segments end. */
  read(address: number, bytes: number): boolean {
    for (let done = 0; done < bytes; ) {
      const position = this.pairs[this.index * 2];
      const length = this.pairs[this.index * 2 + 1];
      if (position === undefined || length === undefined) return false;
      const count = Math.min(bytes - done, length - this.within);
      if (position < 0) memoryAt(address + done, count).bytes.fill(0);
      else if (!readFully(this.fd, address + done, count, position + this.within)) {
        this.failedAt = position + this.within;
        return false;
      }
      done += count;
      this.within += count;
      if (this.within === length) {
        this.index += 1;
        this.within = 0;
      }
    }
    return true;
  }
}

function readFully(fd: number, address: number, bytes: number, position: number): boolean {
  for (let done = 0; done < bytes; ) {
    const got = pread(fd, address + done, bytes - done, position + done);
    if (got === -errno.EINTR) continue;
    if (got <= 0) return false;
    done += got;
  }
  return true;
}
