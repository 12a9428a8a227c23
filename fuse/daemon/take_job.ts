import type { Memory } from '../system/index.js';
import { type JobSlot, SPARE } from './exchange.js';
import type { Filesystem } from './filesystem.js';
import { Park } from './park.js';

/**
 * A slot for a job on a caller's rows or memory, and so many bytes of memory for it; `user`: whose call it is. Throws Park, ENOMEM:
 * then neither is taken.
 */
export function takeJob(
  fs: Filesystem,
  bytes: number,
  user?: number,
): { readonly slot: JobSlot; readonly memory: Memory } {
  const slot = fs.exchange.take(SPARE.caller, user);
  if (slot === undefined) throw new Park();
  try {
    return { slot, memory: fs.transfer.take(bytes) };
  } catch (error) {
    fs.exchange.give(slot);
    throw error;
  }
}
