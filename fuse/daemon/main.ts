import { realpathSync } from 'node:fs';
import yargs from 'yargs';
import { MountError, parseMountOptions } from '../mount/index.js';
import { DeviceError } from '../volume/device.js';
import { VolumeError } from '../volume/index.js';
import { startInBackground } from './background.js';
import { runDaemon } from './daemon.js';
import type { Caching } from './filesystem.js';

export const VERSION = '0.1.0';

/** Options of -o that are the daemon's own. */
const OWN_OPTIONS = {
  threads: 'value',
  attr_timeout: 'value',
  entry_timeout: 'value',
  direct_io: 'flag',
} as const;

const EPILOGUE = `OPTIONS OF -o
  ro, rw, nosuid, nodev, noexec, noatime, ...   as for any file system, see mount(8)
  allow_other        let other users in (root's mounts always do); needs user_allow_other in /etc/fuse.conf
  threads=N          threads that search and copy (1 to 16; default 2)
  attr_timeout=S     seconds that the kernel keeps attributes (default a day; 0 asks the daemon every time)
  entry_timeout=S    seconds that the kernel keeps names (default a day)
  direct_io          read and write past the page cache; shared mappings are refused

EXIT STATUS
  0  unmounted cleanly; without -f: the volume is mounted
  1  the volume could not be mounted, or the daemon failed
  2  the command line is wrong

EXAMPLES
  mkfs.vexfs --size 1G disk.img
  vexfs-fuse disk.img /mnt
  mount -t fuse.vexfs /dev/sdb1 /mnt
  umount /mnt`;

/** Runs the command line `words`; resolves to the exit status. */
export async function main(words: readonly string[]): Promise<number> {
  const parser = yargs([...words])
    .scriptName('vexfs-fuse')
    .usage(
      '$0 [-f] [-o options] TARGET MOUNTPOINT\n\nMounts the VexFS volume in the block device or image file TARGET through FUSE.',
    )
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
      describe: 'mount options, separated by commas',
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
    const [target, mountpoint, ...rest] = parsed._.map(String);
    if (target === undefined || mountpoint === undefined || rest.length > 0) {
      throw new UsageError('give a TARGET and a MOUNTPOINT');
    }
    const options = parseMountOptions((parsed.options ?? []).join(','), OWN_OPTIONS);
    const threads = threadCount(options.own.get('threads'));
    const caching = cachingOf(options.own);
    if (!parsed.foreground) return await startInBackground('vexfs-fuse', words);
    return await runDaemon({ target: resolveTarget(target), mountpoint, options, threads, caching });
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`vexfs-fuse: ${error.message}; see vexfs-fuse --help`);
      return 2;
    }
    if (error instanceof MountError || error instanceof DeviceError || error instanceof VolumeError) {
      console.error(`vexfs-fuse: ${error.message}`);
      return 1;
    }
    throw error;
  }
}

class UsageError extends Error {}

/** Only this daemon changes the volume, and it tells: names and attributes may stay for long. */
const KEEP_SECONDS = 86400;

/** What the kernel may keep. Throws UsageError for a timeout that is no number of seconds. */
function cachingOf(own: ReadonlyMap<string, string>): Caching {
  const seconds = (name: string): number => {
    const text = own.get(name);
    if (text === undefined) return KEEP_SECONDS;
    if (!/^[0-9]{1,9}(?:\.[0-9]{1,9})?$/.test(text))
      throw new UsageError(`${name}= takes a number of seconds`);
    return Number(text);
  };
  return {
    attributeSeconds: seconds('attr_timeout'),
    entrySeconds: seconds('entry_timeout'),
    directIo: own.has('direct_io'),
  };
}

function threadCount(text: string | undefined): number {
  const threads = Number(text ?? 2);
  if (!Number.isInteger(threads) || threads < 1 || threads > 16)
    throw new UsageError('threads= takes a number from 1 to 16');
  return threads;
}

function resolveTarget(target: string): string {
  try {
    return realpathSync(target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new VolumeError(
      `cannot open ${target}: ${code === 'ENOENT' ? 'there is no such file' : (code ?? error)}`,
    );
  }
}
