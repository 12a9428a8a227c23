import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import {
  copyRange,
  fallocate,
  KEEP_SIZE,
  PUNCH_HOLE,
  SEEK_DATA,
  seek,
  ZERO_RANGE,
} from '../../parity/operations/calls.js';

const MOST_BYTES = 4 << 20;

/**
 * Seeded work on one file that leaves it in pieces: every other block written first, then holes, zeros, blocks in advance,
 * writes and cuts at random places, each done in memory too.
 */
export class ScatteredWork {
  private readonly fd: number;
  private readonly block: number;
  private readonly model = Buffer.alloc(MOST_BYTES);
  private size = 0;
  private state: number;

  constructor(path: string, seed: number, block: number) {
    this.fd = openSync(path, 'wx+');
    this.block = block;
    this.state = (seed * 0x9e3779b1) >>> 0 || 1;
    for (let at = 0; at < MOST_BYTES; at += 2 * block) this.write(at, block, 1);
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      const what = this.step(step);
      if (step % 100 === 0 || step === steps - 1) this.compare(`step ${step}, ${what}`);
    }
  }

  end(): void {
    fsyncSync(this.fd);
    closeSync(this.fd);
  }

  private next(below: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state % below;
  }

  private write(at: number, length: number, value: number): void {
    const bytes = Buffer.alloc(length, value);
    if (writeSync(this.fd, bytes, 0, length, at) !== length) throw new Error(`short write at ${at}`);
    bytes.copy(this.model, at);
    this.size = Math.max(this.size, at + length);
  }

  private allocate(mode: number, at: number, length: number): void {
    const answer = fallocate(this.fd, mode, at, length);
    if (answer !== 0) throw new Error(`fallocate ${mode} ${at} ${length}: ${answer}`);
  }

  /** Returns what it did. */
  private step(step: number): string {
    const at = this.next(MOST_BYTES / this.block) * this.block;
    const length = Math.min(MOST_BYTES - at, (1 + this.next(20)) * this.block);
    switch (this.next(8)) {
      case 0:
        this.allocate(PUNCH_HOLE | KEEP_SIZE, at, length);
        this.model.fill(0, at, at + length);
        return `hole ${at} ${length}`;
      case 1:
        this.allocate(ZERO_RANGE, at, length);
        this.model.fill(0, at, at + length);
        this.size = Math.max(this.size, at + length);
        return `zeros ${at} ${length}`;
      case 2:
        this.allocate(KEEP_SIZE, at, length);
        return `blocks ${at} ${length}`;
      case 3: {
        const from = Math.min(MOST_BYTES - this.block, at + this.next(this.block));
        this.allocate(PUNCH_HOLE | KEEP_SIZE, from, this.block - 1);
        this.model.fill(0, from, from + this.block - 1);
        return `crooked hole ${from}`;
      }
      case 4:
        if (step % 10 === 0) this.cut(this.next(MOST_BYTES));
        return 'cut';
      case 5:
        return this.copy(at, length);
      default: {
        const from = Math.min(MOST_BYTES - length, at + this.next(this.block));
        this.write(from, length, (step & 0xff) | 1);
        return `write ${from} ${length}`;
      }
    }
  }

  private cut(to: number): void {
    ftruncateSync(this.fd, to);
    if (to < this.size) this.model.fill(0, to);
    this.size = to;
  }

  private copy(at: number, length: number): string {
    const to = this.next(MOST_BYTES - length);
    const overlaps = to < at + length && at < to + length;
    const count = Math.min(length, this.size - at);
    if (overlaps || count <= 0) return 'no copy';
    const copied = copyRange(this.fd, at, this.fd, to, count);
    if (copied !== count) throw new Error(`copy_file_range ${at} ${to} ${count}: ${copied}`);
    this.model.copy(this.model, to, at, at + count);
    this.size = Math.max(this.size, to + count);
    return `copy ${at} ${to} ${count}`;
  }

  private compare(what: string): void {
    const { size } = fstatSync(this.fd);
    if (size !== this.size) throw new Error(`${what}: the size is ${size} and not ${this.size}`);
    const seen = Buffer.alloc(size);
    for (let done = 0; done < size; ) {
      const got = readSync(this.fd, seen, done, size - done, done);
      if (got <= 0) throw new Error(`${what}: nothing to read at ${done}`);
      done += got;
    }
    if (!seen.equals(this.model.subarray(0, size))) {
      const at = seen.findIndex((byte, i) => byte !== this.model[i]);
      throw new Error(`${what}: byte ${at} is ${seen[at]} and not ${this.model[at]}`);
    }
    const first = this.model.subarray(0, size).findIndex((byte) => byte !== 0);
    const data = seek(this.fd, 0, SEEK_DATA);
    if (first >= 0 && (typeof data === 'string' || data > first))
      throw new Error(`${what}: data begins at ${data} and not at or before ${first}`);
  }
}
