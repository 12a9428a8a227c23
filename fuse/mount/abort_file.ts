import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountTable } from './mount_table.js';

const CONTROL = '/sys/fs/fuse/connections';

/**
 * Opens the file that ends a FUSE connection by force when it is written to (fs/fuse/control.c); undefined where there is
 * none. The control filesystem is mounted where the distribution has it, or else, for root, on a folder of our own for as
 * long as it takes. `mountpoint` is free of symbolic links. The descriptor stays with its connection: once that is gone a write to it does nothing.
 */
export function openAbortFile(mountpoint: string): number | undefined {
  // Nothing here may touch the mount itself: nobody serves it yet.
  const mounted = mountTable().filter((entry) => entry.mountpoint === mountpoint);
  const connection = mounted[mounted.length - 1]?.device.split(':')[1];
  if (connection === undefined) return undefined;
  const found = tryOpen(join(CONTROL, connection, 'abort'));
  if (found !== undefined || process.geteuid?.() !== 0) return found;
  const folder = mkdtempSync(join(tmpdir(), 'fusectl-'));
  try {
    if (spawnSync('mount', ['-i', '-t', 'fusectl', 'none', folder]).status !== 0) return undefined;
    const fd = tryOpen(join(folder, connection, 'abort'));
    spawnSync('umount', ['-i', '-l', folder]);
    return fd;
  } finally {
    rmdirSync(folder);
  }
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'w');
  } catch {
    return undefined;
  }
}
