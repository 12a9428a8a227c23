import { type BlockDevice, DeviceError } from '@vexfs/fuse/journal';

/** One call that reached the device. */
export type Step =
  | { readonly kind: 'write'; readonly position: number; readonly data: Uint8Array }
  | { readonly kind: 'flush' };

/** A device in memory that keeps what is done to it, so that a test can cut the power anywhere. */
export class MemoryDevice implements BlockDevice {
  readonly bytes: Uint8Array;
  readonly steps: Step[] = [];
  /** Writes and flushes that still succeed. */
  stepsLeft = Number.POSITIVE_INFINITY;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(position: number, into: Uint8Array): void {
    if (position < 0 || position + into.length > this.bytes.length) {
      throw new DeviceError(`read of ${into.length} bytes at ${position} is outside the device`, 5);
    }
    into.set(this.bytes.subarray(position, position + into.length));
  }

  write(position: number, from: Uint8Array): void {
    this.#step();
    if (position < 0 || position + from.length > this.bytes.length) {
      throw new DeviceError(`write of ${from.length} bytes at ${position} is outside the device`, 5);
    }
    this.bytes.set(from, position);
    this.steps.push({ kind: 'write', position, data: from.slice() });
  }

  flush(): void {
    this.#step();
    this.steps.push({ kind: 'flush' });
  }

  #step(): void {
    if (this.stepsLeft === 0) throw new DeviceError('the device has failed', 5);
    this.stepsLeft--;
  }
}
