import { examine } from '@vexfs/mkfs/fsck';
import test from 'ava';
import { MemoryDevice } from './memory_device.js';
import { CutHistory } from './power_cut.js';
import { chosen, Seeded } from './seeded.js';
import { TestVolume } from './test_volume.js';
import { Workload } from './workload.js';

/** What fsck.vexfs finds on an image, which it only reads. */
function findingsOn(image: Uint8Array): string[] {
  const { findings } = examine(new MemoryDevice(image), { lookOnly: true });
  return findings.list.map(({ code, message }) => `${code}: ${message}`);
}

test('fsck.vexfs finds nothing on volumes after random operations', (t) => {
  const first = chosen('VEXFS_TEST_SEED', 1);
  for (let seed = first; seed < first + chosen('VEXFS_TEST_RUNS', 6); seed++) {
    const random = new Seeded(seed);
    const target = TestVolume.make({ blockSize: 1024, dataBlocks: 300 }, 4);
    const work = new Workload(target, random, { mostBytes: 60 * 1024 });
    for (let step = 0; step < 300; step++) {
      work.step();
      if (step % 30 !== 0) continue;
      target.commit();
      t.deepEqual(findingsOn(target.device.bytes), [], `seed ${seed}, step ${step}`);
    }
  }
});

test('fsck.vexfs finds nothing on volumes after a power cut, with the journal replayed', (t) => {
  const first = chosen('VEXFS_TEST_SEED', 1);
  let cuts = 0;
  for (let seed = first; seed < first + chosen('VEXFS_TEST_RUNS', 3); seed++) {
    const plan = {
      blockSize: 1024,
      dataBlocks: 150,
      mostBytes: 40 * 1024,
      steps: 120,
      freeBudget: 2,
      commits: 15,
    };
    new CutHistory(plan, seed).cut(new Seeded(seed), chosen('VEXFS_TEST_CUTS', 2), (image, at, what) => {
      cuts += 1;
      t.deepEqual(findingsOn(image), [], `seed ${seed}, cut at step ${at} with ${what}`);
    });
  }
  t.true(cuts > 50);
});
