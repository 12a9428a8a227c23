import { type Program, parseCommandLine, usageFailure } from '../command_line.js';
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

const PROGRAM: Program = {
  name: 'fsck.vexfs',
  usage: 'Usage: $0 [-n | -p | -y] [options] TARGET\n\nChecks and repairs a vexfs volume.',
  epilogue: EPILOGUE,
  usageExit: USAGE,
  options: {
    look: { alias: 'n', type: 'boolean', describe: 'Only look; write nothing' },
    preen: {
      alias: ['p', 'a'],
      type: 'boolean',
      describe: 'Repair what is safe without questions; refuse when anything else is found',
    },
    yes: { alias: 'y', type: 'boolean', describe: 'Repair everything' },
    force: { alias: 'f', type: 'boolean', describe: 'Check a volume that seems clean too' },
    superblock: {
      alias: 'b',
      type: 'string',
      describe: 'Begin with the superblock copy in this block',
    },
    json: { type: 'boolean', describe: 'Print one JSON object' },
  },
};

/** Undefined when the help or the version was asked for and printed. Throws Failure (exit code 16). */
export function parseFsckArguments(words: readonly string[]): FsckArguments | undefined {
  const line = parseCommandLine(PROGRAM, words);
  if (line === undefined) return undefined;
  const modes = (
    [
      ['look', 'look'],
      ['preen', 'safe'],
      ['yes', 'all'],
    ] as const
  ).filter(([option]) => line.has(option));
  if (modes.length > 1) throw usageFailure(PROGRAM, 'only one of -n, -p and -y can be given');
  const copy = line.text('superblock');
  if (copy !== undefined && !/^[0-9]{1,15}$/.test(copy))
    throw usageFailure(PROGRAM, `"${copy}" is not the number of a block`);
  return {
    target: line.target,
    mode: modes[0]?.[1] ?? 'ask',
    force: line.has('force'),
    json: line.has('json'),
    ...(copy === undefined ? {} : { superblockCopy: Number(copy) }),
  };
}
