import test from 'ava';
import { cutPower, numbers, tallyText } from './power_cut.js';
import { pairs, sample, singles } from './workload/choices.js';

test('after a power cut a volume of 4 KiB blocks is sound, holds what was promised, and nothing in part', async (t) => {
  t.timeout(3_600_000);
  const { seed, pairs: count, perFlush } = numbers({ pairs: 40, perFlush: 3 });
  const workloads = [...singles(seed), ...sample(pairs(seed, 16), count, seed)];
  const volume = { blockSize: 4096, dataBlocks: 700, inodes: 128 };
  const tally = await cutPower({ volume, workloads, perFlush, mountEvery: 200, seed });
  t.log(tallyText(tally));
  t.true(tally.states > 4 * tally.workloads);
});
