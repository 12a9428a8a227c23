import { MAX_BLOCK_SIZE, MIN_BLOCK_SIZE } from '@vexfs/shared';
import { type Program, parseCommandLine, usageFailure } from './command_line.js';
import { EXIT_USAGE } from './failure.js';
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

const EPILOGUE = `TARGET is a block device, or an image file. Sizes are bytes, or take the
suffixes K, M, G, T, P (powers of 1024).

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

const PROGRAM: Program = {
  name: 'mkfs.vexfs',
  usage: 'Usage: $0 [options] TARGET\n\nMakes an empty vexfs volume on TARGET.',
  epilogue: EPILOGUE,
  usageExit: EXIT_USAGE,
  options: {
    force: {
      alias: 'f',
      type: 'boolean',
      describe: 'Overwrite a filesystem or anything else that is recognised',
    },
    'dry-run': {
      alias: 'n',
      type: 'boolean',
      describe: 'Check everything, say what would be done, write nothing',
    },
    quiet: { alias: 'q', type: 'boolean', describe: 'Print nothing when all goes well' },
    json: { type: 'boolean', describe: 'Print the volume as one JSON object' },
    label: { alias: 'L', type: 'string', describe: 'Name of the volume, up to 64 bytes of UTF-8' },
    uuid: { alias: 'U', type: 'string', describe: 'UUID of the volume, or "random" (the default)' },
    'block-size': {
      alias: 'b',
      type: 'string',
      describe: 'Bytes of a block: 1K to 64K, a power of two [4K]',
    },
    'bytes-per-inode': {
      alias: 'i',
      type: 'string',
      describe: 'One inode for so many bytes: 1K to 64M [16K]',
    },
    inodes: { alias: 'N', type: 'string', describe: 'At least so many inodes; wins over -i' },
    journal: {
      alias: 'J',
      type: 'string',
      describe: 'size=SIZE: bytes of the journal, 1024 blocks or more',
    },
    reserved: {
      alias: 'm',
      type: 'string',
      describe: 'Percent of the blocks kept for root: 0 to 50 [5]',
    },
    nodiscard: {
      alias: 'K',
      type: 'boolean',
      describe: 'Do not give the old content back to the device first',
    },
    size: { type: 'string', describe: 'Bytes of the volume; makes or extends an image file' },
  },
};

/** Undefined when the help or the version was asked for and printed. Throws Failure (exit code 2). */
export function parseArguments(words: readonly string[]): Arguments | undefined {
  const line = parseCommandLine(PROGRAM, words);
  if (line === undefined) return undefined;
  const size = (name: string) => whenGiven(line.text(name), parseSize);
  const label = whenGiven(line.text('label'), checkLabel);
  const blockSize = whenGiven(line.text('block-size'), parseBlockSize);
  const uuidText = line.text('uuid');
  const uuid = uuidText === 'random' ? undefined : whenGiven(uuidText, parseUuid);
  const bytesPerInode = size('bytes-per-inode');
  const inodes = whenGiven(line.text('inodes'), parseCount);
  const journalBytes = whenGiven(line.text('journal'), parseJournal);
  const reservedPercent = whenGiven(line.text('reserved'), parsePercent);
  const sizeBytes = size('size');
  return {
    target: line.target,
    force: line.has('force'),
    dryRun: line.has('dry-run'),
    quiet: line.has('quiet'),
    json: line.has('json'),
    discard: !line.has('nodiscard'),
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
    if (error instanceof RangeError) throw usageFailure(PROGRAM, error.message);
    throw error;
  }
}

function parseBlockSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes < MIN_BLOCK_SIZE || bytes > MAX_BLOCK_SIZE || (bytes & (bytes - 1)) !== 0) {
    throw new RangeError(
      `a block size of ${text} is not a power of two from ${MIN_BLOCK_SIZE} to ${MAX_BLOCK_SIZE}`,
    );
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
    if (code < 32 || (code >= 127 && code < 160))
      throw new RangeError('the label contains a control character');
  }
  return text;
}
