import { allocateMemory, errno, freeMemory, type Memory, PAGE_SIZE } from '../system/index.js';
import { FsError } from '../volume/index.js';
import { Park } from './park.js';

/** Memory kept for the next call; larger blocks go back to the system. */
const MOST_KEPT = 8;
const LARGEST_KEPT = 4 << 20;
/** Bytes that calls of one mount may hold at once: a bound of what users can make the daemon allocate. */
const MOST_IN_USE = 3 * 2 ** 30;

/** Memory that jobs copy rows, ids and bitmaps through: owned by the FUSE thread, used by one job at a time. */
export class TransferMemory {
  private kept: Memory[] = [];
  private inUse = 0;

  /** At least `bytes`, page-aligned, content undefined. Throws Park while others hold too much, ENOMEM. */
  take(bytes: number): Memory {
    if (this.inUse > 0 && this.inUse + bytes > MOST_IN_USE) throw new Park();
    const fitting = this.kept.findIndex((memory) => memory.bytes.length >= bytes);
    let memory: Memory;
    if (fitting >= 0) {
      [memory] = this.kept.splice(fitting, 1) as [Memory];
    } else {
      try {
        memory = allocateMemory(Math.ceil(Math.max(bytes, 16 * PAGE_SIZE) / PAGE_SIZE) * PAGE_SIZE);
      } catch {
        throw new FsError(errno.ENOMEM);
      }
    }
    this.inUse += memory.bytes.length;
    return memory;
  }

  give(memory: Memory): void {
    this.inUse -= memory.bytes.length;
    if (memory.bytes.length <= LARGEST_KEPT && this.kept.length < MOST_KEPT) this.kept.push(memory);
    else freeMemory(memory);
  }
}
