import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommand } from './commands.mjs';

const DEVICE = '/dev/fuse';
const MOUNT_TABLE = '/etc/mtab';
const SECONDS = 10;

/**
 * Why nothing can be mounted through FUSE here, as one sentence; undefined when it can.
 * Root tries it with a mount that nobody serves, because a container often has the device but not the right.
 */
export function fuseProblem() {
  let device;
  try {
    device = openSync(DEVICE, 'r+');
  } catch (error) {
    if (error.code === 'ENOENT')
      return `${DEVICE} does not exist: load the fuse module, or give it to the container.`;
    if (error.code === 'ENODEV' || error.code === 'ENXIO')
      return `${DEVICE} has no driver: load the fuse module.`;
    return `${DEVICE} cannot be opened (${error.code}): this user has no right to it.`;
  }
  try {
    return process.getuid() === 0 ? rootProblem(device) : userProblem();
  } finally {
    closeSync(device);
  }
}

function rootProblem(device) {
  if (findCommand('mount') === undefined) return 'mount(8) is not there: install the package mount.';
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-try-'));
  try {
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
    const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'vexfs-try', folder], {
      stdio: ['ignore', 'ignore', 'pipe', device],
      timeout: SECONDS * 1000,
      encoding: 'utf8',
    });
    if (mounted.status !== 0) {
      const [reason] = (mounted.stderr || String(mounted.error ?? mounted.signal)).split('\n');
      return `Mounting is not allowed here: ${reason}`;
    }
    // Lazily: an ordinary umount asks the filesystem first, and nobody answers.
    spawnSync('umount', ['-i', '-l', '--no-canonicalize', folder], {
      stdio: 'ignore',
      timeout: SECONDS * 1000,
    });
    return undefined;
  } finally {
    removeFolder(folder);
  }
}

function removeFolder(folder) {
  try {
    rmdirSync(folder);
  } catch (error) {
    // Still mounted, which the caller says already.
    if (error.code !== 'EBUSY') throw error;
  }
}

function userProblem() {
  const helper = findCommand('fusermount3');
  if (helper === undefined) return 'fusermount3 is not there: install the package fuse3.';
  const { mode, uid } = statSync(helper);
  if (uid !== 0 || (mode & 0o4000) === 0) return `${helper} is not setuid root, so users cannot mount.`;
  if (!existsSync(MOUNT_TABLE))
    return `${MOUNT_TABLE} does not exist, and fusermount3 cannot unmount without it.`;
  return undefined;
}
