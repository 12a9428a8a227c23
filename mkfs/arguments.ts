import { readFileSync } from 'node:fs';
import yargs from 'yargs';
import { EXIT_USAGE, Failure } from './failure.js';
import { parseSize } from './size.js';
import { parseUuid } from './uuid.js';

/** The command line, checked as far as it can be without looking at the target. */
export interface Arguments {
  readonly target: string;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly discard: boolean;
  readonly label?: string;
  readonly uuid?: Uint8Array;
  readonly blockSize?: number;
  readonly bytesPerInode?: number;
  readonly inodes?: number;
  readonly journalBytes?: number;
  readonly reservedPercent?: number;
  readonly sizeBytes?: number;
}

export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

const EPILOGUE = `TARGET is a block device, or an image file. Sizes are bytes, or take the
suffixes K, M, G, T (powers of 1024).

A target that is mounted, swapped to, or part of another device is always
refused. One that holds a filesystem, a partition table or anything else
with a known signature is refused unless -f is given; so is an older volume.

Exit status:
  0  the volume was made (with -n: it could be made)
  1  it could not be made; a sentence on stderr says why
  2  the command line is wrong; nothing was looked at

Examples:
  mkfs.vexfs --size 1G vectors.img     a new sparse image file
  mkfs.vexfs -L embeddings /dev/vdb    a whole device
  mkfs.vexfs -n --json /dev/vdb        what would be done, for a program

docs/mkfs.vexfs.md tells more, docs/format.md what is written.`;

/** Undefined when the help or the version was asked for and printed. Throws Failure (exit code 2). */
export function parseArguments(words: readonly string[]): Arguments | undefined {
  let told = false;
  const parsed = yargs([...words])
    .scriptName('mkfs.vexfs')
    .usage('Usage: $0 [options] TARGET\n\nMakes an empty vexfs volume on TARGET.')
    .parserConfiguration({
      'boolean-negation': false,
      'duplicate-arguments-array': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .option('force', {
      alias: 'f',
      type: 'boolean',
      describe: 'Overwrite a filesystem or anything else that is recognised',
    })
    .option('dry-run', {
      alias: 'n',
      type: 'boolean',
      describe: 'Check everything, say what would be done, write nothing',
    })
    .option('quiet', { alias: 'q', type: 'boolean', describe: 'Print nothing when all goes well' })
    .option('json', { type: 'boolean', describe: 'Print the volume as one JSON object' })
    .option('label', { alias: 'L', type: 'string', describe: 'Name of the volume, up to 64 bytes of UTF-8' })
    .option('uuid', { alias: 'U', type: 'string', describe: 'UUID of the volume, or "random" (the default)' })
    .option('block-size', {
      alias: 'b',
      type: 'string',
      describe: 'Bytes of a block: 1K to 64K, a power of two [4K]',
    })
    .option('bytes-per-inode', {
      alias: 'i',
      type: 'string',
      describe: 'One inode for so many bytes: 1K to 64M [16K]',
    })
    .option('inodes', { alias: 'N', type: 'string', describe: 'At least so many inodes; wins over -i' })
    .option('journal', {
      alias: 'J',
      type: 'string',
      describe: 'size=SIZE: bytes of the journal, 1024 blocks or more',
    })
    .option('reserved', {
      alias: 'm',
      type: 'string',
      describe: 'Percent of the blocks kept for root: 0 to 50 [5]',
    })
    .option('nodiscard', {
      alias: 'K',
      type: 'boolean',
      describe: 'Do not give the old content back to the device first',
    })
    .option('size', { type: 'string', describe: 'Bytes of the volume; makes or extends an image file' })
    .version(`mkfs.vexfs ${VERSION}`)
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
  const value = (name: string): string | undefined => parsed[name] as string | undefined;
  const size = (name: string) => whenGiven(value(name), parseSize);
  const label = whenGiven(value('label'), checkLabel);
  const blockSize = whenGiven(value('block-size'), parseBlockSize);
  const uuidText = value('uuid');
  const uuid = uuidText === 'random' ? undefined : whenGiven(uuidText, parseUuid);
  const bytesPerInode = size('bytes-per-inode');
  const inodes = whenGiven(value('inodes'), parseCount);
  const journalBytes = whenGiven(value('journal'), parseJournal);
  const reservedPercent = whenGiven(value('reserved'), parsePercent);
  const sizeBytes = size('size');
  return {
    target: targets[0]!,
    force: parsed.force === true,
    dryRun: parsed['dry-run'] === true,
    quiet: parsed.quiet === true,
    json: parsed.json === true,
    discard: parsed.nodiscard !== true,
    ...(label === undefined ? {} : { label }),
    ...(uuid === undefined ? {} : { uuid }),
    ...(blockSize === undefined ? {} : { blockSize }),
    ...(bytesPerInode === undefined ? {} : { bytesPerInode }),
    ...(inodes === undefined ? {} : { inodes }),
    ...(journalBytes === undefined ? {} : { journalBytes }),
    ...(reservedPercent === undefined ? {} : { reservedPercent }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}

function whenGiven<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw usage(error.message);
    throw error;
  }
}

function parseBlockSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes < 1024 || bytes > 65536 || (bytes & (bytes - 1)) !== 0) {
    throw new RangeError(`a block size of ${text} is not a power of two from 1024 to 65536`);
  }
  return bytes;
}

function parseCount(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new RangeError(`"${text}" is not a number of inodes`);
  return Number(text);
}

function parseJournal(text: string): number {
  if (!text.startsWith('size=')) throw new RangeError(`"${text}" is not size=SIZE, the one journal option`);
  return parseSize(text.slice(5));
}

function parsePercent(text: string): number {
  if (!/^[0-9]+(\.[0-9]+)?$/.test(text) || Number(text) > 50) {
    throw new RangeError(`"${text}" is not a percentage from 0 to 50`);
  }
  return Number(text);
}

function checkLabel(text: string): string {
  const length = new TextEncoder().encode(text).length;
  if (length > 64) throw new RangeError(`the label takes ${length} bytes, more than 64`);
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 32 || code === 127) throw new RangeError('the label contains a control character');
  }
  return text;
}

function usage(message: string): Failure {
  return new Failure(`${message}\nTry 'mkfs.vexfs --help'.`, EXIT_USAGE);
}
