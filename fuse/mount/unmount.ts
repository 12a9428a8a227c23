import { MountError } from './mount_error.js';
import { runProgram } from './run_program.js';

/**
 * Takes away what is mounted on `mountpoint` (without symbolic links): by umount(8) as root, by fusermount3 as a user. `lazy` detaches
 * a busy one at once and lets it end when its last user does. It runs as a program of its own because the kernel may have
 * dirty pages to write to the very daemon that calls this. Throws MountError.
 */
export async function unmount(mountpoint: string, options: { lazy?: boolean } = {}): Promise<void> {
  const lazy = options.lazy === true;
  const asRoot = process.geteuid?.() === 0;
  const outcome = asRoot
    ? await runProgram('umount', ['-c', '-i', ...(lazy ? ['-l'] : []), '--', mountpoint])
    : await runProgram('fusermount3', ['-u', ...(lazy ? ['-z'] : []), '--', mountpoint]);
  if (outcome.status === 0) return;
  const line = outcome.complaint.split('\n')[0]?.replace(/^(umount|fusermount3): */, '') ?? '';
  const why = line === '' ? `exit status ${outcome.status}` : line;
  throw new MountError(`cannot unmount ${mountpoint}: ${why}`);
}
