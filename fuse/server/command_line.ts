import { readFileSync } from 'node:fs';
import yargs, { type Options } from 'yargs';
import { followStarter, passStarter, startInBackground } from './background.js';

const { version: VERSION } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

interface Parsed extends Readonly<Record<string, unknown>> {
  readonly _: readonly (string | number)[];
}

/** What is wrong with a command line, in one sentence. */
export class UsageError extends Error {}

/** The options that every server takes. */
export interface CommonOptions {
  /** All of -o, joined by commas. */
  readonly mountOptions: string;
  /** The value of an option of the server's own that takes one. */
  text(option: string): string;
}

/** A program that serves a mount until it is unmounted. */
export interface ServerProgram {
  readonly name: string;
  readonly usage: string;
  readonly epilogue: string;
  /** What -o does, for the help. */
  readonly aboutMountOptions: string;
  /** Options of its own, each with a value of type string. */
  readonly options: Readonly<Record<string, Options>>;
  /** What the words beside the options are called, in their order; each must be there. */
  readonly operands: readonly string[];
  /** Errors that are told as a sentence, with exit status 1. */
  readonly failures: readonly (abstract new (
    ...args: never[]
  ) => Error)[];
  /** Checks the command line and returns what serves. Throws UsageError or one of `failures`. */
  prepare(operands: readonly string[], options: CommonOptions): () => Promise<number>;
}

/**
 * Runs a server with the command line `words`: in the background unless it says otherwise. Resolves to the exit status: 2
 * for a wrong command line.
 */
export async function runProgram(program: ServerProgram, words: readonly string[]): Promise<number> {
  try {
    const parsed: Parsed = await parser(program, words).parse();
    const foreground = parsed.foreground === true;
    if (words.some((word) => word === '-h' || word === '--help' || word === '-V' || word === '--version'))
      return 0;
    const operands = parsed._.map(String);
    if (operands.length !== program.operands.length)
      throw new UsageError(`give ${program.operands.map((name) => `a ${name}`).join(' and ')}`);
    const serve = program.prepare(operands, {
      mountOptions: ((parsed.options ?? []) as readonly string[]).join(','),
      text: (option) => String(parsed[option]),
    });
    if (!foreground) return await startInBackground(program.name, words);
    followStarter();
    try {
      return await serve();
    } finally {
      passStarter();
    }
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${program.name}: ${error.message}; see ${program.name} --help`);
      return 2;
    }
    if (program.failures.some((kind) => error instanceof kind)) {
      console.error(`${program.name}: ${(error as Error).message}`);
      return 1;
    }
    throw error;
  }
}

function parser(program: ServerProgram, words: readonly string[]) {
  return yargs([...words])
    .scriptName(program.name)
    .usage(program.usage)
    .option('foreground', {
      alias: 'f',
      type: 'boolean',
      default: false,
      describe: 'stay in the foreground, log to stderr',
    })
    .option('options', {
      alias: 'o',
      type: 'string',
      array: true,
      nargs: 1,
      describe: program.aboutMountOptions,
    })
    .options(program.options)
    .epilogue(program.epilogue)
    .help()
    .alias('h', 'help')
    .version(VERSION)
    .alias('V', 'version')
    .parserConfiguration({ 'parse-positional-numbers': false })
    .strictOptions()
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message);
    });
}

/** A whole number from 1 to `most`. Throws UsageError that names `option`. */
export function countOf(text: string, most: number, option: string): number {
  const value = Number(text);
  if (!/^[0-9]{1,15}$/.test(text) || value < 1 || value > most)
    throw new UsageError(`${option} takes a number from 1 to ${most}`);
  return value;
}
