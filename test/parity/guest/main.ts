/**
 * Runs the parity suite inside guests, on volumes that vexfs.ko mounts there, and prints the results as TAP:
 *   node test/dist/parity/guest/main.js [FILE...]       FILE: below test/parity, `names` or `operations/acls`
 * Without arguments every file runs. Several share a guest; one that takes its kernel with it
 * counts as a failure, as do all tests that did not get to run.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GuestError, runGuest } from '../../vm/guest.js';
import { ROOT } from '../../vm/module_build.js';
import { type GuestParts, provideGuestParts } from '../../vm/provide.js';

const TEST = join(ROOT, 'test');
const AVA = join(TEST, 'node_modules/ava/entrypoints/cli.mjs');
/** Files that share a guest: starting one costs less than a second, and what it hides behind a crash are the others. */
const FILES_A_GUEST = 4;
/** A guest that hangs is ended after so long; a file takes a second to a minute where nothing else runs. */
const SECONDS_A_FILE = 240;
/** The limit of the guest counts, not one of ava without a result. */
const PATIENCE = '--timeout=15m';
const RESULT = /^(ok|not ok) \d+ - (.*)$/;

let count = 0;
let failures = 0;

function report(passed: boolean, title: string): void {
  count += 1;
  if (!passed) failures += 1;
  console.log(`${passed ? 'ok' : 'not ok'} ${count} - ${title}`);
}

function fail(title: string, details: string): void {
  report(false, title);
  for (const line of details.trim().split('\n')) console.log(`  ${line}`);
}

/** Passes on what ava printed in a guest. Returns whether it told of a failure. */
function passOn(output: string): boolean {
  let failed = false;
  for (const line of output.split('\n')) {
    const [, outcome, title] = RESULT.exec(line) ?? [];
    if (outcome === undefined) {
      if (line !== '' && !/^(TAP version|1\.\.|# (tests|pass|fail) )/.test(line)) console.log(line);
      continue;
    }
    failed ||= outcome !== 'ok';
    report(outcome === 'ok', title!);
  }
  return failed;
}

async function runFiles(parts: GuestParts, files: readonly string[]): Promise<void> {
  const compiled = files.map((file) => join('dist/parity', `${file}.test.js`));
  const variables = ['VEXFS_BACKEND=kernel', `VEXFS_VSS_MODULE=${parts.vssModule}`];
  const ava = [process.execPath, AVA, '--tap', '--serial', '--concurrency=1', PATIENCE, ...compiled];
  try {
    const { code, output } = await runGuest(parts, {
      program: ['/usr/bin/env', '-C', TEST, ...variables, ...ava],
      modules: ['loop', 'dm-mod'],
      seconds: SECONDS_A_FILE * files.length,
      memory: '2G',
    });
    const failed = passOn(output);
    if (code !== 0 && !failed) fail(`a guest with ${files.join(', ')}`, output.slice(-4_000));
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    passOn(error.output);
    fail(`a guest with ${files.join(', ')}`, error.message.replace(error.output, ''));
  }
}

/** All files, by their names below test/parity. */
function everyFile(): string[] {
  return readdirSync(join(TEST, 'parity'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => name.replace(/\.test\.ts$/, ''))
    .sort();
}

/** One list of files for each guest; neighbours, which take a like time, in different ones. */
function share(files: readonly string[]): string[][] {
  const guests = Math.ceil(files.length / FILES_A_GUEST);
  return Array.from({ length: guests }, (_, guest) => files.filter((_, at) => at % guests === guest));
}

function chooseFiles(): readonly string[] {
  const { positionals } = parseArgs({ allowPositionals: true });
  const every = everyFile();
  const unknown = positionals.filter((name) => !every.includes(name));
  if (unknown.length > 0) throw new Error(`no tests for the module: ${unknown.join(', ')}`);
  return positionals.length > 0 ? positionals : every;
}

const files = chooseFiles();
console.log('TAP version 13');
const parts = provideGuestParts();
if (typeof parts === 'string') {
  console.log(`ok 1 - the parity suite in guests # SKIP ${parts}`);
} else {
  const batches = share(files);
  const runSome = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift())
      await runFiles(parts, batch);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, runSome));
}
console.log(`1..${Math.max(count, 1)}`);
process.exitCode = failures > 0 ? 1 : 0;
