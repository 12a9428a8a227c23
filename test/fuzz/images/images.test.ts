import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { chosen } from '../../unit/volume/seeded.js';
import { runImages } from './image_run.js';

/** Another run: VEXFS_FUZZ_SEED=5000 VEXFS_FUZZ_IMAGES=20000 npx ava dist/fuzz/images/images.test.js */
const first = chosen('VEXFS_FUZZ_SEED', 1);
const count = chosen('VEXFS_FUZZ_IMAGES', 1000);
const processes = chosen('VEXFS_FUZZ_PROCESSES', Math.min(2, availableParallelism()));

test(`${count} damaged images from seed ${first} on: nothing crashes or hangs, and what is repaired is sound`, async (t) => {
  t.timeout(24 * 3600_000);
  // Memory where there is some: an image is written and read back many times.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'vexfs-fuzz-'));
  try {
    const began = performance.now();
    const result = await runImages(folder, first, count, processes, (done) => {
      if (done % 1000 === 0)
        console.error(`${done} images, ${Math.round((performance.now() - began) / 1000)} s`);
    });
    const codes = [...result.exitCodes].sort().map(([code, images]) => `${images} with ${code}`);
    t.log(
      `${count} images in ${Math.round((performance.now() - began) / 1000)} s; fsck -n ended ${codes.join(', ')}; ` +
        `${result.refused} refused by the daemon, ${result.damageMet} operations that met damage; ` +
        `the slowest took ${Math.round(result.slowestMs)} ms of computing (seed ${result.slowestSeed}), ` +
        `the largest process ${Math.round(result.maxRssKib / 1024)} MiB`,
    );
    t.deepEqual(result.failures, []);
    // Damage that nobody notices, or images that nobody opens, would test nothing.
    if (count >= 200) {
      t.true((result.exitCodes.get(4) ?? 0) > count / 4, codes.join(', '));
      t.true(result.refused < count / 2, `${result.refused} refused`);
      t.true(result.damageMet > count / 20, `${result.damageMet} operations met damage`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
