import { readSync } from 'node:fs';
import { Failure } from '../failure.js';
import { outliveOutput } from '../lost_output.js';
import { findSignatures } from '../signatures.js';
import { type FsckArguments, parseFsckArguments } from './arguments.js';
import { openTarget } from './check_target.js';
import { CLEAN, INTERNAL, OPERATIONAL, USAGE } from './exit_code.js';
import type { Finding } from './finding.js';
import { describeFinding, type Outcome, outcomeToJson, summarise } from './report.js';
import { checkVolume } from './run.js';

/** Runs fsck.vexfs on the words of its command line. Returns the exit code; never throws. */
export async function main(words: readonly string[]): Promise<number> {
  outliveOutput('fsck.vexfs');
  try {
    const args = parseFsckArguments(words);
    return args === undefined ? CLEAN : await run(args);
  } catch (error) {
    if (error instanceof Failure) {
      process.stderr.write(`fsck.vexfs: ${error.message}\n`);
      return error.exitCode;
    }
    process.stderr.write(`fsck.vexfs: unexpected: ${error instanceof Error ? error.stack : String(error)}\n`);
    return INTERNAL;
  }
}

async function run(args: FsckArguments): Promise<number> {
  const { target, mode, json } = args;
  if (mode === 'ask' && !(process.stdin.isTTY === true && process.stdout.isTTY === true)) {
    throw new Failure("without a terminal one of -n, -p and -y is needed\nTry 'fsck.vexfs --help'.", USAGE);
  }
  const warn = (message: string): void => {
    process.stderr.write(`fsck.vexfs: warning: ${message}\n`);
  };
  const device = await openTarget(target, mode === 'look', warn);
  try {
    if (args.superblockCopy === undefined) refuseForeign(target, findSignatures(device)[0]?.what);
    const outcome = checkVolume(device, {
      mode,
      force: args.force,
      progress: progressBar(),
      ask: (findings) => ask(findings),
      ...(args.superblockCopy === undefined ? {} : { superblockCopy: args.superblockCopy }),
    });
    if (json) process.stdout.write(outcomeToJson(target, outcome));
    else show(target, mode, outcome);
    return outcome.exitCode;
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name === 'UncheckableError') {
      throw new Failure(`${target}: ${(error as Error).message}`, OPERATIONAL);
    }
    if (name === 'DeviceError' || name === 'JournalError') {
      throw new Failure((error as Error).message, OPERATIONAL);
    }
    throw error;
  } finally {
    device.close();
  }
}

/** A volume over which something else was made is not brought back by mistake. */
function refuseForeign(target: string, what: string | undefined): void {
  if (what === undefined || what === 'a vexfs volume') return;
  throw new Failure(`${target} holds ${what}; -b takes an old superblock copy all the same`, OPERATIONAL);
}

function show(target: string, mode: string, outcome: Outcome): void {
  const { examination } = outcome;
  if (examination !== undefined && mode !== 'ask') showFindings(examination.findings.list, outcome.repaired);
  const kept = examination?.findings.list.length ?? 0;
  const count = examination?.findings.count ?? 0;
  if (count > kept) process.stdout.write(`... and ${count - kept} more\n`);
  process.stdout.write(`${summarise(target, outcome, mode === 'look')}\n`);
  if (mode === 'safe' && outcome.verdict === 'errors' && !outcome.repaired) {
    process.stdout.write(
      'Some of this is not repaired without being asked to: run fsck.vexfs by hand, or with -y.\n',
    );
  }
}

function showFindings(findings: readonly Finding[], repaired: boolean): void {
  for (const finding of findings) {
    process.stdout.write(`${describeFinding(finding, repaired ? 'did' : 'would')}\n`);
  }
}

function ask(findings: readonly Finding[]): boolean | undefined {
  showFindings(findings, false);
  const buffer = new Uint8Array(256);
  for (;;) {
    process.stdout.write('Repair all this? (y/n) ');
    let count: number;
    try {
      count = readSync(0, buffer);
    } catch {
      return undefined;
    }
    if (count === 0) return undefined;
    const answer = new TextDecoder().decode(buffer.subarray(0, count)).trim().toLowerCase();
    if (answer === 'y' || answer === 'yes') return true;
    if (answer === 'n' || answer === 'no') return false;
  }
}

/** A line on stderr that is written over, on a terminal only. */
function progressBar(): (what: string, done: number, of: number) => void {
  if (process.stderr.isTTY !== true) return () => {};
  let last = '';
  return (what, done, of) => {
    const filled = of === 0 ? 30 : Math.floor((done * 30) / of);
    const percent = of === 0 ? 100 : Math.floor((done * 100) / of);
    const line = `\r${what.padEnd(22)} [${'#'.repeat(filled)}${'-'.repeat(30 - filled)}] ${percent} %`;
    if (line === last) return;
    last = line;
    process.stderr.write(done === of ? `\r${' '.repeat(line.length + 2)}\r` : line);
  };
}
