import { readFileSync } from 'node:fs';
import yargs, { type Options } from 'yargs';
import { Failure } from './failure.js';

export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** A program that works on one TARGET: what its help says, its options, and its exit status for a wrong command line. */
export interface Program {
  readonly name: string;
  readonly usage: string;
  readonly epilogue: string;
  readonly options: Readonly<Record<string, Options>>;
  readonly usageExit: number;
}

export interface CommandLine {
  readonly target: string;
  /** The value of an option; undefined when it was not given. */
  text(option: string): string | undefined;
  /** Whether a switch was given. */
  has(option: string): boolean;
}

/** What is wrong with the command line, with the way to the help. */
export function usageFailure({ name, usageExit }: Program, message: string): Failure {
  return new Failure(`${message}\nTry '${name} --help'.`, usageExit);
}

/** Undefined when the help or the version was asked for and printed. Throws `usageFailure`. */
export function parseCommandLine(program: Program, words: readonly string[]): CommandLine | undefined {
  let told = false;
  const parsed = yargs([...words])
    .scriptName(program.name)
    .usage(program.usage)
    .parserConfiguration({
      'boolean-negation': false,
      'duplicate-arguments-array': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .options(program.options)
    .version(`${program.name} ${VERSION}`)
    .alias({ h: 'help', V: 'version' })
    .epilogue(program.epilogue)
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .strictOptions()
    .exitProcess(false)
    .fail((message, error) => {
      throw usageFailure(program, message ?? error.message);
    })
    .parse([...words], {}, (_error, _argv, output) => {
      if (output === '') return;
      told = true;
      process.stdout.write(`${output}\n`);
    }) as Readonly<Record<string, unknown>>;
  if (told) return undefined;
  const targets = (parsed._ as unknown[]).map(String);
  if (targets.length !== 1) {
    throw usageFailure(
      program,
      targets.length === 0 ? 'a TARGET is missing' : `one TARGET at a time, not ${targets.join(', ')}`,
    );
  }
  return {
    target: targets[0]!,
    text: (option) => parsed[option] as string | undefined,
    has: (option) => parsed[option] === true,
  };
}
