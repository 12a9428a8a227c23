import { paritySuite } from '../backend/suite.js';
import { RandomOperations } from './random_operations.js';

/** Another run: VEXFS_RANDOM_SEED=7 VEXFS_RANDOM_OPERATIONS=100000 ava dist/parity/operations/random.test.js */
const seed = Number(process.env.VEXFS_RANDOM_SEED ?? 1);
const operations = Number(process.env.VEXFS_RANDOM_OPERATIONS ?? 5000);
const mkfs = (process.env.VEXFS_RANDOM_MKFS ?? '').split(' ').filter((word) => word !== '');

const { test, fresh, backend } = paritySuite({ size: '160M', mkfs });

test(`random operations on three files do what a model in memory does (seed ${seed}, ${operations} operations)`, async (t) => {
  t.timeout(600_000);
  const run = new RandomOperations({
    seed,
    operations,
    paths: [fresh(), fresh(), fresh()],
    largest: 300_000,
    pause: () => backend.remount(),
    operationsBetweenPauses: 1700,
  });
  await t.notThrowsAsync(() => run.start());
});
