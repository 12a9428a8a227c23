import { type BlockDevice, DeviceError } from '@vexfs/fuse/volume';

/** One call that reached the device, in order. */
export type Step =
  | { readonly kind: 'write'; readonly position: number; readonly data: Uint8Array }
  | { readonly kind: 'flush' };

/** A device in memory that can keep what is done to it and can fail at a chosen call. */
export class MemoryDevice implements BlockDevice {
  readonly bytes: Uint8Array;
  /** Writes and flushes so far, when the device was made to record them. */
  readonly steps: Step[] = [];
  /** Calls (reads, writes, flushes) since the device was made. */
  calls = 0;
  /** The call that fails, counted as `calls` counts; -1 for none. */
  failAt = -1;
  /** Whether every call behind the one that failed fails as well. */
  failsForGood = false;
  private readonly records: boolean;

  constructor(bytes: Uint8Array, records = false) {
    this.bytes = bytes;
    this.records = records;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(position: number, into: Uint8Array): void {
    this.count('read');
    this.bound(position, into.length, 'read');
    into.set(this.bytes.subarray(position, position + into.length));
  }

  write(position: number, from: Uint8Array): void {
    this.count('write');
    this.bound(position, from.length, 'write');
    this.bytes.set(from, position);
    if (this.records) this.steps.push({ kind: 'write', position, data: from.slice() });
  }

  flush(): void {
    this.count('flush');
    if (this.records) this.steps.push({ kind: 'flush' });
  }

  private count(what: string): void {
    const call = this.calls;
    this.calls += 1;
    if (this.failAt < 0) return;
    if (call === this.failAt || (this.failsForGood && call > this.failAt)) {
      throw new DeviceError(`the device fails the ${what} that is call ${call}`, 5);
    }
  }

  private bound(position: number, length: number, what: string): void {
    if (!Number.isSafeInteger(position) || position < 0 || position + length > this.bytes.length) {
      throw new RangeError(`a ${what} of ${length} bytes at ${position} is outside of the device`);
    }
  }
}
