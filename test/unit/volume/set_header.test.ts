import { createInode, DamageError, VectorSet } from '@vexfs/fuse/volume';
import { ElementType, ROOT_INODE, setHeader } from '@vexfs/shared';
import test from 'ava';
import { TestVolume } from './test_volume.js';

const NOW = { seconds: 1, nanoseconds: 0 };

for (const [dataOffset, isPossible] of [
  [8, true],
  [6, false],
] as const) {
  test(`a set whose rows of float32 begin at byte ${dataOffset} is ${isPossible ? 'sound' : 'damaged'}`, (t) => {
    const { volume } = TestVolume.make({ blockSize: 1024, dataBlocks: 100 });
    const root = volume.inodes.get(ROOT_INODE);
    const file = createInode(volume, root, Buffer.from('rows'), { mode: 0o100644, uid: 0, gid: 0 }, NOW);
    const view = VectorSet.create(volume, file).changed();
    setHeader.dimensions.set(view, 0, 2);
    setHeader.element_type.set(view, 0, ElementType.FLOAT32);
    setHeader.data_offset.set(view, 0, dataOffset);
    if (isPossible) t.is(VectorSet.open(volume, file).layout.dataOffset, dataOffset);
    else t.throws(() => VectorSet.open(volume, file), { instanceOf: DamageError, message: /layout/ });
  });
}
