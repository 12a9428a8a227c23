/** What User-mode Linux cannot show: calls on two processors at once, preemption, and the vector registers of x86 in the kernel. */
import ava from 'ava';
import { provideStockParts } from '../../vm/provide.js';
import { runThreads } from './run_threads.js';

const ROUNDS = 200;
const SECONDS = 600;

const parts = provideStockParts('bookworm');
const title =
  'threads on two processors of a preemptive kernel of Debian insert, search, append, map and rename';
if (typeof parts === 'string') {
  ava.skip(`${title} (${parts})`, () => {});
} else {
  ava(title, async (t) => {
    t.timeout(2 * SECONDS * 1000);
    const { code, output, dmesg } = await runThreads(parts, ROUNDS, SECONDS);
    t.is(code, 0, output);
    t.is(output, `4 threads did ${ROUNDS} rounds\n`);
    t.regex(dmesg, /Brought up 1 node, 2 CPUs/);
    t.regex(dmesg, /Dynamic Preempt: full/);
  });
}
