import type { BlockDevice } from '@vexfs/fuse/volume';
import { IntervalMap } from './interval_map.js';

/**
 * A device in front of another that keeps what is written to itself, in whole blocks. All repairs are made here first;
 * what has been checked to be sound is written to the device behind it at the end, or thrown away.
 */
export class Overlay implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  /** Blocks by number that differ from the device, or may. */
  readonly changed = new Map<number, Uint8Array>();
  /** Blocks that are copies of others on the device, which need no memory for their content. None of them is in `changed`. */
  readonly copies = new IntervalMap<number>();
  private readonly below: BlockDevice;

  constructor(below: BlockDevice, blockSize: number) {
    this.below = below;
    this.size = below.size;
    this.blockSize = blockSize;
  }

  read(position: number, into: Uint8Array): void {
    const { blockSize, changed, copies } = this;
    if (changed.size === 0 && copies.isEmpty) {
      this.below.read(position, into);
      return;
    }
    const end = position + into.length;
    const first = Math.floor(position / blockSize);
    const whole = changed.get(first);
    if (whole !== undefined && end <= (first + 1) * blockSize) {
      into.set(whole.subarray(position - first * blockSize, end - first * blockSize));
      return;
    }
    this.below.read(position, into);
    for (let number = first; number * blockSize < end; number++) {
      const start = number * blockSize;
      const from = Math.max(position, start);
      const to = Math.min(end, start + blockSize);
      const block = changed.get(number);
      if (block !== undefined) {
        into.set(block.subarray(from - start, to - start), from - position);
        continue;
      }
      const source = copies.valueAt(number);
      if (source === undefined) continue;
      this.below.read(
        Number(source) * blockSize + from - start,
        into.subarray(from - position, to - position),
      );
    }
  }

  write(position: number, from: Uint8Array): void {
    const { blockSize } = this;
    const end = position + from.length;
    if (end > this.size) throw new RangeError(`byte ${end} is past the device's ${this.size}`);
    for (let number = Math.floor(position / blockSize); number * blockSize < end; number++) {
      const start = number * blockSize;
      const low = Math.max(position, start);
      const high = Math.min(end, start + blockSize);
      this.blockToChange(number, low > start || high < start + blockSize).set(
        from.subarray(low - position, high - position),
        low - start,
      );
    }
  }

  /** Makes `length` blocks from `to` on copies of those from `source` on, as they are now. */
  copy(to: number, source: number, length: number): void {
    for (let i = 0; i < length; i++) {
      if (this.changed.has(source + i) || this.copies.valueAt(source + i) !== undefined) {
        const block = new Uint8Array(this.blockSize);
        this.read((source + i) * this.blockSize, block);
        this.write((to + i) * this.blockSize, block);
        continue;
      }
      this.forget(to + i);
      this.copies.insert(to + i, to + i + 1, BigInt(source + i));
    }
  }

  private forget(number: number): void {
    this.changed.delete(number);
    if (!this.copies.isEmpty) this.copies.remove(number, number + 1, () => {});
  }

  private blockToChange(number: number, keeps: boolean): Uint8Array {
    let block = this.changed.get(number);
    if (block === undefined) {
      block = new Uint8Array(this.blockSize);
      if (keeps) this.read(number * this.blockSize, block);
      this.forget(number);
      this.changed.set(number, block);
    }
    return block;
  }

  flush(): void {}
}
