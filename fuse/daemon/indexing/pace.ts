import { INDEX_LEAST_ROWS, INDEX_MOST_BEHIND, INDEX_MOST_DELAY_MS } from '@vexfs/shared';
import { errno } from '../../system/index.js';
import type { Filesystem } from '../filesystem.js';
import type { FileIndex } from './file_index.js';

/** A call that brings rows and waits for the index before it begins. */
interface Held {
  readonly rows: number;
  readonly until: number;
  readonly begin: () => void;
}

/**
 * Keeps insertions at the pace of an index: past a bound it is the insert that becomes slow, not the search. Lives on the FUSE
 * thread, which never waits itself.
 */
export class Pace {
  private readonly held = new Map<number, Held>();

  get isHolding(): boolean {
    return this.held.size > 0;
  }

  /**
   * A call that brings `rows` waits: `begin` is called when `index` has caught up, or has not for INDEX_MOST_DELAY_MS. A signal ends
   * the call with EINTR before.
   */
  hold(fs: Filesystem, index: FileIndex, unique: number, rows: number, begin: () => void): void {
    this.held.set(unique, { rows, until: performance.now() + INDEX_MOST_DELAY_MS, begin });
    fs.waiting.set(unique, () => {
      this.held.delete(unique);
      fs.waiting.delete(unique);
      fs.connection.fail(unique, errno.EINTR);
    });
    fs.indexing.wake(index);
  }

  /** After each step of `index`, and when it takes no more. */
  release(fs: Filesystem, index: FileIndex): void {
    if (this.held.size === 0) return;
    const now = performance.now();
    for (const [unique, { rows, until, begin }] of [...this.held]) {
      if (now < until && !fs.indexing.hasEnded && isTooFarBehind(index, rows)) continue;
      this.held.delete(unique);
      fs.waiting.delete(unique);
      begin();
    }
  }
}

/**
 * Whether a call that brings `rows` has to wait. An index that rests, or that takes what stood there when it was made, answers no
 * searches anyway; one on the volume never catches up.
 */
export function isTooFarBehind(index: FileIndex, rows: number): boolean {
  const { queue, facts } = index;
  if (
    index.isGone ||
    index.error !== 0 ||
    index.isOnVolume ||
    queue.isScanning ||
    facts.rows < INDEX_LEAST_ROWS
  )
    return false;
  return queue.rows > Math.max(0, INDEX_MOST_BEHIND - rows);
}
