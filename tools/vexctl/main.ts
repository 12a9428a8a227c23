/** vexctl: vector files from the command line. */
import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { completionCommand } from './command/completion.js';
import { createCommand } from './command/create.js';
import { deleteCommand } from './command/delete.js';
import { getCommand } from './command/get.js';
import { indexCommand } from './command/index.js';
import { infoCommand } from './command/info.js';
import { insertCommand } from './command/insert.js';
import { searchCommand } from './command/search.js';
import { statsCommand } from './command/stats.js';
import { Exit, exitMeanings, UsageError } from './exit.js';
import { describe } from './failure.js';
import { type Json, toJson } from './output.js';

const commands = [
  createCommand,
  insertCommand,
  searchCommand,
  getCommand,
  deleteCommand,
  infoCommand,
  statsCommand,
  indexCommand,
  completionCommand,
];

const epilogue = [
  'Exit codes:',
  ...exitMeanings.map(([code, meaning]) => `${`${code}`.padStart(5)}  ${meaning}`),
  '',
  'Environment:',
  '  SHELL  which script `completion` prints when no shell is named',
  '',
  'Errors go to standard error: what happened, then what to do next; with --json as one object.',
].join('\n');

/** `--ids -` as one word: yargs takes a dash that stands alone for an empty value. */
function withDashes(words: readonly string[]): string[] {
  return words.flatMap((word, at) => {
    if (word === '--ids' && words[at + 1] === '-') return ['--ids=-'];
    return word === '-' && words[at - 1] === '--ids' ? [] : [word];
  });
}

export function program(words: readonly string[]): Argv<{ json: boolean }> {
  const base = yargs(withDashes(words))
    .scriptName('vexctl')
    .locale('en')
    .usage('$0 COMMAND ...\n\nStore vectors in files on a VexFS volume and search them.')
    .option('json', { type: 'boolean', default: false, describe: 'Print JSON instead of tables' })
    .parserConfiguration({
      'duplicate-arguments-array': false,
      'boolean-negation': false,
      'parse-positional-numbers': false,
    })
    .strict()
    .demandCommand(1, 'Name a command.')
    .recommendCommands()
    .completion('__complete', false)
    .alias({ h: 'help', V: 'version' })
    .epilogue(epilogue)
    .wrap(Math.min(100, process.stderr.columns ?? process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message);
    });
  return commands.reduce<Argv<{ json: boolean }>>((all, add) => add(all), base);
}

function fail(error: unknown, words: readonly string[]): void {
  const { exit, message, advice = '', ...rest } = describe(error);
  process.exitCode = exit;
  if (words.includes('--json')) {
    const fields: Record<string, Json> = { message, exit, ...rest };
    if (advice !== '') fields.advice = advice;
    process.stderr.write(`${toJson({ error: fields })}\n`);
    return;
  }
  const next = exit === Exit.USAGE ? "Try 'vexctl --help', or 'vexctl COMMAND --help'." : advice;
  process.stderr.write(`vexctl: ${message}\n${next === '' ? '' : `${next}\n`}`);
}

/** Runs the command line and sets the exit code of the process. */
export async function main(): Promise<void> {
  // A reader such as head that has seen enough is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(Exit.OK);
    process.stderr.write(`vexctl: the results were not written: ${error.code}\n`);
    process.exit(Exit.FAILED);
  });
  // The exit code still tells what a lost message would have told.
  process.stderr.on('error', () => {});
  const words = hideBin(process.argv);
  try {
    await program(words).parseAsync();
  } catch (error) {
    fail(error, words);
  }
}
