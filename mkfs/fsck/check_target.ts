import { statSync } from 'node:fs';
import { errno, errnoName, errnoOf, FileDevice, lockVolume } from '@vexfs/fuse/system';
import { Failure } from '../failure.js';
import { describeUse } from '../in_use.js';
import { OPERATIONAL } from './exit_code.js';

/** How long a holder without a mount, such as a daemon in its last commit, may take to let go: milliseconds. */
const LOCK_WAIT = 30_000;

/**
 * Opens the target under its lock. One that is in use is refused, unless it is only looked at: then it is read without
 * the lock, and `warn` gets a sentence. Throws Failure.
 */
export async function openTarget(
  path: string,
  lookOnly: boolean,
  warn: (message: string) => void,
): Promise<FileDevice> {
  try {
    const status = statSync(path);
    if (!status.isFile() && !status.isBlockDevice()) {
      throw new Failure(`${path} is neither a regular file nor a block device`, OPERATIONAL);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`cannot look at ${path}: ${errnoName(errnoOf(error))}`, OPERATIONAL);
  }
  const use = describeUse(path);
  if (use !== undefined && !lookOnly) throw new Failure(`${path} ${use}`, OPERATIONAL);
  if (use !== undefined) {
    warn(`${path} ${use}: what changes meanwhile looks like an error`);
    return opened(() => FileDevice.open(path, { readOnly: true }));
  }
  let device: FileDevice;
  try {
    device = await lockVolume(path, {
      readOnly: lookOnly,
      waitMs: LOCK_WAIT,
      worthWaiting: () => describeUse(path) === undefined,
    });
  } catch (error) {
    const found = describeUse(path);
    if (found !== undefined) throw new Failure(`${path} ${found}`, OPERATIONAL);
    const value = (error as { errno?: number }).errno;
    if (value === errno.EROFS) throw new Failure(`${path} is read-only: -n looks at it`, OPERATIONAL);
    throw new Failure((error as Error).message, OPERATIONAL);
  }
  const late = describeUse(path);
  if (late !== undefined && !lookOnly) {
    device.close();
    throw new Failure(`${path} ${late}`, OPERATIONAL);
  }
  return device;
}

function opened(open: () => FileDevice): FileDevice {
  try {
    return open();
  } catch (error) {
    throw new Failure((error as Error).message, OPERATIONAL);
  }
}
