import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeviceError } from './device.js';
import { errno, errnoName, errnoOf } from './errno.js';
import { FileDevice } from './file_device.js';
import { flock, LOCK_EX, LOCK_NB } from './files.js';

export interface LockOptions {
  readonly readOnly?: boolean;
  /** How long to wait for a holder to let go, in milliseconds; 0 tries once. */
  readonly waitMs?: number;
  /** Asked before each wait: false gives up at once, as when the holder has the volume mounted and will keep it. */
  readonly worthWaiting?: () => boolean;
}

/** Milliseconds between two tries: short against the second that a last commit may take. */
const RETRY_MS = 50;

/**
 * Opens the volume at `path` for this process alone: O_EXCL on a block device, which also keeps the kernel's own
 * mounts out, flock(LOCK_EX) on an image file. The lock ends with `close()` or with the process. Throws DeviceError: EBUSY
 * when another holder kept it for all of `waitMs`, otherwise as FileDevice.open.
 */
export async function lockVolume(path: string, options: LockOptions = {}): Promise<FileDevice> {
  const deadline = performance.now() + (options.waitMs ?? 0);
  for (;;) {
    const device = tryLock(path, options.readOnly === true);
    if (device !== undefined) return device;
    const left = deadline - performance.now();
    if (left <= 0 || options.worthWaiting?.() === false) {
      throw new DeviceError(
        `${path} is in use: it is mounted, or another program is working on it`,
        errno.EBUSY,
      );
    }
    await sleep(Math.min(RETRY_MS, left));
  }
}

/** One attempt: the locked device, or undefined when somebody else has it. */
function tryLock(path: string, readOnly: boolean): FileDevice | undefined {
  let exclusive: boolean;
  try {
    exclusive = statSync(path).isBlockDevice();
  } catch (error) {
    const value = errnoOf(error);
    throw new DeviceError(`cannot open ${path}: ${errnoName(value)}`, value);
  }
  let device: FileDevice;
  try {
    device = FileDevice.open(path, { readOnly, exclusive });
  } catch (error) {
    if (exclusive && error instanceof DeviceError && error.errno === errno.EBUSY) return undefined;
    throw error;
  }
  if (exclusive) return device;
  const result = flock(device.fd, LOCK_EX | LOCK_NB);
  if (result === 0) return device;
  device.close();
  if (result === -errno.EWOULDBLOCK) return undefined;
  throw new DeviceError(`cannot lock ${path}: ${errnoName(result)}`, -result);
}
