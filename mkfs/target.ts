import {
  accessSync,
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errno, errnoName, errnoOf, FileDevice, isDeviceReadOnly, lockVolume } from '@vexfs/fuse/system';
import { probeWithBlkid } from './blkid.js';
import { Failure } from './failure.js';
import { describeUse } from './in_use.js';
import { findSignatures } from './signatures.js';

/** How long a holder without a mount, such as a daemon in its last commit, may take to let go: milliseconds. */
const LOCK_WAIT = 30_000;
const DEVICES = '/dev';

/** What stands at the target's path, before anything is opened. */
export type TargetState =
  | { readonly kind: 'missing' }
  | { readonly kind: 'image' | 'device'; readonly bytes: number };

/** Throws Failure when there is something that can never become a volume, or nothing and no size to make an image. */
export async function inspectTarget(path: string, sizeBytes: number | undefined): Promise<TargetState> {
  let status: Stats;
  try {
    status = statSync(path);
  } catch (error) {
    return inspectMissing(path, sizeBytes, errnoOf(error));
  }
  if (!status.isFile() && !status.isBlockDevice()) {
    throw new Failure(`${path} is neither a regular file nor a block device`);
  }
  refuseUsed(path);
  refuseUnwritable(path);
  if (status.isFile()) return { kind: 'image', bytes: imageSize(path, status.size, sizeBytes) };

  const device = openForReading(path);
  try {
    if (isDeviceReadOnly(device.fd) === 1) throw new Failure(`${path} is read-only`);
    if (sizeBytes !== undefined && sizeBytes > device.size) {
      throw new Failure(`${path} has ${device.size} bytes, fewer than the ${sizeBytes} of --size`);
    }
    return { kind: 'device', bytes: sizeBytes ?? device.size };
  } finally {
    device.close();
  }
}

function inspectMissing(path: string, sizeBytes: number | undefined, value: number): TargetState {
  if (value !== errno.ENOENT) throw new Failure(`cannot look at ${path}: ${errnoName(value)}`);
  const absolute = resolve(path);
  if (isAmongDevices(absolute)) throw new Failure(`${path} does not exist`);
  if (sizeBytes === undefined) {
    throw new Failure(`${path} does not exist: give --size to make an image file`);
  }
  try {
    accessSync(dirname(absolute), constants.W_OK);
  } catch (error) {
    throw new Failure(`cannot make ${path}: ${errnoName(errnoOf(error))}`);
  }
  return { kind: 'missing' };
}

/** Whether an absolute path names a device rather than a file: what is mounted below /dev, as /dev/shm is, holds files. */
function isAmongDevices(absolute: string): boolean {
  if (!absolute.startsWith(`${DEVICES}/`)) return false;
  let folder = dirname(absolute);
  for (; folder !== DEVICES; folder = dirname(folder)) {
    const status = statSync(folder, { throwIfNoEntry: false });
    if (status !== undefined) return status.dev === statSync(DEVICES).dev;
  }
  return true;
}

function imageSize(path: string, found: number, wanted: number | undefined): number {
  if (wanted === undefined) {
    if (found === 0) throw new Failure(`${path} is empty: give --size`);
    return found;
  }
  if (wanted < found) {
    throw new Failure(`${path} has ${found} bytes, more than the ${wanted} of --size: an image is never cut`);
  }
  return wanted;
}

function openForReading(path: string): FileDevice {
  try {
    return FileDevice.open(path, { readOnly: true });
  } catch (error) {
    throw new Failure((error as Error).message);
  }
}

/** Asked before the lock, so that a dry run learns it too. */
function refuseUnwritable(path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw unwritable(path, errnoOf(error));
  }
}

function unwritable(path: string, value: number): Failure {
  if (value === errno.EROFS) return new Failure(`${path} is read-only`);
  return new Failure(`${path} may not be written: ${errnoName(value)}`);
}

function refuseUsed(path: string): void {
  const use = describeUse(path);
  if (use !== undefined) throw new Failure(`${path} ${use}`);
}

/**
 * Takes the target's lock, waiting for a holder that has it mounted nowhere, and looks again for users, because one
 * may have come before the lock. Throws Failure.
 */
export async function lockTarget(path: string, readOnly: boolean): Promise<FileDevice> {
  let device: FileDevice;
  try {
    device = await lockVolume(path, {
      readOnly,
      waitMs: LOCK_WAIT,
      worthWaiting: () => describeUse(path) === undefined,
    });
  } catch (error) {
    refuseUsed(path);
    const value = (error as { errno?: number }).errno;
    if (value === errno.EROFS || value === errno.EACCES || value === errno.EPERM)
      throw unwritable(path, value);
    throw new Failure((error as Error).message);
  }
  try {
    refuseUsed(path);
  } catch (error) {
    device.close();
    throw error;
  }
  return device;
}

/** Throws Failure when the device holds something that would be lost. */
export function refuseContent(device: FileDevice): void {
  const own = findSignatures(device)[0]?.what;
  // Our own name for a volume is better than anything that blkid may say; for the rest it knows more.
  const what = own === 'a vexfs volume' ? own : (probeWithBlkid(device.path) ?? own);
  if (what !== undefined) throw new Failure(`${device.path} holds ${what}: -f overwrites it`);
}

/** Makes a sparse file that did not exist. Throws Failure, EEXIST when it has come into being meanwhile. */
export function createImage(path: string, bytes: number): void {
  let fd: number;
  try {
    fd = openSync(path, 'wx', 0o644);
  } catch (error) {
    throw new Failure(`cannot make ${path}: ${errnoName(errnoOf(error))}`);
  }
  try {
    ftruncateSync(fd, bytes);
  } catch (error) {
    unlinkSync(path);
    throw new Failure(`cannot give ${path} a size of ${bytes} bytes: ${errnoName(errnoOf(error))}`);
  } finally {
    closeSync(fd);
  }
}

/** Lets an image grow; returns a device of the new size that stays under the lock of the old one. Throws Failure. */
export function extendImage(locked: FileDevice, bytes: number): FileDevice {
  try {
    ftruncateSync(locked.fd, bytes);
  } catch (error) {
    throw new Failure(`cannot extend ${locked.path} to ${bytes} bytes: ${errnoName(errnoOf(error))}`);
  }
  return FileDevice.open(locked.path);
}
