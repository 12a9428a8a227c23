import test from 'ava';
import { TestVolume } from './test_volume.js';

test('a goal behind the last block of the volume finds blocks inside of it', (t) => {
  const { volume } = TestVolume.make({ blockSize: 1024, dataBlocks: 17_000 });
  const { geometry, blocks, superblock } = volume;
  t.true(geometry.groupCount > 1);
  // One block stays free in group 0: too few there, so a search that does not know the group's end goes past it.
  for (let left = volume.groups.freeBlocks[0]! - 1; left > 0; ) {
    left -= blocks.take(superblock.vectorDataStart, left).length;
  }
  for (const goal of [geometry.totalBlocks, geometry.totalBlocks + 1, 2 ** 50]) {
    const { start, length } = blocks.take(goal, 3);
    t.true(geometry.isDataRange(start, length), `goal ${goal} gives ${start}+${length}`);
  }
});
