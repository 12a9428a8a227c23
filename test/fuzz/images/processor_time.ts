import { readFileSync } from 'node:fs';

/** Clock ticks of /proc: USER_HZ, which is 100 on every Linux. */
const TICK_MS = 10;

/**
 * Milliseconds that a process has computed, on all of its threads; undefined when it is gone. What hangs in a loop is told
 * by this, and not by a clock that runs on while a busy machine does something else.
 */
export function processorMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may have spaces in it; utime and stime are the 14th and the 15th field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return undefined;
  }
}
