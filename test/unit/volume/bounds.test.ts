import {
  createInode,
  deleteInode,
  extentsOf,
  FsError,
  finishOrphans,
  Geometry,
  type Inode,
  NeedCommit,
  preallocate,
  punchHole,
  readContent,
  unlinkName,
  VectorSet,
  type Volume,
  writeContent,
} from '@vexfs/fuse/volume';
import { INODE_HIDDEN, ROOT_INODE, setHeader } from '@vexfs/shared';
import test from 'ava';
import { FOUR_FLOATS } from '../../fixtures/row_layout.js';
import { assertSound } from './check.js';
import { MemoryDevice } from './memory_device.js';
import { TestVolume } from './test_volume.js';

const NOW = { seconds: 1, nanoseconds: 0 };
const LAYOUT = FOUR_FLOATS;
const FILE = { mode: 0o100644, uid: 0, gid: 0 };

function makeFile(target: TestVolume, name: string): Inode {
  const root = target.volume.inodes.get(ROOT_INODE);
  return target.run(() => createInode(target.volume, root, Buffer.from(name), FILE, NOW));
}

test('a group with fewer than 16 inodes is no volume, whatever the block size', (t) => {
  for (const inodesPerGroup of [4, 8, 12]) {
    const input = {
      blockSize: 1024,
      totalBlocks: 4000,
      inodesPerGroup,
      journalStart: 100,
      journalBlocks: 1024,
    };
    t.throws(() => new Geometry(input), { instanceOf: RangeError });
  }
});

/** Puts rows whose ids do not follow each other, so that each takes a record of its own. */
function putRow(volume: Volume, owner: Inode, slot: number): void {
  const set = VectorSet.open(volume, owner);
  volume.requireBlocks(set.blocksFor(1) + 4);
  writeContent(volume, owner, slot * 16, new Uint8Array(16));
  set.appendPut(slot, slot * 2, 0, 1);
  set.slots = slot + 1;
  set.liveRows = slot + 1;
  set.nextId = BigInt(slot * 2 + 1);
}

/** Maps the block of the volume behind a log's last one into another file, so that the log's next one lies elsewhere. */
function block(volume: Volume, owner: Inode, filler: Inode): void {
  const { log } = logOf(volume, owner);
  const last = extentsOf(volume, log).lastBefore(Number.MAX_SAFE_INTEGER)!;
  volume.requireBlocks(4);
  const { start } = volume.blocks.take(last.physical + last.length, 1);
  extentsOf(volume, filler).insert(filler.size / 1024, start, 1);
  filler.blocks += 1;
  filler.size += 1024;
  filler.markDirty();
}

function logOf(volume: Volume, owner: Inode): { log: Inode } {
  const set = VectorSet.open(volume, owner);
  const { physical } = extentsOf(volume, set.inode).find(0, 1);
  const header = volume.store.getOwned(physical, 'set', owner.number).view;
  return { log: volume.inodes.get(setHeader.log_inode.get(header, 0)) };
}

test('the old log of a compacted set is freed in as many transactions as its pieces need', (t) => {
  const target = TestVolume.make({ blockSize: 1024, dataBlocks: 600 }, 3);
  const { volume } = target;
  const owner = makeFile(target, 'rows');
  const filler = makeFile(target, 'filler');
  target.run(() => {
    VectorSet.create(volume, owner).layout = LAYOUT;
  });
  const rows = 21 * 12;
  let blocks = 0;
  for (let slot = 0; slot < rows; slot++) {
    target.run(() => putRow(volume, owner, slot));
    const { logBlocks } = VectorSet.open(volume, owner);
    if (logBlocks > blocks) target.run(() => block(volume, owner, filler));
    blocks = logBlocks;
  }
  target.commit();
  const set = VectorSet.open(volume, owner);
  const free = volume.superblock.freeBlocks;
  const left = set.compact((emit) => {
    for (let slot = 0; slot < rows; slot++) emit(slot, slot * 2, 0, 1);
  });
  t.true(left !== undefined && left.blocks > 0);
  t.is(set.logCompactions, 1);
  assertSound(volume, 'after the compaction');
  target.commit();
  // As after a crash: the next mount goes on with what is left.
  const again = new TestVolume(target.device, 3);
  assertSound(again.volume, 'after opening it again');
  finishOrphans(again.volume, () => again.commit());
  t.is(again.volume.superblock.orphanHead, 0);
  t.true(again.volume.superblock.freeBlocks >= free);
  assertSound(again.volume, 'at the end');
});

test('a set is freed with the index snapshot that another program left', (t) => {
  const target = TestVolume.make({ blockSize: 1024, dataBlocks: 300 }, 2);
  const { volume } = target;
  const owner = makeFile(target, 'rows');
  const free = volume.superblock.freeBlocks;
  const graph = target.run(() => {
    const set = VectorSet.create(volume, owner);
    set.layout = LAYOUT;
    const inode = volume.inodes.create(0, false);
    inode.mode = 0o100000;
    inode.links = 1;
    inode.flags = INODE_HIDDEN;
    inode.parent = owner.number;
    inode.ownerGeneration = owner.generation;
    const { physical } = extentsOf(volume, set.inode).find(0, 1);
    const header = volume.store.getOwned(physical, 'set', owner.number);
    volume.store.change(header);
    setHeader.graph_inode.set(header.view, 0, inode.number);
    return inode;
  });
  for (let i = 0; i < 8; i++) target.run(() => writeContent(volume, graph, i * 2048, new Uint8Array(1024)));
  target.commit();
  assertSound(volume, 'with a snapshot');
  const root = volume.inodes.get(ROOT_INODE);
  const { inode } = target.run(() => unlinkName(volume, root, Buffer.from('rows'), NOW));
  while (!deleteInode(volume, inode!)) target.commit();
  target.commit();
  assertSound(volume, 'when all is deleted');
  t.is(volume.superblock.freeBlocks, free + 1, 'the block of the directory is free too');
});

test('many orphans are finished in many transactions', (t) => {
  const target = TestVolume.make({ blockSize: 1024, dataBlocks: 3000, inodes: 2000 }, 64);
  const { volume } = target;
  for (let i = 0; i < 1500; i++) {
    const inode = makeFile(target, `f${i}`);
    target.run(() => writeContent(volume, inode, 0, new Uint8Array(10)));
  }
  const root = volume.inodes.get(ROOT_INODE);
  for (let i = 0; i < 1500; i++) target.run(() => unlinkName(volume, root, Buffer.from(`f${i}`), NOW));
  target.commit();
  const again = new TestVolume(target.device, 64);
  let largest = 0;
  let commits = 0;
  const { deleted } = finishOrphans(again.volume, () => {
    largest = Math.max(largest, again.volume.transactionBlocks + again.volume.store.revokedBlocks);
    commits += 1;
    again.commit();
  });
  t.is(deleted, 1500);
  t.true(commits > 2);
  t.true(largest < 300, `${largest} blocks in one transaction`);
  assertSound(again.volume, 'after the orphans are gone');
});

test('a write into single blocks is as long as a transaction has room for, and each part is there after a crash', (t) => {
  const target = TestVolume.make({ blockSize: 1024, dataBlocks: 1500 });
  const { volume } = target;
  const inode = makeFile(target, 'file');
  const filler = makeFile(target, 'filler');
  target.run(() => writeContent(volume, filler, 0, new Uint8Array(1300 * 1024)));
  for (let i = 0; i < 500; i++) target.run(() => punchHole(volume, filler, 2 * i * 1024, 1024));
  target.commit();
  // What lies together is no part of this.
  const rest = makeFile(target, 'rest');
  target.run(() => preallocate(volume, rest, 0, (volume.blocks.available - 480) * 1024));
  target.commit();
  volume.crowdedAt = 3;
  const data = new Uint8Array(400 * 1024).map((_, i) => 1 + (i % 251));
  let done = 0;
  let parts = 0;
  let largest = 0;
  while (done < data.length) {
    done += writeContent(volume, inode, done, data.subarray(done));
    parts += 1;
    largest = Math.max(largest, volume.transactionBlocks);
    t.is(inode.size, done);
    target.commit();
    const crashed = new TestVolume(new MemoryDevice(target.device.bytes.slice()));
    const again = crashed.volume.inodes.get(inode.number);
    t.is(again.size, done);
    const content = new Uint8Array(done);
    readContent(crashed.volume, again, 0, content);
    t.is(Buffer.compare(content, data.subarray(0, done)), 0);
    assertSound(crashed.volume, `after part ${parts}`);
  }
  t.true(parts > 2, `${parts} parts`);
  t.true(largest <= 4 * volume.crowdedAt, `${largest} blocks in one transaction`);
});

test('records that no transaction can note are refused, those that this one cannot wait for the next', (t) => {
  const target = TestVolume.make({ blockSize: 1024, dataBlocks: 1500 });
  const { volume } = target;
  const owner = makeFile(target, 'rows');
  const filler = makeFile(target, 'filler');
  target.run(() => {
    VectorSet.create(volume, owner).layout = LAYOUT;
  });
  target.run(() => preallocate(volume, filler, 0, (volume.blocks.available - 20) * 1024));
  for (let i = 0; i < 500; i++) target.run(() => punchHole(volume, filler, (2 * i + 1) * 1024, 1024));
  target.commit();
  const set = VectorSet.open(volume, owner);
  volume.crowdedAt = 10;
  const free = volume.blocks.available;
  // 21 records fill a block, 41 of those a leaf.
  t.notThrows(() => set.requireNotes(21 * 41));
  t.throws(() => set.requireNotes(21 * 41 * 12), { instanceOf: FsError, message: /pieces/ });
  t.is(volume.blocks.available, free, 'nothing is set aside any more');
  for (let i = 0; volume.hasRoom(10); i++) makeFile(target, `f${i}`);
  t.throws(() => set.requireNotes(21 * 41 * 2), { instanceOf: NeedCommit });
  target.commit();
  t.notThrows(() => set.requireNotes(21 * 41 * 2));
});
