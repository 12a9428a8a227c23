import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.js';

/** Does `work` while no other process does what holds the lock of that name. */
export function holding<T>(name: string, work: () => T): T {
  const lock = openSync(join(cacheFolder(), name), 'a');
  try {
    // The lock is that of the open file, which stays open here.
    const { status, error } = spawnSync('flock', ['3'], { stdio: ['ignore', 'ignore', 'inherit', lock] });
    if (status !== 0) throw new Error(`flock ${name}: ${error ?? `ended with ${status}`}`);
    return work();
  } finally {
    closeSync(lock);
  }
}
