import { type Arguments, parseArguments } from './arguments.js';
import { EXIT_DONE, EXIT_FAILED, Failure } from './failure.js';
import { outliveOutput } from './lost_output.js';
import { makeVolume, type Observer } from './make_volume.js';
import { describePlan, planToJson } from './report.js';

/** Runs mkfs.vexfs on the words of its command line. Returns the exit code; never throws. */
export async function main(words: readonly string[]): Promise<number> {
  outliveOutput('mkfs.vexfs');
  try {
    const args = parseArguments(words);
    if (args !== undefined) await makeVolume(args, observe(args));
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof Failure) {
      process.stderr.write(`mkfs.vexfs: ${error.message}\n`);
      return error.exitCode;
    }
    process.stderr.write(`mkfs.vexfs: unexpected: ${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT_FAILED;
  }
}

function observe(args: Arguments): Observer {
  const shown = process.stderr.isTTY === true && !args.quiet;
  return {
    planned(plan) {
      if (args.json) process.stdout.write(planToJson(args.target, plan, args.dryRun));
      else if (!args.quiet) process.stdout.write(describePlan(args.target, plan, args.dryRun));
    },
    progress(what, done, of) {
      if (!shown) return;
      const percent = Math.floor((done * 100) / of);
      process.stderr.write(`\r${what}: ${percent} %${done === of ? '\n' : ''}`);
    },
  };
}
