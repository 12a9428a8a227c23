import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import type { BlockDevice } from '@vexfs/fuse/volume';

/** Bytes that are put back together. */
const PAGE = 4096;

/**
 * An image in a file that can be brought back: to its base, or to the base with one set of changes (the damage). Only
 * what was written meanwhile is written again. Reads and writes outside of it throw RangeError, which no part of the
 * daemon and of fsck may cause.
 */
export class ScratchImage implements BlockDevice {
  readonly path: string;
  readonly fd: number;
  size: number;
  writes = 0;
  private readonly base: Uint8Array;
  /** Pages that differ from the base, or may. */
  private readonly touched = new Set<number>();
  /** The damaged pages, once `keep` was called. */
  private kept: Map<number, Uint8Array> | undefined;
  private keptSize = 0;

  /** Makes the file; `base` must not change. */
  constructor(path: string, base: Uint8Array) {
    this.path = path;
    this.base = base;
    this.size = base.length;
    this.fd = openSync(path, 'w+', 0o600);
    ftruncateSync(this.fd, base.length);
    for (let at = 0; at < base.length; at += PAGE) {
      const page = base.subarray(at, at + PAGE);
      if (page.some((byte) => byte !== 0)) this.put(at, page);
    }
  }

  /** The image as it is now is what `restore` brings back. */
  keep(): void {
    this.kept = new Map();
    this.keptSize = this.size;
    for (const page of this.touched) this.kept.set(page, this.get(page * PAGE));
    this.writes = 0;
  }

  /** As it was at `keep`. */
  restore(): void {
    const { kept } = this;
    if (kept === undefined) throw new Error('nothing was kept');
    for (const page of this.touched) {
      const bytes = kept.get(page);
      if (bytes === undefined) this.touched.delete(page);
      this.put(page * PAGE, bytes ?? this.base.subarray(page * PAGE, (page + 1) * PAGE));
    }
    this.size = this.keptSize;
    ftruncateSync(this.fd, this.size);
    this.writes = 0;
  }

  /** As the base is. */
  reset(): void {
    this.kept = undefined;
    ftruncateSync(this.fd, this.base.length);
    for (let page = Math.floor(this.size / PAGE); page * PAGE < this.base.length; page++) {
      if (this.size < this.base.length) this.touched.add(page);
    }
    for (const page of this.touched)
      this.put(page * PAGE, this.base.subarray(page * PAGE, (page + 1) * PAGE));
    this.touched.clear();
    this.size = this.base.length;
    this.writes = 0;
  }

  /** The device ends here. */
  cut(size: number): void {
    this.size = size;
    ftruncateSync(this.fd, size);
  }

  read(position: number, into: Uint8Array): void {
    this.bound('read', position, into.length);
    for (let done = 0; done < into.length; ) {
      const count = readSync(this.fd, into, done, into.length - done, position + done);
      if (count === 0) throw new Error(`${this.path} ends at ${position + done}`);
      done += count;
    }
  }

  write(position: number, from: Uint8Array): void {
    this.bound('write', position, from.length);
    this.writes += 1;
    for (let page = Math.floor(position / PAGE); page * PAGE < position + from.length; page++) {
      this.touched.add(page);
    }
    this.put(position, from);
  }

  flush(): void {}

  /** Gives the file back. */
  close(): void {
    closeSync(this.fd);
    unlinkSync(this.path);
  }

  private bound(what: string, position: number, length: number): void {
    if (!Number.isSafeInteger(position) || position < 0 || position + length > this.size) {
      throw new RangeError(`a ${what} of ${length} bytes at ${position} is outside of the image`);
    }
  }

  private put(position: number, from: Uint8Array): void {
    const length = Math.min(from.length, Math.max(0, this.base.length - position));
    for (let done = 0; done < length; )
      done += writeSync(this.fd, from, done, length - done, position + done);
  }

  private get(position: number): Uint8Array {
    const into = new Uint8Array(Math.min(PAGE, Math.max(0, this.size - position)));
    if (into.length > 0) this.read(position, into);
    return into;
  }
}
