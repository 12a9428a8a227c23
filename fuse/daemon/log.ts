import { writeSync } from 'node:fs';

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
