import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoName } from '@vexfs/fuse/system';
import test from 'ava';
import fc from 'fast-check';
import { chosen } from '../../unit/volume/seeded.js';
import { BASE_IMAGES } from '../images/base_images.js';
import { Players } from './players.js';
import { wildRequest } from './wild_requests.js';

/**
 * Another run: VEXFS_FUZZ_SEED=7 VEXFS_FUZZ_REQUESTS=200000 npx ava dist/fuzz/requests/requests.test.js
 * A failure again: the same with VEXFS_FUZZ_PATH.
 */
const seed = chosen('VEXFS_FUZZ_SEED', 1);
const wanted = chosen('VEXFS_FUZZ_REQUESTS', 6000);
const path = process.env.VEXFS_FUZZ_PATH;
const LENGTH = 500;
/** Milliseconds (the variable has seconds) that are spent on making a failing sequence smaller. */
const SHRINK_MS = 1000 * chosen('VEXFS_FUZZ_SHRINK', 60);

test(`requests as no kernel sends them (seed ${seed}, ${wanted}) are all answered and leave a sound volume`, async (t) => {
  t.timeout(24 * 3600_000);
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'vexfs-fuzz-requests-'));
  const began = performance.now();
  const players = new Players();
  const answers = new Map<number, number>();
  let total = 0;
  let largest = 0;
  let played = 0;
  let failedAt = 0;
  const sequence = fc.array(wildRequest, { minLength: 1, maxLength: LENGTH, size: 'max' });
  const property = fc.asyncProperty(sequence, fc.nat({ max: BASE_IMAGES - 1 }), async (requests, base) => {
    if (total >= wanted) return;
    if (failedAt > 0 && performance.now() - failedAt > SHRINK_MS) return;
    const result = await players.play({ folder, base, requests });
    played += 1;
    if (played % 100 === 0) console.error(`${played} sequences, ${total} requests`);
    if ('failure' in result) {
      failedAt ||= performance.now();
      throw new Error(result.failure);
    }
    if (failedAt > 0) return;
    largest = Math.max(largest, result.maxRss);
    for (const [error, times] of result.answers) {
      answers.set(error, (answers.get(error) ?? 0) + times);
      total += times;
    }
  });
  try {
    const details = await fc.check(property, {
      seed,
      // Sequences of any length up to the most: twice what would be needed if all were as long as most are.
      numRuns: Math.ceil(wanted / LENGTH) * 4,
      ...(path === undefined ? {} : { path }),
    });
    const list = [...answers]
      .sort((a, b) => b[1] - a[1])
      .map(([error, times]) => `${error === 0 ? 'ok' : errnoName(error)} ${times}`);
    t.log(
      `${total} answers to ${played} sequences in ${Math.round((performance.now() - began) / 1000)} s: ` +
        `${list.slice(0, 20).join(', ')}; the largest process had ${Math.round(largest / 1024)} MiB`,
    );
    if (details.failed) {
      t.fail(
        `VEXFS_FUZZ_SEED=${details.seed} VEXFS_FUZZ_PATH=${details.counterexamplePath}: ` +
          `${details.counterexample?.[0].length} requests on base ${details.counterexample?.[1]}: ` +
          `${(details.errorInstance as Error).message}`,
      );
      return;
    }
    if (wanted < 1000) return;
    t.true(total >= wanted, `${total} requests`);
    t.true((answers.get(0) ?? 0) > total / 6, 'too few requests were served for the others to mean anything');
    t.true(answers.size > 10, list.join(', '));
  } finally {
    players.end();
    rmSync(folder, { recursive: true, force: true });
  }
});
