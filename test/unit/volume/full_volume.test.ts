import { constants } from 'node:os';
import {
  blocksToWrite,
  createInode,
  deleteInode,
  type Inode,
  NeedCommit,
  preallocate,
  punchHole,
  readContent,
  truncateContent,
  unlinkName,
  VectorSet,
  type Volume,
  writeContent,
  xattr,
  zeroRange,
} from '@vexfs/fuse/volume';
import { ROOT_INODE, XATTR_USER } from '@vexfs/shared';
import test from 'ava';
import { FOUR_FLOATS } from '../../fixtures/row_layout.js';
import { assertSound } from './check.js';
import { differenceOf } from './model.js';
import { chosen, Seeded } from './seeded.js';
import { TestVolume, type VolumeChoices } from './test_volume.js';
import { Workload } from './workload.js';

const { ENOSPC } = constants.errno;
const NOW = { seconds: 1, nanoseconds: 0 };
const FILE = { mode: 0o100644, uid: 0, gid: 0 };
const LAYOUT = FOUR_FLOATS;

function rootOf(volume: Volume): Inode {
  return volume.inodes.get(ROOT_INODE);
}

function makeFile(target: TestVolume, name: string): Inode {
  return target.run(() => createInode(target.volume, rootOf(target.volume), Buffer.from(name), FILE, NOW));
}

function remove(target: TestVolume, name: string): void {
  const { volume } = target;
  const { inode } = target.run(() => unlinkName(volume, rootOf(volume), Buffer.from(name), NOW));
  while (inode !== undefined && !deleteInode(volume, inode)) target.commit();
}

/** The bytes that a file of the pattern has from `offset` on. */
function patternAt(offset: number, length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => 1 + ((offset + i) % 251));
}

/** Appends to a file until nothing fits; returns the bytes that did. */
function fill(target: TestVolume, inode: Inode, atOnce: number): number {
  for (;;) {
    let written = 0;
    const data = patternAt(inode.size, atOnce);
    const code = target.attempt(() => {
      written = writeContent(target.volume, inode, inode.size, data);
    });
    if (code === ENOSPC) return inode.size;
    if (code !== 0) throw new Error(`errno ${code}`);
    if (written === 0) throw new Error('a write of no bytes is no answer');
  }
}

const small: VolumeChoices = { blockSize: 1024, dataBlocks: 200 };

for (const atOnce of [100, 1024, 5000, 100_000, 1_000_000]) {
  test(`writes of ${atOnce} bytes fill a volume to its last blocks, and removal gives all of them back`, (t) => {
    const target = TestVolume.make(small, 8);
    const free = target.volume.superblock.freeBlocks;
    makeFile(target, 'first');
    remove(target, 'first');
    target.commit();
    const inode = makeFile(target, 'big');
    const size = fill(target, inode, atOnce);
    assertSound(target.volume, 'when full');
    t.true(
      target.volume.superblock.freeBlocks <= 4,
      `${target.volume.superblock.freeBlocks} blocks are left`,
    );
    target.reopen();
    const back = new Uint8Array(size);
    readContent(target.volume, target.volume.inodes.get(inode.number), 0, back);
    t.is(Buffer.compare(back, patternAt(0, size)), 0);
    remove(target, 'big');
    target.commit();
    t.is(target.volume.superblock.freeBlocks, free);
    assertSound(target.volume, 'when empty');
  });
}

test('a symlink with a long target finds room for all its blocks or is not made', (t) => {
  const target = TestVolume.make({ ...small, inodes: 400 }, 8);
  // Every second block is free in the end, so that a target of four blocks has four extents and a tree block.
  const inode = makeFile(target, 'comb');
  for (let block = 0; target.volume.superblock.freeBlocks > 12; block++) {
    target.run(() => writeContent(target.volume, inode, block * 2048, new Uint8Array(1024)));
  }
  const made: string[] = [];
  for (let i = 0; i < 200; i++) {
    const name = `${i}`.padEnd(120, 'x');
    const length = 113 + ((i * 997) % 3982);
    const code = target.attempt(() => {
      const attributes = { mode: 0o120777, uid: 0, gid: 0 };
      const bytes = new Seeded(i).bytes(length);
      createInode(target.volume, rootOf(target.volume), Buffer.from(name), attributes, NOW, bytes);
    });
    t.true(code === 0 || code === ENOSPC, `errno ${code}`);
    if (code === 0) made.push(name);
    else if (made.length > 0) remove(target, made.shift()!);
    assertSound(target.volume, `symlink ${i}`);
  }
  t.true(made.length > 0);
});

test('rows are refused before anything is changed when there is no inode for their log', (t) => {
  const target = TestVolume.make({ ...small, inodes: 16 }, 8);
  const { volume } = target;
  const inode = makeFile(target, 'rows');
  target.run(() => {
    VectorSet.create(volume, inode).layout = LAYOUT;
  });
  while (target.volume.superblock.freeInodes > 0) makeFile(target, `f${volume.superblock.freeInodes}`);
  const put = (slot: number): void => {
    const set = VectorSet.open(volume, inode);
    const blocks = set.blocksFor(1) + blocksToWrite(volume, inode, slot * 16, 16);
    volume.requireBlocks(blocks);
    writeContent(volume, inode, slot * 16, new Uint8Array(16).fill(1));
    set.appendPut(slot, slot * 3, 0, 1);
    set.slots = slot + 1;
    set.liveRows = slot + 1;
    set.nextId = BigInt(slot * 3 + 1);
  };
  let slot = 0;
  while (slot < 100 && target.attempt(() => put(slot)) === 0) slot += 1;
  t.true(slot > 10 && slot < 100, `${slot} rows`);
  assertSound(volume, 'without an inode for the log');
  remove(target, 'f1');
  t.is(
    target.attempt(() => put(slot)),
    0,
  );
  assertSound(volume, 'with one');
});

test('on a full volume every operation is done whole or refused whole', (t) => {
  const runs = chosen('VEXFS_TEST_RUNS', 6);
  for (let seed = 1; seed <= runs; seed++) {
    const random = new Seeded(seed);
    const target = TestVolume.make({ blockSize: 1024, dataBlocks: 120, inodes: 40 }, 4);
    const free = target.volume.superblock.freeBlocks;
    const work = new Workload(target, random, { mostBytes: 40 * 1024, names: 90 });
    try {
      for (let step = 0; step < 400; step++) {
        if (step % 40 === 0) work.fillUp();
        work.step();
        assertSound(target.volume, 'when full');
        const difference = differenceOf(target.volume, work.model);
        if (difference !== undefined) throw new Error(difference);
      }
      t.true(work.refused > 20, `${work.refused} operations found no space`);
      work.removeAll();
      target.commit();
      t.is(target.volume.superblock.freeBlocks, free);
    } catch (error) {
      throw new Error(`seed ${seed}, ${work.last}: ${(error as Error).message}`, { cause: error });
    }
  }
});

test('attributes and sizes change on a volume without a free block', (t) => {
  const target = TestVolume.make(small, 8);
  const { volume } = target;
  const inode = makeFile(target, 'file');
  const key = { space: XATTR_USER, name: Buffer.from('k') };
  target.run(() => xattr.set(volume, inode, key, new Uint8Array(10)));
  target.run(() => writeContent(volume, inode, 0, new Uint8Array(3000).fill(1)));
  const big = makeFile(target, 'big');
  for (const atOnce of [100_000, 1024, 1]) fill(target, big, atOnce);
  target.run(() => xattr.set(volume, inode, key, new Uint8Array(600)));
  target.run(() => truncateContent(volume, inode, 10_000));
  target.run(() => truncateContent(volume, inode, 100));
  assertSound(volume, 'when full');
  const back = new Uint8Array(100);
  readContent(volume, inode, 0, back);
  t.true(back.every((byte) => byte === 1));
});

test('fallocate that finds no space after a commit has said how far it came, and keeps no more', (t) => {
  const target = TestVolume.make({ blockSize: 1024, dataBlocks: 400 }, 8);
  const { volume } = target;
  const comb = makeFile(target, 'comb');
  const other = makeFile(target, 'other');
  // What is free lies in single blocks.
  for (let i = 0; i < 60; i++) {
    for (const inode of [comb, other])
      target.run(() => writeContent(volume, inode, i * 1024, new Uint8Array(1024).fill(1)));
  }
  const rest = makeFile(target, 'rest');
  for (const atOnce of [100_000, 1024]) fill(target, rest, atOnce);
  remove(target, 'other');
  target.commit();
  const inode = makeFile(target, 'file');
  let filled = 0;
  const allocate = (): void => {
    preallocate(volume, inode, 0, 40 * 1024, {
      filled: (end) => {
        filled = end;
      },
    });
  };
  t.throws(allocate, { instanceOf: NeedCommit });
  const reached = filled;
  t.true(reached >= 8 * 1024 && reached < 40 * 1024, `${reached} bytes`);
  t.true(inode.blocks * 1024 >= reached);
  target.commit();
  fill(target, rest, 1024);
  target.commit();
  const { blocks } = inode;
  t.is(target.attempt(allocate), ENOSPC);
  t.is(filled, reached);
  t.is(inode.blocks, blocks);
  target.commit();
  assertSound(volume, 'after what was refused');
});

const WAYS = {
  write: (volume: Volume, inode: Inode, offset: number, length: number) => {
    if (writeContent(volume, inode, offset, new Uint8Array(length).fill(2)) === 0) throw new Error('nothing');
  },
  preallocate,
  zeroRange,
  punchHole,
};

for (const [name, operation] of Object.entries(WAYS)) {
  test(`${name} over many holes takes no block that the tree of its extents needs`, (t) => {
    const kib = new Uint8Array(1024).fill(1);
    for (const left of [0, 1, 2, 3, 4, 6, 10, 20, 50, 120, 300, 400]) {
      const target = TestVolume.make({ blockSize: 1024, dataBlocks: 1500 }, 16);
      const { volume } = target;
      const comb = makeFile(target, 'comb');
      const filler = makeFile(target, 'filler');
      // The extents fill their leaves, and what is free lies in single blocks.
      for (let i = 0; i < 500; i++) {
        target.run(() => writeContent(volume, comb, i * 2048, kib));
        if (i < 410) target.run(() => writeContent(volume, filler, i * 1024, kib));
      }
      for (let i = 0; volume.superblock.freeBlocks > 0; i++) {
        const rest = makeFile(target, `rest ${i}`);
        if (fill(target, rest, 1024) === 0) break;
      }
      target.run(() => truncateContent(volume, filler, (410 - left) * 1024));
      target.commit();
      const code = target.attempt(() => operation(volume, comb, (left % 7) * 20_480 + left, 700 * 1024));
      t.true(code === 0 || code === ENOSPC, `${left} blocks free: errno ${code}`);
      assertSound(volume, `${left} blocks were free`);
    }
  });
}
