/** What User-mode Linux cannot show: calls on two processors at once, preemption, and the vector registers of x86 in the kernel. */
import { join } from 'node:path';
import ava from 'ava';
import { must } from '../../parity/backend/programs.js';
import { runGuest } from '../../vm/guest.js';
import { ROOT } from '../../vm/module_build.js';
import { provideStockParts } from '../../vm/provide.js';
import { runThreads } from './run_threads.js';

const ROUNDS = 200;
const SECONDS = 600;

/** Tests of the engine that compare what it reads with where its rows end, and take seconds when emulated. */
const ENGINE_TESTS = ['test_distance', 'test_element', 'test_scan', 'test_index_flat'];
const ENGINE = join(ROOT, 'kernel/engine');

const parts = provideStockParts('bookworm');
const engineTitle =
  'the engine reads nothing behind its rows where masked loads touch what they leave out, as in QEMU';
const title =
  'threads on two processors of a preemptive kernel of Debian insert, search, append, map and rename';
if (typeof parts === 'string') {
  for (const each of [title, engineTitle]) ava.skip(`${each} (${parts})`, () => {});
} else {
  ava(title, async (t) => {
    t.timeout(2 * SECONDS * 1000);
    const { code, output, dmesg } = await runThreads(parts, ROUNDS, SECONDS);
    t.is(code, 0, output);
    t.is(output, `4 threads did ${ROUNDS} rounds\n`);
    t.regex(dmesg, /Brought up 1 node, 2 CPUs/);
    t.regex(dmesg, /Dynamic Preempt: full/);
  });

  ava(engineTitle, async (t) => {
    t.timeout(2 * SECONDS * 1000);
    const programs = ENGINE_TESTS.map((name) => `build/optimized/${name}`);
    must('make', ['-s', '-C', ENGINE, ...programs], 300_000);
    const words = programs.map((path) => join(ENGINE, path)).join(' && ');
    const { code, output } = await runGuest(parts, { program: ['/bin/sh', '-c', words], seconds: SECONDS });
    t.is(code, 0, output);
  });
}
