import { writeSync } from 'node:fs';

const told = new Set<string>();
/** Lines that are remembered; what comes when there are more is not told. */
const MOST_TOLD = 1000;

/** A line of which this thread has told nothing before: what keeps on failing for one reason is told once. */
export function logOnce(message: string): void {
  if (told.has(message) || told.size > MOST_TOLD) return;
  told.add(message);
  log(message);
}

/**
 * A line in the daemon's log, at once and from any thread. In a worker console.error is no way to do that: what follows the
 * first line waits for the event loop of the worker, and threads that sleep in system calls have none.
 */
export function log(message: string): void {
  try {
    writeSync(2, `vexfs-fuse: ${message}\n`);
  } catch {
    // Nobody reads the log any more: no reason not to serve.
  }
}
