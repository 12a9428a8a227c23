import { extentsOf, Volume } from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import { extentEntry, extentHeader, inode as inodeLayout } from '@vexfs/shared';
import test from 'ava';
import { Image, sampleVolume } from '../fsck/sample_volume.js';
import { Tamper } from '../fsck/tamper.js';

const sample = sampleVolume();

/** The sample with the first or the last extent of a leaf of `pieces` moved to the logical block `logical`, under a right checksum. */
function moved(leafIndex: number, which: 'first' | 'last', logical: number): Volume {
  const image = new Image(sample.bytes.slice());
  const tamper = new Tamper(image);
  const leaves = tamper.treeBlocks(tamper.inode('pieces')).filter((block) => {
    return extentHeader.depth.get(tamper.view, block * tamper.blockSize) === 0;
  });
  leaves.sort((a, b) => firstOf(tamper, a) - firstOf(tamper, b));
  const base = leaves[leafIndex]! * tamper.blockSize;
  const entry = which === 'first' ? 0 : extentHeader.count.get(tamper.view, base) - 1;
  extentEntry.logical.set(tamper.view, base + 24 + entry * 24, logical);
  tamper.sealBlock(leaves[leafIndex]!, 'extent');
  return Volume.open(image, { readOnly: true }).volume;
}

function firstOf({ view, blockSize }: Tamper, block: number): number {
  return extentEntry.logical.get(view, block * blockSize + 24);
}

for (const [what, leaf, which, logical] of [
  ['a leaf that begins below its key', 1, 'first', 1],
  ['a leaf whose last extent lies behind the next leaf', 0, 'last', 1_000_000],
] as const) {
  test(`${what} makes no step over the file that does not go on`, (t) => {
    const volume = moved(leaf, which, logical);
    const inode = new Tamper(new Image(sample.bytes.slice())).inode('pieces');
    const tree = extentsOf(volume, volume.inodes.get(inode.number));
    let damaged = 0;
    for (let block = 0; block < 130; block++) {
      try {
        const { length } = tree.find(block, 130 - block);
        t.true(length >= 1 && length <= 130 - block, `block ${block}: a run of ${length} blocks`);
      } catch (error) {
        t.is((error as Error).name, 'DamageError');
        damaged += 1;
      }
      try {
        const before = tree.lastBefore(block);
        t.true(before === undefined || before.logical < block, `before block ${block}: ${before?.logical}`);
      } catch (error) {
        t.is((error as Error).name, 'DamageError');
      }
    }
    t.true(leaf === 0 || damaged > 0);
  });
}

test('the first key of an index node means nothing, whatever it is', (t) => {
  const image = new Image(sample.bytes.slice());
  const tamper = new Tamper(image);
  const { number } = tamper.inode('pieces');
  const root = tamper.inodeAt(number) + inodeLayout.root.offset;
  t.true(extentHeader.depth.get(tamper.view, root) > 0);
  tamper.view.setBigUint64(root + 24, 2n ** 64n - 4711n, true);
  tamper.sealInode(number);
  const { volume } = Volume.open(image, { readOnly: true });
  const before = new Tamper(new Image(sample.bytes.slice()));
  const runs = (from: Volume): unknown[] => [...extentsOf(from, from.inodes.get(number)).all()];
  t.deepEqual(runs(volume), runs(before.volume));
  t.is(checkVolume(image, { mode: 'look' }).exitCode, 0);
});
