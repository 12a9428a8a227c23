import {
  type AsideBlocks,
  blocksToJoin,
  blocksToWrite,
  createInode,
  cutAside,
  DeviceError,
  dropAside,
  endAside,
  FsError,
  forSegments,
  type Inode,
  isSwappable,
  joinAside,
  NeedCommit,
  preallocate,
  punchHole,
  setAside,
  truncateContent,
  writeContent,
} from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';
import test from 'ava';
import { assertSound } from './check.js';
import { MemoryDevice } from './memory_device.js';
import { TestVolume } from './test_volume.js';

const NOW = { seconds: 1, nanoseconds: 0 };
const BLOCK = 1024;

function makeFile(blocks = 400): { target: TestVolume; inode: Inode } {
  const target = TestVolume.make({ blockSize: BLOCK, dataBlocks: blocks });
  const { volume } = target;
  const root = volume.inodes.get(ROOT_INODE);
  const attributes = { mode: 0o100644, uid: 0, gid: 0 };
  const inode = createInode(volume, root, Buffer.from('file'), attributes, NOW);
  writeContent(volume, inode, 0, new Uint8Array(BLOCK).fill(1));
  target.commit();
  return { target, inode };
}

test('blocks that are set aside change nothing on the volume, and nobody else gets them', (t) => {
  const { target, inode } = makeFile();
  const { volume } = target;
  const before = volume.blocks.available;
  const aside = setAside(volume, inode, BLOCK, 100 * BLOCK);
  t.is(volume.freeze(), undefined, 'nothing to commit');
  t.is(volume.blocks.available, before - 100);
  const taken = new Set<number>();
  for (const { physical, length } of aside.runs)
    for (let block = physical; block < physical + length; block++) taken.add(block);
  t.is(taken.size, 100);
  const root = volume.inodes.get(ROOT_INODE);
  const other = createInode(volume, root, Buffer.from('other'), { mode: 0o100644, uid: 0, gid: 0 }, NOW);
  writeContent(volume, other, 0, new Uint8Array(120 * BLOCK));
  forSegments(volume, other, 0, 120 * BLOCK, (position, _at, bytes) => {
    for (let at = position; at < position + bytes; at += BLOCK) t.false(taken.has(at / BLOCK));
  });
  dropAside(volume, aside);
  target.commit();
  assertSound(volume, 'dropped');
});

test('blocks that are set aside become the file at once, and are gone after a crash before that', (t) => {
  const { target, inode } = makeFile();
  const { volume } = target;
  const aside = setAside(volume, inode, BLOCK, 60 * BLOCK - 10);
  for (const { physical, length } of aside.runs)
    target.device.write(physical * BLOCK, new Uint8Array(length * BLOCK).fill(7));
  const crashed = new TestVolume(target.device);
  t.is(crashed.volume.inodes.get(inode.number).size, BLOCK);
  assertSound(crashed.volume, 'after a crash');
  volume.requireBlocks(blocksToJoin(volume, inode, aside));
  t.true(joinAside(volume, inode, aside, 61 * BLOCK - 10));
  endAside(volume, inode, 61 * BLOCK - 10);
  target.commit();
  const again = new TestVolume(target.device);
  const stored = again.volume.inodes.get(inode.number);
  t.is(stored.size, 61 * BLOCK - 10);
  t.is(stored.blocks, 61);
  assertSound(again.volume, 'joined');
});

test('unwritten blocks behind the end are used before others are set aside', (t) => {
  const { target, inode } = makeFile();
  const { volume } = target;
  preallocate(volume, inode, 3 * BLOCK, 5 * BLOCK);
  preallocate(volume, inode, 20 * BLOCK, 100 * BLOCK);
  const before = volume.blocks.available;
  const wanted = blocksToWrite(volume, inode, BLOCK, 60 * BLOCK);
  const aside = setAside(volume, inode, BLOCK, 60 * BLOCK);
  t.is(before - volume.blocks.available, 2 + 12);
  const treeBlocks = blocksToJoin(volume, inode, aside);
  t.true(14 + treeBlocks <= wanted);
  volume.requireBlocks(treeBlocks);
  t.true(joinAside(volume, inode, aside, 61 * BLOCK));
  endAside(volume, inode, 61 * BLOCK);
  target.commit();
  assertSound(volume, 'joined');
  // The extents do not fit into the inode any more: one block is their leaf.
  t.is(inode.blocks, 1 + 2 + 5 + 12 + 100 + 1);
});

test('without the space nothing is set aside', (t) => {
  const { target, inode } = makeFile(100);
  const { volume } = target;
  const before = volume.blocks.available;
  t.throws(() => setAside(volume, inode, BLOCK, (before + 1) * BLOCK), { instanceOf: FsError });
  t.is(volume.blocks.available, before);
});

/** A file that ends amid blocks of one extent that are taken and not written, on a volume without a free block; some are set aside. */
function amidUnwritten(): { target: TestVolume; inode: Inode; aside: AsideBlocks; rest: Inode } {
  const { target, inode } = makeFile();
  const { volume } = target;
  preallocate(volume, inode, BLOCK, 199 * BLOCK);
  truncateContent(volume, inode, 50 * BLOCK);
  const aside = setAside(volume, inode, 50 * BLOCK, 20 * BLOCK);
  const root = volume.inodes.get(ROOT_INODE);
  const rest = createInode(volume, root, Buffer.from('rest'), { mode: 0o100644, uid: 0, gid: 0 }, NOW);
  target.run(() => writeContent(volume, rest, 0, new Uint8Array(volume.blocks.available * BLOCK)));
  target.commit();
  while (volume.blocks.available > 0)
    target.run(() => writeContent(volume, rest, rest.size, new Uint8Array(BLOCK)));
  return { target, inode, aside, rest };
}

test('a write that would have to give back what is set aside waits for its end', (t) => {
  const { target, inode, aside } = amidUnwritten();
  const { volume } = target;
  t.throws(() => writeContent(volume, inode, 10 * BLOCK, new Uint8Array(BLOCK).fill(3)), {
    instanceOf: NeedCommit,
  });
  t.is(inode.blocks, 200);
  t.throws(() => volume.requireBlocks(blocksToJoin(volume, inode, aside)), { instanceOf: FsError });
  dropAside(volume, aside);
  // Behind the end nothing is kept for anybody now.
  t.is(writeContent(volume, inode, 10 * BLOCK, new Uint8Array(BLOCK).fill(3)), BLOCK);
  t.true(inode.blocks < 200);
  target.commit();
  assertSound(volume, 'written');
});

test('what is set aside becomes the file when space has come free, beside a write that waited', (t) => {
  const { target, inode, aside, rest } = amidUnwritten();
  const { volume } = target;
  const write = (): number => writeContent(volume, inode, 10 * BLOCK, new Uint8Array(BLOCK).fill(3));
  t.throws(write, { instanceOf: NeedCommit });
  target.run(() => truncateContent(volume, rest, rest.size - 20 * BLOCK));
  target.commit();
  t.is(write(), BLOCK);
  volume.requireBlocks(blocksToJoin(volume, inode, aside));
  t.true(joinAside(volume, inode, aside, 70 * BLOCK));
  endAside(volume, inode, 70 * BLOCK);
  target.commit();
  t.is(inode.blocks, 200 + 1);
  assertSound(volume, 'joined');
});

test('blocks that are set aside come back when the device fails amid that', (t) => {
  // In two groups, each with a bitmap of its own.
  const { target, inode } = makeFile(10_000);
  target.run(() => writeContent(target.volume, inode, 0, new Uint8Array(9000 * BLOCK)));
  target.run(() => truncateContent(target.volume, inode, BLOCK));
  target.commit();
  for (let call = 0; ; call++) {
    const { device, volume } = new TestVolume(new MemoryDevice(target.device.bytes.slice()));
    const again = volume.inodes.get(inode.number);
    const before = volume.blocks.available;
    device.failAt = device.calls + call;
    try {
      setAside(volume, again, BLOCK, 9000 * BLOCK);
      t.true(call > 1, `${call} calls`);
      return;
    } catch (error) {
      t.true(error instanceof DeviceError);
      t.is(volume.blocks.available, before, `call ${call}`);
    }
  }
});

/** A file, blocks set aside for it in pieces of one block each, and how many there are. */
function inPieces(): { target: TestVolume; inode: Inode; pieces: number } {
  const { target, inode } = makeFile(1200);
  const { volume } = target;
  const root = volume.inodes.get(ROOT_INODE);
  const other = createInode(volume, root, Buffer.from('other'), { mode: 0o100644, uid: 0, gid: 0 }, NOW);
  const pieces = 400;
  writeContent(volume, other, 0, new Uint8Array(volume.blocks.available * BLOCK - 100 * BLOCK));
  target.commit();
  for (let i = 0; i < pieces; i++) {
    target.run(() => punchHole(volume, other, 2 * i * BLOCK, BLOCK));
  }
  target.commit();
  volume.crowdedAt = 6;
  return { target, inode, pieces };
}

test('blocks in more pieces than a transaction may note become the file in several, and are gone after a crash amid them', (t) => {
  const { target, inode, pieces } = inPieces();
  const { volume } = target;
  const size = (pieces + 1) * BLOCK;
  const aside = setAside(volume, inode, BLOCK, pieces * BLOCK);
  const free = volume.superblock.freeBlocks;
  let commits = 0;
  for (;;) {
    volume.requireBlocks(blocksToJoin(volume, inode, aside));
    if (joinAside(volume, inode, aside, size)) break;
    target.commit();
    commits += 1;
    const crashed = new TestVolume(new MemoryDevice(target.device.bytes.slice()));
    crashed.reopen();
    t.is(crashed.volume.inodes.get(inode.number).size, BLOCK);
    t.is(crashed.volume.inodes.get(inode.number).blocks, 1);
    t.is(crashed.volume.superblock.freeBlocks, free);
    assertSound(crashed.volume, `after a crash behind commit ${commits}`);
  }
  t.true(commits > 1);
  endAside(volume, inode, size);
  target.commit();
  const again = new TestVolume(target.device);
  t.is(again.volume.inodes.get(inode.number).size, size);
  assertSound(again.volume, 'joined');
});

test('what has become the file of blocks that are dropped then is cut off', (t) => {
  const { target, inode, pieces } = inPieces();
  const { volume } = target;
  const free = volume.superblock.freeBlocks;
  const aside = setAside(volume, inode, BLOCK, pieces * BLOCK);
  t.false(joinAside(volume, inode, aside, (pieces + 1) * BLOCK));
  target.commit();
  t.false(joinAside(volume, inode, aside, (pieces + 1) * BLOCK));
  dropAside(volume, aside);
  target.run(() => cutAside(volume, inode, aside));
  target.commit();
  t.is(inode.blocks, 1);
  t.is(volume.superblock.freeBlocks, free);
  assertSound(volume, 'cut off');
});

test('a snapshot in more pieces than a transaction may note is not to be swapped in', (t) => {
  const { target, inode, pieces } = inPieces();
  const { volume } = target;
  const { runs } = setAside(volume, inode, BLOCK, pieces * BLOCK);
  const blocks = runs.map(({ physical, length }) => ({ start: physical, length }));
  t.true(isSwappable(volume, blocks.slice(0, 40)));
  t.false(isSwappable(volume, blocks));
});
