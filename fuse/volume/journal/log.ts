import type { BlockDevice } from '../../system/device.js';
import type { JournalArea, JournalState } from './superblock.js';

const WINDOW_BYTES = 262144;

/** Reads the ring of log blocks, many at a time. Positions count from the start of the area, as jbd2's do. */
export class LogReader {
  readonly first: number;
  readonly last: number;
  readonly #device: BlockDevice;
  readonly #base: number;
  readonly #blockSize: number;
  readonly #window: Uint8Array;
  readonly #view: DataView;
  #windowStart = 0;
  #windowBlocks = 0;

  constructor(device: BlockDevice, area: JournalArea, state: JournalState) {
    this.first = state.first;
    this.last = state.last;
    this.#device = device;
    this.#base = area.start * area.blockSize;
    this.#blockSize = area.blockSize;
    this.#window = new Uint8Array(WINDOW_BYTES);
    this.#view = new DataView(this.#window.buffer);
  }

  /** Blocks of the ring. */
  get length(): number {
    return this.last - this.first;
  }

  /** The position `count` blocks after `position`. */
  after(position: number, count = 1): number {
    const next = position + count;
    return next < this.last ? next : next - this.length;
  }

  /** The block at `position`, valid until the next call. */
  block(position: number): Uint8Array {
    const at = this.#load(position);
    return this.#window.subarray(at, at + this.#blockSize);
  }

  /** A view of the block at `position`, valid until the next call; it is the whole window from `offset` on. */
  header(position: number): { readonly view: DataView; readonly offset: number } {
    return { offset: this.#load(position), view: this.#view };
  }

  /** Fills `into`, one block, past the window: for access in any order. */
  read(position: number, into: Uint8Array): void {
    this.#check(position);
    this.#device.read(this.#base + position * this.#blockSize, into);
  }

  #check(position: number): void {
    if (position >= this.first && position < this.last) return;
    throw new RangeError(`log block ${position} is outside ${this.first}..${this.last - 1}`);
  }

  #load(position: number): number {
    this.#check(position);
    if (position < this.#windowStart || position >= this.#windowStart + this.#windowBlocks) {
      const blocks = Math.min(WINDOW_BYTES / this.#blockSize, this.last - position);
      this.#windowBlocks = 0;
      this.#device.read(
        this.#base + position * this.#blockSize,
        this.#window.subarray(0, blocks * this.#blockSize),
      );
      this.#windowStart = position;
      this.#windowBlocks = blocks;
    }
    return (position - this.#windowStart) * this.#blockSize;
  }
}
