import { bind } from './libc.js';
import { scratch, scratchAddress, takeWord } from './scratch.js';

const clockGettime = bind<(clock: number, at: number) => number>('clock_gettime', 'int', ['int', 'int64_t']);
const CLOCK_REALTIME = 0;

/** The wall clock: whole seconds since the epoch and nanoseconds. */
export function wallClock(): { seconds: number; nanoseconds: number } {
  clockGettime(CLOCK_REALTIME, scratchAddress);
  return { seconds: takeWord(0), nanoseconds: scratch.getUint32(8, true) };
}
