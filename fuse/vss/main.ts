import yargs from 'yargs';
import { startInBackground } from '../daemon/background.js';
import { checkMountpoint, MountError, parseMountOptions } from '../mount/index.js';
import { SystemCallError } from '../system/index.js';
import { PROGRAM, runServer } from './server.js';
import { MAX_CAPACITY } from './store.js';

const VERSION = '0.1.0';
const MOST_THREADS = 16;

const EPILOGUE = `The file MOUNTPOINT/vss takes the calls of /dev/vss: VSS_ADD_VECTOR, VSS_QUERY_TOP_K and VSS_GET_STATS (docs/api.md).
Only its owner may open it; chmod and chown change that. The vectors are gone when it is unmounted.

EXIT STATUS
  0  unmounted cleanly; without -f: it is mounted
  1  it could not be mounted, or it failed
  2  the command line is wrong

EXAMPLES
  vexfs-vss /mnt
  umount /mnt`;

class UsageError extends Error {}

/** Runs the command line `words`; resolves to the exit status. */
export async function main(words: readonly string[]): Promise<number> {
  const parser = yargs([...words])
    .scriptName(PROGRAM)
    .usage('$0 [-f] [--capacity N] MOUNTPOINT\n\nServes the calls of /dev/vss on a file, through FUSE.')
    .option('foreground', {
      alias: 'f',
      type: 'boolean',
      default: false,
      describe: 'stay in the foreground, log to stderr',
    })
    .option('capacity', {
      type: 'string',
      default: '65536',
      describe: `vectors at most, 1 to ${MAX_CAPACITY}`,
    })
    .option('threads', {
      type: 'string',
      default: '2',
      describe: `threads that answer, 1 to ${MOST_THREADS}`,
    })
    .option('options', {
      alias: 'o',
      type: 'string',
      array: true,
      nargs: 1,
      describe: 'mount options as of any file system, separated by commas',
    })
    .epilogue(EPILOGUE)
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
  try {
    const parsed = await parser.parse();
    if (words.some((word) => word === '-h' || word === '--help' || word === '-V' || word === '--version'))
      return 0;
    const [mountpoint, ...rest] = parsed._.map(String);
    if (mountpoint === undefined || rest.length > 0) throw new UsageError('give a MOUNTPOINT');
    const options = parseMountOptions((parsed.options ?? []).join(','));
    const capacity = count(parsed.capacity, MAX_CAPACITY, '--capacity');
    const threads = count(parsed.threads, MOST_THREADS, '--threads');
    checkMountpoint(mountpoint);
    if (!parsed.foreground) return await startInBackground(PROGRAM, words);
    await runServer({ mountpoint, options, capacity, threads });
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${PROGRAM}: ${error.message}; see ${PROGRAM} --help`);
      return 2;
    }
    if (error instanceof MountError || error instanceof SystemCallError) {
      console.error(`${PROGRAM}: ${error.message}`);
      return 1;
    }
    throw error;
  }
}

function count(text: string, most: number, option: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < 1 || value > most)
    throw new UsageError(`${option} takes a number from 1 to ${most}`);
  return value;
}
