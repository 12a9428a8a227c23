import {
  createInode,
  DeviceError,
  extentsOf,
  finishOrphans,
  type Inode,
  NeedCommit,
  preallocate,
  punchHole,
  readContent,
  VectorSet,
  type Volume,
  writeContent,
  xattr,
  zeroRange,
} from '@vexfs/fuse/volume';
import { ROOT_INODE, XATTR_USER } from '@vexfs/shared';
import test, { type ExecutionContext } from 'ava';
import { FOUR_FLOATS } from '../../fixtures/row_layout.js';
import { assertSound } from './check.js';
import { MemoryDevice } from './memory_device.js';
import { TestVolume } from './test_volume.js';

const NOW = { seconds: 1, nanoseconds: 0 };
const FILE = { mode: 0o100644, uid: 0, gid: 0 };
const BLOCK = 1024;
const GROUP = 8 * BLOCK;
const GROUPS = 4;

/** Folders with so many names, up to two leaves of them. */
const FOLDERS = 40;
const nameOf = (i: number): Uint8Array => Buffer.from(`name ${i} of a length that fills`.padEnd(60, '.'));

/** The image of a volume whose groups have a few single free blocks each, with a file that needs a node for its next extent. */
function scattered(): { image: Uint8Array; file: number; runs: number; rows: number; folders: number[] } {
  const target = TestVolume.make({
    blockSize: BLOCK,
    dataBlocks: GROUPS * GROUP - 2400,
    inodes: 1600,
  });
  const { volume } = target;
  const root = volume.inodes.get(ROOT_INODE);
  const make = (name: string): Inode =>
    target.run(() => createInode(volume, root, Buffer.from(name), FILE, NOW));
  const inode = make('file');
  const runs = make('runs');
  // Their nodes are looked for in the first group, too.
  const folders = Array.from({ length: FOLDERS }, (_, names) => {
    const folder = target.run(() =>
      createInode(volume, root, Buffer.from(`folder ${names}`), { ...FILE, mode: 0o040755 }, NOW),
    );
    for (let i = 0; i < names; i++) target.run(() => createInode(volume, folder, nameOf(i), FILE, NOW));
    return folder.number;
  });
  const rows = make('rows');
  target.run(() => {
    VectorSet.create(volume, rows).layout = FOUR_FLOATS;
  });
  // The file begins in the second group, and nodes of its tree are looked for in the first.
  const first = make('first');
  const inFirst = volume.groups.freeBlocks[0]!;
  target.run(() => preallocate(volume, first, 0, inFirst * BLOCK));
  for (const block of [0, 2, 4])
    target.run(() => writeContent(volume, inode, block * BLOCK, new Uint8Array(BLOCK).fill(1)));
  target.run(() => preallocate(volume, runs, 0, 20 * BLOCK));
  target.run(() => writeContent(volume, runs, 30 * BLOCK, new Uint8Array(20 * BLOCK).fill(1)));
  target.run(() => writeContent(volume, runs, 60 * BLOCK, new Uint8Array(BLOCK).fill(1)));
  const filler = make('filler');
  const blocks = volume.blocks.available - 60;
  target.run(() => preallocate(volume, filler, 0, blocks * BLOCK));
  for (let block = 1000; block < blocks; block += 1700)
    target.run(() => punchHole(volume, filler, block * BLOCK, BLOCK));
  for (const block of [500, 1500]) target.run(() => punchHole(volume, first, block * BLOCK, BLOCK));
  const rest = make('rest');
  // What is left lies together: it is taken, so that the first block already is a single one.
  target.run(() => preallocate(volume, rest, 0, (volume.blocks.available - 22) * BLOCK));
  target.commit();
  target.writer.close();
  return { image: target.device.bytes, file: inode.number, runs: runs.number, rows: rows.number, folders };
}

type Way = (volume: Volume, inode: Inode) => void;

const IN_HOLES: Readonly<Record<string, Way>> = {
  'a write of a block': (volume, inode) => {
    writeContent(volume, inode, 10 * BLOCK, new Uint8Array(BLOCK).fill(2));
  },
  'a write of twelve blocks': (volume, inode) => {
    writeContent(volume, inode, 10 * BLOCK, new Uint8Array(12 * BLOCK).fill(2));
  },
  'fallocate of a block': (volume, inode) => preallocate(volume, inode, 10 * BLOCK, BLOCK),
  'fallocate of twelve blocks': (volume, inode) => preallocate(volume, inode, 10 * BLOCK, 12 * BLOCK),
  'zeros for a block': (volume, inode) => zeroRange(volume, inode, 10 * BLOCK, BLOCK),
};

/** Of a file whose blocks 0 to 19 are not written and 30 to 49 are, so that an extent becomes two or three. */
const IN_EXTENTS: Record<string, Way> = {
  'a hole amid an extent': (volume, inode) => punchHole(volume, inode, 35 * BLOCK, 4 * BLOCK),
};
for (const block of [0, 7, 19]) {
  IN_EXTENTS[`a write to block ${block} of 20`] = (volume, inode) => {
    writeContent(volume, inode, block * BLOCK, new Uint8Array(BLOCK).fill(2));
  };
  IN_EXTENTS[`zeros for block ${block} of 20`] = (volume, inode) =>
    zeroRange(volume, inode, (30 + block) * BLOCK, BLOCK);
}
IN_EXTENTS['a write to blocks that are not written and to a hole'] = (volume, inode) => {
  writeContent(volume, inode, 18 * BLOCK, new Uint8Array(4 * BLOCK).fill(2));
};
IN_EXTENTS['a write to a hole and to blocks that are not written'] = (volume, inode) => {
  writeContent(volume, inode, 58 * BLOCK, new Uint8Array(10 * BLOCK).fill(2));
};
IN_EXTENTS['a write behind the end, from blocks that are not written on'] = (volume, inode) => {
  writeContent(volume, inode, 62 * BLOCK, new Uint8Array(4 * BLOCK).fill(2));
};

const appendRecords: Way = (volume, inode) => {
  const set = VectorSet.open(volume, inode);
  volume.requireBlocks(set.blocksFor(200));
  set.atomically(() => {
    for (let i = 0; i < 200; i++) set.appendPut(2 * i, 2 * i, 0, 1);
    // Records without rows are undone.
    throw new Undone();
  });
};

class Undone extends Error {}

/** Fails each call that the operation makes of the device: the volume is as it was. */
function failAll(t: ExecutionContext, number: number, image: Uint8Array, operation: Way): void {
  for (let call = 0; ; call++) {
    const target = new TestVolume(new MemoryDevice(image.slice()));
    const { device, volume } = target;
    const inode = volume.inodes.get(number);
    const free = volume.superblock.freeBlocks;
    const { blocks } = inode;
    const extents = inode.isRegular ? [...extentsOf(volume, inode).all()] : [];
    device.failAt = device.calls + call;
    try {
      target.run(() => operation(volume, inode));
      t.true(call > 0, `${call} calls`);
      return;
    } catch (error) {
      if (error instanceof Undone) return;
      if (!(error instanceof DeviceError)) throw error;
    }
    assertSound(volume, `call ${call}`);
    t.is(volume.superblock.freeBlocks, free, `call ${call}`);
    t.is(inode.blocks, blocks, `call ${call}`);
    if (inode.isRegular) t.deepEqual([...extentsOf(volume, inode).all()], extents, `call ${call}`);
    target.commit();
    const again = new TestVolume(new MemoryDevice(device.bytes.slice()));
    finishOrphans(again.volume, () => again.commit());
    assertSound(again.volume, `call ${call}, mounted again`);
  }
}

const made = scattered();

for (const [number, ways] of [
  [made.file, IN_HOLES],
  [made.runs, IN_EXTENTS],
  [made.rows, { 'a log of records': appendRecords }],
] as const)
  for (const [name, operation] of Object.entries(ways))
    test(`${name} that the device fails, where blocks come from several groups, leaves the volume as it was`, (t) => {
      failAll(t, number, made.image, operation);
    });

const MAKE_ZEROS = { punchHole, zeroRange } as const;

for (const [name, operation] of Object.entries(MAKE_ZEROS))
  test(`${name} that the device fails midway has told of every byte that reads otherwise`, (t) => {
    const plain = TestVolume.make({ blockSize: BLOCK, dataBlocks: 600 });
    const root = plain.volume.inodes.get(ROOT_INODE);
    const { number } = plain.run(() => createInode(plain.volume, root, Buffer.from('comb'), FILE, NOW));
    // Its extents fill three leaves.
    for (let i = 0; i < 110; i++) {
      const inode = plain.volume.inodes.get(number);
      plain.run(() => writeContent(plain.volume, inode, 2 * i * BLOCK, new Uint8Array(BLOCK).fill(1)));
    }
    plain.commit();
    let midway = 0;
    for (let call = 0; ; call++) {
      const { device, volume } = new TestVolume(new MemoryDevice(plain.device.bytes.slice()), 500);
      const inode = volume.inodes.get(number);
      const { size } = inode;
      const told = new Uint8Array(size);
      device.failAt = device.calls + call;
      let hasFailed = false;
      try {
        operation(volume, inode, 100, size - 200, { zeroed: (from, to) => told.fill(1, from, to) });
      } catch (error) {
        if (!(error instanceof DeviceError) && !(error instanceof NeedCommit)) throw error;
        hasFailed = error instanceof DeviceError;
      }
      device.failAt = -1;
      assertSound(volume, `call ${call}`);
      const content = new Uint8Array(size);
      readContent(volume, inode, 0, content);
      const changed = content.filter((byte, at) => byte === 0 && (at / BLOCK) % 2 < 1).length;
      t.true(
        content.every((byte, at) => byte === 1 || told[at] === 1 || Math.floor(at / BLOCK) % 2 === 1),
        `call ${call}`,
      );
      if (!hasFailed) break;
      if (changed > 0) midway += 1;
    }
    t.true(midway > 0);
  });

test('a name that the device fails to take leaves the folder as it was, however full it is', (t) => {
  for (const [names, number] of made.folders.entries()) {
    failAll(t, number, made.image, (volume, folder) => {
      createInode(volume, folder, nameOf(names), FILE, NOW);
    });
  }
});

test('a long symlink, a set and an attribute that the device fails take nothing', (t) => {
  failAll(t, ROOT_INODE, made.image, (volume, root) => {
    const attributes = { mode: 0o120777, uid: 0, gid: 0 };
    createInode(volume, root, Buffer.from('link'), attributes, NOW, new Uint8Array(4000).fill(65));
  });
  failAll(t, made.file, made.image, (volume, inode) => {
    VectorSet.create(volume, inode).layout = FOUR_FLOATS;
    throw new Undone();
  });
  failAll(t, made.file, made.image, (volume, inode) => {
    xattr.set(volume, inode, { space: XATTR_USER, name: Buffer.from('k') }, new Uint8Array(10));
  });
});
