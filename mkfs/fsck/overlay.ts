import type { BlockDevice } from '@vexfs/fuse/volume';

/**
 * A device in front of another that keeps what is written to itself, in whole blocks. All repairs are made here first;
 * what has been checked to be sound is written to the device behind it at the end, or thrown away.
 */
export class Overlay implements BlockDevice {
  readonly size: number;
  readonly blockSize: number;
  /** Blocks by number that differ from the device, or may. */
  readonly changed = new Map<number, Uint8Array>();
  private readonly below: BlockDevice;

  constructor(below: BlockDevice, blockSize: number) {
    this.below = below;
    this.size = below.size;
    this.blockSize = blockSize;
  }

  read(position: number, into: Uint8Array): void {
    const { blockSize, changed } = this;
    if (changed.size === 0) {
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
      const block = changed.get(number);
      if (block === undefined) continue;
      const start = number * blockSize;
      const from = Math.max(position, start);
      const to = Math.min(end, start + blockSize);
      into.set(block.subarray(from - start, to - start), from - position);
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

  private blockToChange(number: number, keeps: boolean): Uint8Array {
    let block = this.changed.get(number);
    if (block === undefined) {
      block = new Uint8Array(this.blockSize);
      if (keeps) this.below.read(number * this.blockSize, block);
      this.changed.set(number, block);
    }
    return block;
  }

  flush(): void {}
}
