import {
  createInode,
  directory,
  finishOrphans,
  type Inode,
  unlinkName,
  VectorSet,
  type Volume,
} from '@vexfs/fuse/volume';
import { ElementType, INODE_HIDDEN, ROOT_INODE, STATE_ERRORS, setHeader } from '@vexfs/shared';
import test from 'ava';
import { assertSound } from './check.js';
import { TestVolume } from './test_volume.js';

const NOW = { seconds: 1, nanoseconds: 0 };
const FILE = { mode: 0o100644, uid: 0, gid: 0 };

/** Three files without names, as a crash leaves them, in the order of the list. */
function threeOrphans(): { target: TestVolume; orphans: Inode[] } {
  const target = TestVolume.make({ blockSize: 1024, dataBlocks: 100 });
  const { volume } = target;
  const root = volume.inodes.get(ROOT_INODE);
  const orphans = ['a', 'b', 'c'].map((name) => {
    createInode(volume, root, Buffer.from(name), FILE, NOW);
    return unlinkName(volume, root, Buffer.from(name), NOW).inode!;
  });
  return { target, orphans: orphans.reverse() };
}

const damages: Record<string, (volume: Volume, orphans: Inode[]) => number> = {
  'runs in a circle': (_volume, orphans) => {
    orphans[2]!.orphanNext = orphans[0]!.number;
    return 3;
  },
  'leads to a free inode': (volume, orphans) => {
    orphans[2]!.orphanNext = volume.geometry.inodeCount;
    return 3;
  },
  'leads out of the volume': (volume, orphans) => {
    orphans[1]!.orphanNext = volume.geometry.inodeCount + 1;
    return 2;
  },
  'begins with a free inode': (volume) => {
    volume.superblock.orphanHead = volume.geometry.inodeCount;
    return 0;
  },
  'leads to a hidden inode': (_volume, orphans) => {
    orphans[1]!.flags = INODE_HIDDEN;
    return 1;
  },
};

for (const [what, damage] of Object.entries(damages)) {
  test(`an orphan list that ${what} is finished up to there, and the damage is noted`, (t) => {
    const { target, orphans } = threeOrphans();
    const expected = damage(target.volume, orphans);
    for (const inode of orphans) inode.markDirty();
    target.commit();
    const again = new TestVolume(target.device);
    t.is(finishOrphans(again.volume, () => again.commit()).deleted, expected);
    t.is(again.volume.superblock.orphanHead, 0);
    t.is(again.volume.superblock.state, STATE_ERRORS);
    // The next mount has nothing left to do, and the volume can be used.
    const third = new TestVolume(target.device);
    t.is(finishOrphans(third.volume, () => third.commit()).deleted, 0);
    const root = third.volume.inodes.get(ROOT_INODE);
    third.run(() => createInode(third.volume, root, Buffer.from('new'), FILE, NOW));
    if (expected === 3) assertSound(third.volume, 'afterwards');
  });
}

const sets: Record<string, (volume: Volume, orphan: Inode) => void> = {
  'whose set is a free inode': (volume, orphan) => {
    orphan.vectorSet = volume.geometry.inodeCount;
  },
  'whose row log is a free inode': (volume, orphan) => {
    const set = VectorSet.create(volume, orphan);
    setHeader.log_inode.set(set.changed(), 0, volume.geometry.inodeCount);
    setHeader.dimensions.set(set.changed(), 0, 1);
    setHeader.element_type.set(set.changed(), 0, ElementType.FLOAT32);
  },
};

for (const [what, damage] of Object.entries(sets)) {
  test(`an orphan ${what} stays on the list, and the others are deleted`, (t) => {
    const { target, orphans } = threeOrphans();
    damage(target.volume, orphans[1]!);
    for (const inode of orphans) inode.markDirty();
    target.commit();
    const again = new TestVolume(target.device);
    t.is(finishOrphans(again.volume, () => again.commit()).deleted, 2);
    t.is(again.volume.superblock.orphanHead, orphans[1]!.number);
    t.is(again.volume.superblock.state, STATE_ERRORS);
  });
}

test('a directory that holds names is not deleted because the list leads to it, and the others are', (t) => {
  const { target, orphans } = threeOrphans();
  const { volume } = target;
  const root = volume.inodes.get(ROOT_INODE);
  const folder = createInode(volume, root, Buffer.from('folder'), { ...FILE, mode: 0o40755 }, NOW);
  const file = createInode(volume, folder, Buffer.from('file'), FILE, NOW);
  volume.orphans.add(folder);
  folder.links = 0;
  target.commit();
  const again = new TestVolume(target.device);
  t.is(finishOrphans(again.volume, () => again.commit()).deleted, orphans.length);
  t.is(again.volume.superblock.orphanHead, folder.number);
  t.is(again.volume.superblock.state, STATE_ERRORS);
  const kept = again.volume.inodes.get(folder.number);
  t.is(directory.lookup(again.volume, kept, Buffer.from('file'))?.inode, file.number);
});
