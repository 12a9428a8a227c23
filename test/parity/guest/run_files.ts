import { join } from 'node:path';
import { GuestError, type GuestRun, runGuest } from '../../vm/guest.js';
import { ROOT } from '../../vm/module_build.js';
import type { GuestParts } from '../../vm/provide.js';

const TEST = join(ROOT, 'test');
const AVA = join(TEST, 'node_modules/ava/entrypoints/cli.mjs');
/** A guest that hangs is ended after so long; a file takes a second to a minute where nothing else runs. */
const SECONDS_A_FILE = 240;
/** The limit of the guest counts, not one of ava without a result. */
const PATIENCE = '--timeout=15m';
/** An emulated processor takes so many times longer, at most; so do all time limits. */
const SLOWNESS = 10;
const RESULT = /^(ok|not ok) \d+ - (.*)$/;

/** Files of the parity suite, by their names, one after the other in one guest. */
export function parityRun(parts: GuestParts, files: readonly string[]): GuestRun {
  const slowness = parts.kernel.kind === 'stock' ? SLOWNESS : 1;
  const compiled = files.map((file) => join('dist/parity', `${file}.test.js`));
  const variables = [
    'VEXFS_BACKEND=kernel',
    `VEXFS_VSS_MODULE=${parts.vssModule}`,
    `VEXFS_SLOWNESS=${slowness}`,
  ];
  const ava = [process.execPath, AVA, '--tap', '--serial', '--concurrency=1', PATIENCE, ...compiled];
  return {
    program: ['/usr/bin/env', '-C', TEST, ...variables, ...ava],
    modules: ['loop', 'dm-mod'],
    seconds: SECONDS_A_FILE * files.length * slowness,
    memory: '2G',
  };
}

/** Results of tests in guests, as one stream of TAP. */
export class GuestResults {
  count = 0;
  failures = 0;

  report(passed: boolean, title: string): void {
    this.count += 1;
    if (!passed) this.failures += 1;
    console.log(`${passed ? 'ok' : 'not ok'} ${this.count} - ${title}`);
  }

  fail(title: string, details: string): void {
    this.report(false, title);
    for (const line of details.trim().split('\n')) console.log(`  ${line}`);
  }

  /** Passes on what ava printed in a guest. Returns whether it told of a failure. */
  passOn(output: string): boolean {
    let failed = false;
    for (const line of output.split('\n')) {
      const [, outcome, title] = RESULT.exec(line) ?? [];
      if (outcome === undefined) {
        if (line !== '' && !/^(TAP version|1\.\.|# (tests|pass|fail) )/.test(line)) console.log(line);
        continue;
      }
      failed ||= outcome !== 'ok';
      this.report(outcome === 'ok', title!);
    }
    return failed;
  }

  /** Runs files of the parity suite in one guest. One that takes its kernel with it is a failure too. */
  async runFiles(parts: GuestParts, files: readonly string[]): Promise<void> {
    const title = `a guest with ${files.join(', ')}`;
    try {
      const { code, output } = await runGuest(parts, parityRun(parts, files));
      const failed = this.passOn(output);
      if (code !== 0 && !failed) this.fail(title, output.slice(-4_000));
    } catch (error) {
      if (!(error instanceof GuestError)) throw error;
      this.passOn(error.output);
      this.fail(title, error.message.replace(error.output, ''));
    }
  }

  /** Ends the stream, and sets the exit code. */
  end(): void {
    console.log(`1..${Math.max(this.count, 1)}`);
    process.exitCode = this.failures > 0 ? 1 : 0;
  }
}
