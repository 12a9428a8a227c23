/**
 * Builds vexfs.ko and vss.ko for kernels of several Debian releases, boots each on an emulated machine with two processors, runs
 * some of the parity suite there and prints a table:
 *   node test/dist/kernel/matrix/main.js [NAME...]        NAME: `bookworm`, `trixie`; all without
 */
import { GuestResults } from '../../parity/guest/run_files.js';
import { type GuestParts, provideStockParts } from '../../vm/provide.js';
import { isStockName, STOCK_NAMES, type StockName } from '../../vm/stock_kernel.js';
import { runThreads } from '../processors/run_threads.js';

/** On emulated processors the whole suite would take hours. */
const FILES = ['threads', 'vss/threads', 'regressions/file_handles'];
const ROUNDS = 200;
const SECONDS = 900;

const words = process.argv.slice(2);
const unknown = words.filter((name) => !isStockName(name));
if (unknown.length > 0) throw new Error(`no kernel ${unknown.join()}: there are ${STOCK_NAMES.join(', ')}`);
const names = words.length > 0 ? (words as StockName[]) : STOCK_NAMES;

const results = new GuestResults();
const table = [
  ['kernel', 'from', 'built with', 'boots', 'tests passed'],
  ['---', '---', '---', '---', '---'],
];

async function runOnProcessors(parts: GuestParts): Promise<void> {
  const title = 'threads on two processors insert, search, append, map and rename';
  try {
    const { code, output } = await runThreads(parts, ROUNDS, SECONDS);
    if (code === 0) results.report(true, title);
    else results.fail(title, output);
  } catch (error) {
    results.fail(title, String(error));
  }
}

async function runKernel(name: StockName): Promise<void> {
  let parts: ReturnType<typeof provideStockParts>;
  try {
    parts = provideStockParts(name);
  } catch (error) {
    results.fail(`the modules build for the kernel of ${name}`, String(error));
    table.push(['', name, 'failed', '', '']);
    return;
  }
  if (typeof parts === 'string') {
    results.fail(`the kernel of ${name} can be had`, parts);
    table.push(['', name, 'not to be had', '', '']);
    return;
  }
  const { release, compiler } = parts.kernel;
  results.report(true, `the modules build for ${release} with ${compiler}`);
  const before = { count: results.count, failures: results.failures };
  await runOnProcessors(parts);
  for (const file of FILES) await results.runFiles(parts, [file]);
  const [count, failures] = [results.count - before.count, results.failures - before.failures];
  const boots = failures < count;
  table.push([release, name, compiler, boots ? 'yes' : 'no', `${count - failures} of ${count}`]);
}

console.log('TAP version 13');
for (const name of names) await runKernel(name);
for (const row of table) console.log(`# | ${row.join(' | ')} |`);
results.end();
