import test from 'ava';
import { assertSound } from './check.js';
import { differenceOf } from './model.js';
import { chosen, Seeded } from './seeded.js';
import { TestVolume, type VolumeChoices } from './test_volume.js';
import { Workload } from './workload.js';

interface Plan extends VolumeChoices {
  readonly steps: number;
  readonly mostBytes: number;
  readonly freeBudget: number;
}

/** VEXFS_TEST_SEED and VEXFS_TEST_RUNS change what is run; a failure names the seed. */
function run(plan: Plan, seed: number): Workload {
  const random = new Seeded(seed);
  const target = TestVolume.make(plan, plan.freeBudget);
  const free = target.volume.superblock.freeBlocks;
  const freeInodes = target.volume.superblock.freeInodes;
  const work = new Workload(target, random, plan);
  const agree = (when: string): void => {
    assertSound(target.volume, when);
    const difference = differenceOf(target.volume, work.model);
    if (difference !== undefined) throw new Error(`${when}: ${difference}`);
  };
  try {
    for (let step = 0; step < plan.steps; step++) {
      work.step();
      if (random.chance(4)) target.commit();
      if (random.chance(1)) {
        target.reopen();
        work.forgetDoomed();
        agree('after opening it again');
      } else if (step % 25 === 0) {
        agree('in memory');
      }
    }
    target.reopen();
    work.forgetDoomed();
    agree('at the end');
    work.removeAll();
    target.reopen();
    agree('after everything was removed');
    if (target.volume.superblock.freeBlocks !== free) {
      throw new Error(`${target.volume.superblock.freeBlocks} of ${free} blocks are free again`);
    }
    if (target.volume.superblock.freeInodes !== freeInodes) throw new Error('inodes are lost');
  } catch (error) {
    throw new Error(`seed ${seed}, ${work.last}: ${(error as Error).message}`, { cause: error });
  }
  return work;
}

const KIB = 1024;
const plans: ReadonlyArray<Plan & { readonly title: string; readonly runs: number }> = [
  {
    title: 'a small volume of 1 KiB blocks',
    runs: 20,
    blockSize: 1024,
    dataBlocks: 300,
    steps: 700,
    mostBytes: 60 * KIB,
    freeBudget: 4,
  },
  {
    title: 'a volume of 1 KiB blocks in three groups',
    runs: 2,
    blockSize: 1024,
    dataBlocks: 17_000,
    inodes: 150,
    steps: 900,
    mostBytes: 3000 * KIB,
    freeBudget: 16,
  },
  {
    title: 'a small volume of 4 KiB blocks',
    runs: 5,
    blockSize: 4096,
    dataBlocks: 120,
    steps: 700,
    mostBytes: 100 * KIB,
    freeBudget: 8,
  },
  {
    title: 'a small volume of 64 KiB blocks',
    runs: 1,
    blockSize: 65536,
    dataBlocks: 60,
    steps: 400,
    mostBytes: 1024 * KIB,
    freeBudget: 8,
  },
];

for (const plan of plans) {
  test(`random operations on ${plan.title} agree with a model, also after opening it again`, (t) => {
    const first = chosen('VEXFS_TEST_SEED', 1);
    const runs = chosen('VEXFS_TEST_RUNS', plan.runs);
    let refused = 0;
    for (let seed = first; seed < first + runs; seed++) refused += run(plan, seed).refused;
    t.log(`seeds ${first} to ${first + runs - 1}; ${refused} operations found no space`);
    t.pass();
  });
}
