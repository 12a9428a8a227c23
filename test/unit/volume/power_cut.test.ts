import test from 'ava';
import { CutHistory, type CutPlan } from './power_cut.js';
import { chosen, Seeded } from './seeded.js';

const KIB = 1024;
const plans: ReadonlyArray<CutPlan & { readonly title: string; readonly runs: number }> = [
  {
    title: 'a small volume that is often full',
    runs: 10,
    blockSize: 1024,
    dataBlocks: 150,
    mostBytes: 40 * KIB,
    steps: 150,
    freeBudget: 2,
    commits: 15,
  },
  {
    title: 'a volume with long row logs',
    runs: 4,
    blockSize: 1024,
    dataBlocks: 400,
    inodes: 40,
    mostBytes: 24 * KIB,
    steps: 250,
    freeBudget: 1,
    commits: 15,
  },
  {
    title: 'a volume of 4 KiB blocks',
    runs: 4,
    blockSize: 4096,
    dataBlocks: 80,
    mostBytes: 60 * KIB,
    steps: 150,
    freeBudget: 3,
    commits: 15,
  },
];

/** VEXFS_TEST_SEED, VEXFS_TEST_RUNS and VEXFS_TEST_CUTS (images for each flush) make it longer. */
for (const plan of plans) {
  test(`after a power cut ${plan.title} is sound and holds the last commit or the one under way`, (t) => {
    const first = chosen('VEXFS_TEST_SEED', 1);
    const runs = chosen('VEXFS_TEST_RUNS', plan.runs);
    const perFlush = chosen('VEXFS_TEST_CUTS', 5);
    let cuts = 0;
    for (let seed = first; seed < first + runs; seed++) {
      const history = new CutHistory(plan, seed);
      history.cut(new Seeded(seed), perFlush, (image, at, what) => {
        cuts += 1;
        try {
          history.check(image, at, plan.freeBudget);
        } catch (error) {
          const message = `seed ${seed}, cut at step ${at} with ${what}: ${(error as Error).message}`;
          throw new Error(message, { cause: error });
        }
      });
    }
    t.log(`${cuts} cuts`);
    t.true(cuts > runs * 20 * perFlush);
  });
}
