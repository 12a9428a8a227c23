import test from 'ava';
import { cutPower, numbers, tallyText } from './power_cut.js';
import { pairs, sample, singles } from './workload/choices.js';

test('after a power cut a volume of 1 KiB blocks is sound, holds what was promised, and nothing in part', async (t) => {
  t.timeout(3_600_000);
  const { seed, pairs: count, perFlush } = numbers({ pairs: 60, perFlush: 4 });
  const workloads = [...sample(singles(seed), 30, seed), ...sample(pairs(seed, 16), count, seed + 1)];
  const volume = { blockSize: 1024, dataBlocks: 2500, inodes: 128 };
  const tally = await cutPower({ volume, workloads, perFlush, mountEvery: 200, seed });
  t.log(tallyText(tally));
  t.true(tally.states > 4 * tally.workloads);
});
