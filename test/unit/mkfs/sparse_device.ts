import type { BlockDevice } from '@vexfs/fuse/journal';

const PAGE = 4096;

/** A device in memory that keeps only what was written; the rest reads as `background`. */
export class SparseDevice implements BlockDevice {
  readonly size: number;
  /** Bytes written so far. */
  written = 0;
  /** 'write' with its position, and 'flush', in order. */
  readonly events: Array<{ readonly kind: 'write' | 'flush'; readonly position: number }> = [];
  /** Calls of write that succeed before one throws. */
  writesLeft = Number.POSITIVE_INFINITY;
  private readonly background: number;
  private readonly pages = new Map<number, Uint8Array>();

  constructor(size: number, background = 0) {
    this.size = size;
    this.background = background;
  }

  read(position: number, into: Uint8Array): void {
    if (position + into.length > this.size) throw new Error(`read past ${this.size} at ${position}`);
    this.walk(position, into.length, (page, offset, length, at) => {
      const bytes = this.pages.get(page);
      if (bytes === undefined) into.fill(this.background, at, at + length);
      else into.set(bytes.subarray(offset, offset + length), at);
    });
  }

  write(position: number, from: Uint8Array): void {
    if (position + from.length > this.size) throw new Error(`write past ${this.size} at ${position}`);
    if (this.writesLeft === 0) throw new Error('the device failed');
    this.writesLeft -= 1;
    this.written += from.length;
    this.events.push({ kind: 'write', position });
    this.walk(position, from.length, (page, offset, length, at) => {
      let bytes = this.pages.get(page);
      if (bytes === undefined) {
        bytes = new Uint8Array(PAGE).fill(this.background);
        this.pages.set(page, bytes);
      }
      bytes.set(from.subarray(at, at + length), offset);
    });
  }

  flush(): void {
    this.events.push({ kind: 'flush', position: 0 });
  }

  /** A copy of `length` bytes. */
  bytes(position: number, length: number): Uint8Array {
    const into = new Uint8Array(length);
    this.read(position, into);
    return into;
  }

  private walk(
    position: number,
    total: number,
    visit: (page: number, offset: number, length: number, at: number) => void,
  ): void {
    for (let at = 0; at < total; ) {
      const page = Math.floor((position + at) / PAGE);
      const offset = (position + at) % PAGE;
      const length = Math.min(PAGE - offset, total - at);
      visit(page, offset, length, at);
      at += length;
    }
  }
}
