import { errno } from '../system/index.js';
import { type Volume, writeZeros } from '../volume/index.js';
import { SPARE, WRITE_QUEUE } from './exchange.js';
import type { Filesystem } from './filesystem.js';
import { anyJob, JOB, writeJob } from './jobs.js';
import { Park } from './park.js';

/** What is cheaper to write at once than to hand to another thread, in bytes. */
export const WORTH_A_THREAD = 4 << 20;

/** Bytes on their way to the device, in the order they were added. */
export class DeviceWrites {
  private readonly numbers: number[] = [];
  bytes = 0;

  /** `source`: address of `bytes` bytes that stay until the job is done, or 0 for zeros. */
  add(position: number, bytes: number, source: number): void {
    this.numbers.push(position, bytes, source);
    this.bytes += bytes;
  }

  /** Writes zeros to all places at once, on this thread. Throws DeviceError. */
  zeroNow(volume: Volume): void {
    for (let i = 0; i < this.numbers.length; i += 3)
      writeZeros(volume, this.numbers[i]!, this.numbers[i + 1]!);
  }

  /**
   * A thread writes them all; then `done` runs with 0 or a positive errno. Blocks that the volume frees meanwhile are not
   * reused before. `unique`: the request whose interruption ends it, 0 for none. Throws Park, ENOMEM: nothing has begun.
   */
  submit(fs: Filesystem, unique: number, done: (code: number) => void): void {
    const slot = fs.exchange.take(SPARE.read);
    if (slot === undefined) throw new Park();
    try {
      const memory = fs.scratch.take(this.numbers.length * 8);
      new Float64Array(memory.bytes.buffer, memory.bytes.byteOffset, this.numbers.length).set(this.numbers);
      const { fields } = slot;
      fields[anyJob.kind] = JOB.WRITE;
      fields[anyJob.unique] = unique;
      fields[writeJob.pieces] = this.numbers.length / 3;
      fields[writeJob.piecesAt] = memory.address;
      fs.pin(slot, () => {
        fs.scratch.give(memory);
        if (fields[anyJob.result] === errno.EIO) fs.warn('the device did not take what was written to it');
        done(fields[anyJob.result]!);
      });
    } catch (error) {
      fs.exchange.give(slot);
      throw error;
    }
    fs.submit(WRITE_QUEUE, slot, unique);
  }
}
