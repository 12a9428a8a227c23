import type { BlockDevice } from '../system/device.js';

/** A device seen through blocks kept in memory: what a journal replay would have written to a device that is read-only. */
export class OverlayDevice implements BlockDevice {
  readonly size: number;
  private readonly below: BlockDevice;
  private readonly blockSize: number;
  private readonly blocks: ReadonlyMap<number, Uint8Array>;

  constructor(below: BlockDevice, blockSize: number, blocks: ReadonlyMap<number, Uint8Array>) {
    this.size = below.size;
    this.below = below;
    this.blockSize = blockSize;
    this.blocks = blocks;
  }

  read(position: number, into: Uint8Array): void {
    this.below.read(position, into);
    const first = Math.floor(position / this.blockSize);
    const last = Math.floor((position + into.length - 1) / this.blockSize);
    for (let number = first; number <= last; number++) {
      const block = this.blocks.get(number);
      if (block === undefined) continue;
      const start = number * this.blockSize;
      const from = Math.max(0, position - start);
      const to = Math.min(this.blockSize, position + into.length - start);
      into.set(block.subarray(from, to), start + from - position);
    }
  }

  write(): void {
    throw new Error('a read-only volume is never written');
  }

  flush(): void {}
}
