import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from './cache.js';

export interface Processor {
  readonly number: number;
  giveBack(): void;
}

/**
 * A processor that no other guest is pinned to, or any when there is none: a guest's threads chase each other over the
 * processors when it is not pinned, and two on one processor take twice as long.
 */
export function takeProcessor(): Processor {
  const count = availableParallelism();
  for (let number = count - 1; number >= 0; number--) {
    const lock = openSync(join(cacheFolder(), `processor-${number}`), 'a');
    // The lock is that of the open file, which stays open here.
    const { status } = spawnSync('flock', ['--nonblock', '3'], {
      stdio: ['ignore', 'ignore', 'inherit', lock],
    });
    if (status === 0) return { number, giveBack: () => closeSync(lock) };
    closeSync(lock);
  }
  return { number: process.pid % count, giveBack: () => {} };
}
