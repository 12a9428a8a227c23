import { availableParallelism } from 'node:os';
import { O_RDONLY, open, pread } from './files.js';
import { scratch, scratchAddress } from './scratch.js';

const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
/** Fields of /proc/loadavg before the number of threads that run. */
const AVERAGES = 3;
const LONGEST = 64;

/** Of this thread, which keeps it; below 0 where it cannot be had. */
let loadavg: number | undefined;

/**
 * Threads of the machine that run or are ready to, this one among them; undefined where nobody tells. Source: proc(5),
 * /proc/loadavg.
 */
export function runnableThreads(): number | undefined {
  loadavg ??= open('/proc/loadavg', O_RDONLY);
  if (loadavg < 0) return undefined;
  const length = pread(loadavg, scratchAddress, LONGEST, 0);
  let at = 0;
  for (let field = 0; at < length && field < AVERAGES; at++) if (scratch.getUint8(at) === SPACE) field += 1;
  let threads: number | undefined;
  for (; at < length; at++) {
    const digit = scratch.getUint8(at);
    if (digit < ZERO || digit > NINE) break;
    threads = (threads ?? 0) * 10 + digit - ZERO;
  }
  return threads;
}

/** Processors that this process may use. */
export const processors = availableParallelism();
