import yargs from 'yargs';
import { VERSION } from '../arguments.js';
import { Failure } from '../failure.js';
import { USAGE } from './exit_code.js';

/** What may be done with what is found. */
export type Mode = 'look' | 'safe' | 'all' | 'ask';

/** The command line, checked as far as it can be without looking at the target. */
export interface FsckArguments {
  readonly target: string;
  readonly mode: Mode;
  readonly force: boolean;
  readonly json: boolean;
  /** Block of the superblock copy to use. */
  readonly superblockCopy?: number;
}

const EPILOGUE = `TARGET is a block device, or an image file, with a vexfs volume.

Without -n, -p or -y the findings are shown and one question is asked, which
takes a terminal. A volume that was left in order is reported as clean at
once unless -f is given; -n always looks at everything.

Exit status, as fsck(8):
  0    no errors                      16   the command line is wrong
  1    errors were corrected          32   cancelled
  4    errors are left                128  an error of the program itself
  8    it could not be checked

docs/fsck.vexfs.md tells more.`;

/** Undefined when the help or the version was asked for and printed. Throws Failure (exit code 16). */
export function parseFsckArguments(words: readonly string[]): FsckArguments | undefined {
  let told = false;
  const parsed = yargs([...words])
    .scriptName('fsck.vexfs')
    .usage('Usage: $0 [-n | -p | -y] [options] TARGET\n\nChecks and repairs a vexfs volume.')
    .parserConfiguration({
      'boolean-negation': false,
      'duplicate-arguments-array': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .option('look', { alias: 'n', type: 'boolean', describe: 'Only look; write nothing' })
    .option('preen', {
      alias: ['p', 'a'],
      type: 'boolean',
      describe: 'Repair what is safe without questions; refuse when anything else is found',
    })
    .option('yes', { alias: 'y', type: 'boolean', describe: 'Repair everything' })
    .option('force', { alias: 'f', type: 'boolean', describe: 'Check a volume that seems clean too' })
    .option('superblock', {
      alias: 'b',
      type: 'string',
      describe: 'Begin with the superblock copy in this block',
    })
    .option('json', { type: 'boolean', describe: 'Print one JSON object' })
    .version(`fsck.vexfs ${VERSION}`)
    .alias({ h: 'help', V: 'version' })
    .epilogue(EPILOGUE)
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .strictOptions()
    .exitProcess(false)
    .fail((message, error) => {
      throw usage(message ?? error.message);
    })
    .parse([...words], {}, (_error, _argv, output) => {
      if (output === '') return;
      told = true;
      process.stdout.write(`${output}\n`);
    }) as Readonly<Record<string, unknown>>;
  if (told) return undefined;
  const targets = (parsed._ as unknown[]).map(String);
  if (targets.length !== 1) {
    throw usage(
      targets.length === 0 ? 'a TARGET is missing' : `one TARGET at a time, not ${targets.join(', ')}`,
    );
  }
  const modes = (
    [
      ['look', 'look'],
      ['preen', 'safe'],
      ['yes', 'all'],
    ] as const
  ).filter(([option]) => parsed[option] === true);
  if (modes.length > 1) throw usage('only one of -n, -p and -y can be given');
  const copy = parsed.superblock as string | undefined;
  if (copy !== undefined && !/^[0-9]{1,15}$/.test(copy))
    throw usage(`"${copy}" is not the number of a block`);
  return {
    target: targets[0]!,
    mode: modes[0]?.[1] ?? 'ask',
    force: parsed.force === true,
    json: parsed.json === true,
    ...(copy === undefined ? {} : { superblockCopy: Number(copy) }),
  };
}

function usage(message: string): Failure {
  return new Failure(`${message}\nTry 'fsck.vexfs --help'.`, USAGE);
}
