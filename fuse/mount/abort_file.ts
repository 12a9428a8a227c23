import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { openDetachedMount } from '../system/index.js';
import { mountTable } from './mount_table.js';

const CONTROL = '/sys/fs/fuse/connections';

/**
 * Opens the file that ends a FUSE connection by force when it is written to (fs/fuse/control.c); undefined where there is
 * none. The control filesystem is mounted where the distribution has it; else root mounts it where nobody sees it, so that
 * nothing is left of it whoever is killed meanwhile. `mountpoint` is free of symbolic links. The descriptor stays with its
 * connection: once that is gone a write to it does nothing.
 */
export function openAbortFile(mountpoint: string): number | undefined {
  // Nothing here may touch the mount itself: nobody serves it yet.
  const mounted = mountTable().filter((entry) => entry.mountpoint === mountpoint);
  const connection = mounted[mounted.length - 1]?.device.split(':')[1];
  if (connection === undefined) return undefined;
  const found = tryOpen(join(CONTROL, connection, 'abort'));
  if (found !== undefined || process.geteuid?.() !== 0) return found;
  const control = openDetachedMount('fusectl');
  if (control < 0) return undefined;
  try {
    return tryOpen(join('/proc/self/fd', `${control}`, connection, 'abort'));
  } finally {
    closeSync(control);
  }
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'w');
  } catch {
    return undefined;
  }
}
