/** A process that runs the images it is told to; its parent ends it when one takes too long. */

import { ImagePool, runImage } from './image_case.js';
import { limitData } from './limits.js';

/** Bytes of private memory that this process may have: more is a fault of what runs in it. */
const MOST_DATA = 1536 << 20;

const folder = process.argv[2]!;
limitData(MOST_DATA);
const pool = new ImagePool(folder);

/** What the parent gets for a seed. */
export interface ImageAnswer {
  readonly seed: number;
  readonly damage: readonly string[];
  readonly exitCode: number;
  readonly refused: boolean;
  readonly damageMet: number;
  readonly failures: readonly string[];
  /** Milliseconds of computing. */
  readonly ms: number;
  /** Largest resident size of this process so far, in KiB. */
  readonly maxRss: number;
}

process.on('message', (seed: number) => {
  const began = process.cpuUsage();
  let answer: Omit<ImageAnswer, 'seed' | 'ms' | 'maxRss'>;
  try {
    answer = runImage(pool, seed);
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    answer = { damage: [], exitCode: -1, refused: false, damageMet: 0, failures: [failure] };
  }
  const { user, system } = process.cpuUsage(began);
  const ms = (user + system) / 1000;
  process.send!({ ...answer, seed, ms, maxRss: process.resourceUsage().maxRSS } satisfies ImageAnswer);
});
process.on('disconnect', () => {
  pool.close();
  process.exit(0);
});
