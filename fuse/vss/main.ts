import { checkMountpoint, MountError, parseMountOptions } from '../mount/index.js';
import { countOf, runProgram } from '../server/command_line.js';
import { SystemCallError } from '../system/index.js';
import { PROGRAM, runServer } from './server.js';
import { MAX_CAPACITY } from './store.js';

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

/** Runs the command line `words`; resolves to the exit status. */
export function main(words: readonly string[]): Promise<number> {
  return runProgram(
    {
      name: PROGRAM,
      usage: '$0 [-f] [--capacity N] MOUNTPOINT\n\nServes the calls of /dev/vss on a file, through FUSE.',
      epilogue: EPILOGUE,
      aboutMountOptions: 'mount options as of any file system, separated by commas',
      options: {
        capacity: {
          type: 'string',
          default: '65536',
          describe: `vectors at most, 1 to ${MAX_CAPACITY}`,
        },
        threads: {
          type: 'string',
          default: '2',
          describe: `threads that answer, 1 to ${MOST_THREADS}`,
        },
      },
      operands: ['MOUNTPOINT'],
      failures: [MountError, SystemCallError],
      prepare([mountpoint], given) {
        const options = parseMountOptions(given.mountOptions);
        const capacity = countOf(given.text('capacity'), MAX_CAPACITY, '--capacity');
        const threads = countOf(given.text('threads'), MOST_THREADS, '--threads');
        checkMountpoint(mountpoint!);
        return async () => {
          await runServer({ mountpoint: mountpoint!, options, capacity, threads });
          return 0;
        };
      },
    },
    words,
  );
}
