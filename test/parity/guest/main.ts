/**
 * Runs the parity suite inside guests, on volumes that vexfs.ko mounts there, and prints the results as TAP:
 *   node test/dist/parity/guest/main.js [--kernel NAME] [FILE...]    FILE: below test/parity, `names` or `operations/acls`
 * The guests are User-mode Linux, or with --kernel emulated machines with the kernel of a Debian release, `bookworm`.
 * Without arguments every file runs. Several share a guest (shares.ts); one that takes its kernel with it
 * counts as a failure, as do all tests that did not get to run.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../vm/module_build.js';
import { provideGuestParts, provideStockParts } from '../../vm/provide.js';
import { isStockName, STOCK_NAMES } from '../../vm/stock_kernel.js';
import { GuestResults } from './run_files.js';
import { shares } from './shares.js';

const TEST = join(ROOT, 'test');
/** All files, by their names below test/parity. */
function everyFile(): string[] {
  return readdirSync(join(TEST, 'parity'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => name.replace(/\.test\.ts$/, ''))
    .sort();
}

const { values, positionals } = parseArgs({
  options: { kernel: { type: 'string' } },
  allowPositionals: true,
});

function chooseFiles(): readonly string[] {
  const every = everyFile();
  const unknown = positionals.filter((name) => !every.includes(name));
  if (unknown.length > 0) throw new Error(`no tests for the module: ${unknown.join(', ')}`);
  return positionals.length > 0 ? positionals : every;
}

function chooseParts(): ReturnType<typeof provideGuestParts | typeof provideStockParts> {
  if (values.kernel === undefined) return provideGuestParts();
  if (!isStockName(values.kernel))
    throw new Error(`no kernel ${values.kernel}: there are ${STOCK_NAMES.join(', ')}`);
  return provideStockParts(values.kernel);
}

const files = chooseFiles();
console.log('TAP version 13');
const parts = chooseParts();
const results = new GuestResults();
if (typeof parts === 'string') {
  console.log(`ok 1 - the parity suite in guests # SKIP ${parts}`);
} else {
  // An emulated machine has all processors for itself.
  const guests = parts.kernel.kind === 'uml' ? availableParallelism() : 1;
  const batches = shares(files, guests);
  const runSome = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift())
      await results.runFiles(parts, batch);
  };
  await Promise.all(Array.from({ length: guests }, runSome));
}
results.end();
