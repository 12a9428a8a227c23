import { slotsIn, strideOf } from '../volume/index.js';
import { Park } from './park.js';
import type { VectorFile } from './vector_file.js';

/** Where the kernel parts a write(2) is a multiple of its page size, and so of this. */
const SMALLEST_PAGE = 4096;
/** The next part follows at once; for who leaves half a row at the end of a file nobody waits longer. */
const PATIENCE_MS = 1000;

/**
 * Part of an O_APPEND write(2) that ends amid a row. The kernel passes such a write on in parts: up to the end of a page that it
 * has not got, and at most so many bytes. It holds the lock of the file meanwhile, but calls on rows do not take that: rows
 * that they added now would begin where the half row does.
 */
export interface UnfinishedAppend {
  /** The thread that writes, 0 where the daemon cannot see it. */
  readonly pid: number;
  /** Where the file ended then. */
  readonly end: number;
  /** When nobody waits for the rest any more. */
  readonly until: number;
}

/** Those who retry what was parked. */
interface Retries {
  retryAt(time: number): void;
}

/** After a write(2) of `size` bytes to `asked`, as the kernel has it, that appended or wrote elsewhere. */
export function noteWritten(
  retries: Retries,
  file: VectorFile,
  write: { readonly appends: boolean; readonly asked: number; readonly size: number; readonly pid: number },
): void {
  const { inode, set } = file;
  const { layout } = set;
  if (write.appends) file.isAppendedTo = true;
  if (file.unfinishedAppend !== undefined) retries.retryAt(0);
  const whole = layout.dataOffset + slotsIn(layout, inode.size) * strideOf(layout);
  const mayGoOn = write.appends && (write.asked + write.size) % SMALLEST_PAGE === 0 && inode.size > whole;
  file.unfinishedAppend = mayGoOn
    ? { pid: write.pid, end: inode.size, until: performance.now() + PATIENCE_MS }
    : undefined;
}

/** Before `pid` adds rows behind the last slot. Throws Park. */
export function requireWholeRows(retries: Retries, file: VectorFile, pid: number): void {
  const { unfinishedAppend: append } = file;
  if (append === undefined) return;
  // A thread that calls for something else has ended its write; so has everybody when the file has got another size.
  const isOver =
    append.end !== file.inode.size || (append.pid === pid && pid !== 0) || performance.now() >= append.until;
  if (!isOver) {
    retries.retryAt(append.until);
    throw new Park();
  }
  file.unfinishedAppend = undefined;
}
