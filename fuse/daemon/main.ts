import { realpathSync } from 'node:fs';
import { totalmem } from 'node:os';
import { MAX_ROWS_PER_FILE } from '@vexfs/shared';
import { MountError, parseMountOptions } from '../mount/index.js';
import { countOf, runProgram, UsageError } from '../server/command_line.js';
import { DeviceError } from '../system/device.js';
import { VolumeError } from '../volume/errors.js';
import { runDaemon } from './daemon.js';
import type { Caching } from './filesystem.js';
import { hnswlibProblem } from './hnswlib/library.js';
import type { IndexingOptions } from './indexing/indexing.js';

const MOST_THREADS = 16;

/** Options of -o that are the daemon's own. */
const OWN_OPTIONS = {
  threads: 'value',
  attr_timeout: 'value',
  entry_timeout: 'value',
  direct_io: 'flag',
  vector_memory: 'value',
  index_above: 'value',
  engine: 'value',
} as const;

const EPILOGUE = `OPTIONS OF -o
  ro, rw, nosuid, nodev, noexec, noatime, ...   as for any file system, see mount(8)
  allow_other        let other users in (root's mounts always do); needs user_allow_other in /etc/fuse.conf
  threads=N          threads that search and copy (1 to 16; default 2)
  attr_timeout=S     seconds that the kernel keeps attributes (default a day; 0 asks the daemon every time)
  entry_timeout=S    seconds that the kernel keeps names (default a day)
  vector_memory=SIZE memory that indexes may take, as in 512M or 4G (default half of the machine's)
  index_above=ROWS   a search makes an index for a file with so many rows (default 0: none does)
  engine=NAME        what indexes are made of: vexfs (default), or hnswlib, in memory alone, to compare with
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
export function main(words: readonly string[]): Promise<number> {
  return runProgram(
    {
      name: 'vexfs-fuse',
      usage:
        '$0 [-f] [-o options] TARGET MOUNTPOINT\n\nMounts the VexFS volume in the block device or image file TARGET through FUSE.',
      epilogue: EPILOGUE,
      aboutMountOptions: 'mount options, separated by commas',
      options: {},
      operands: ['TARGET', 'MOUNTPOINT'],
      failures: [MountError, DeviceError, VolumeError],
      prepare([target, mountpoint], given) {
        const options = parseMountOptions(given.mountOptions, OWN_OPTIONS);
        const threads = countOf(options.own.get('threads') ?? '2', MOST_THREADS, 'threads=');
        const caching = cachingOf(options.own);
        const indexing = indexingOf(options.own, threads);
        return () =>
          runDaemon({
            target: resolveTarget(target!),
            mountpoint: mountpoint!,
            options,
            threads,
            caching,
            indexing,
          });
      },
    },
    words,
  );
}

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

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Throws UsageError for a size or a number of rows that is none, MountError for an engine that is not installed. */
function indexingOf(own: ReadonlyMap<string, string>, threads: number): IndexingOptions {
  const size = /^([0-9]{1,12})([KMGT]?)$/.exec(own.get('vector_memory') ?? `${Math.floor(totalmem() / 2)}`);
  if (size === null) throw new UsageError('vector_memory= takes a size as in 512M or 4G');
  const rows = own.get('index_above') ?? '0';
  if (!/^[0-9]{1,10}$/.test(rows) || Number(rows) > MAX_ROWS_PER_FILE)
    throw new UsageError('index_above= takes a number of rows');
  const engine = own.get('engine') ?? 'vexfs';
  if (engine !== 'vexfs' && engine !== 'hnswlib') throw new UsageError('engine= takes vexfs or hnswlib');
  const hnswlib = engine === 'hnswlib';
  const problem = hnswlib ? hnswlibProblem() : undefined;
  if (problem !== undefined) throw new MountError(problem);
  return { memory: Number(size[1]) * UNITS[size[2]!]!, automaticRows: Number(rows), threads, hnswlib };
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
