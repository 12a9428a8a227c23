import { allocateMemory, freeMemory, type Memory } from '../system/index.js';

/** Words more than are asked for, so that a table that grows row by row does not ask for another block each time. */
const HEADROOM = 1.25;

/** The live bitmap of a table as it was at one moment. It stays so until it is given back. */
export interface LiveCopy {
  /** Address of the words, u64. */
  readonly address: number;
}

interface Copy extends LiveCopy {
  readonly memory: Memory;
  /** Changes of the table before it was made. */
  changes: number;
  users: number;
}

/**
 * Copies of the live bitmap of one table, for searches on other threads: those between two changes of the table share one. Of one
 * thread, which changes the table.
 */
export class LiveCopies {
  private latest: Copy | undefined;

  /**
   * The bitmap of `words` u64 as `fill` writes it, after so many changes. Throws without memory. To be given back.
   */
  take(changes: number, words: number, fill: (address: number, words: number) => void): LiveCopy {
    if (this.latest?.changes === changes) {
      this.latest.users += 1;
      return this.latest;
    }
    const copy = this.unused(words * 8);
    fill(copy.address, words);
    copy.changes = changes;
    copy.users += 1;
    return copy;
  }

  give(copy: LiveCopy): void {
    const own = copy as Copy;
    own.users -= 1;
    if (own.users === 0 && own !== this.latest) freeMemory(own.memory);
  }

  /** Nobody uses a copy any more, nor will. */
  destroy(): void {
    if (this.latest !== undefined) freeMemory(this.latest.memory);
    this.latest = undefined;
  }

  private unused(bytes: number): Copy {
    const { latest } = this;
    if (latest?.users === 0) {
      if (latest.memory.bytes.length >= bytes) return latest;
      this.destroy();
    }
    const memory = allocateMemory(Math.max(64, Math.ceil((bytes * HEADROOM) / 8) * 8));
    this.latest = { address: memory.address, memory, changes: -1, users: 0 };
    return this.latest;
  }
}
