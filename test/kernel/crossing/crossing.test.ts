import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chosen } from '../../unit/volume/seeded.js';
import { rootGuestTest } from '../../vm/guest_test.js';
import { cross } from './crossing.js';

/** Other seeds, more of them, longer: VEXFS_CROSS_SEED=1 VEXFS_CROSS_SEEDS=200 VEXFS_CROSS_OPERATIONS=120. */
const first = chosen('VEXFS_CROSS_SEED', 1);
const count = chosen('VEXFS_CROSS_SEEDS', 10);
const operations = chosen('VEXFS_CROSS_OPERATIONS', 60);
/** Seeds whose volumes share a guest. */
const TOGETHER = 10;

for (let from = first; from < first + count; from += TOGETHER) {
  const seeds = Array.from({ length: Math.min(TOGETHER, first + count - from) }, (_, i) => from + i);
  rootGuestTest(
    `work begun on one backend goes on with the other, over unmounts and crashes (seeds ${from} to ${seeds.at(-1)})`,
    async (t) => {
      t.timeout(1_800_000);
      const folder = mkdtempSync(join(tmpdir(), 'vexfs-crossing-'));
      try {
        t.deepEqual(await cross(folder, seeds, operations), []);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
}
