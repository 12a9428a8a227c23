import {
  type BlockDevice,
  commitNow,
  DeviceError,
  formatVolume,
  linkName,
  planFormat,
  readSuperblock,
  writeContent,
} from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import test, { type ExecutionContext } from 'ava';
import { PLANTED } from './planted.js';
import { PLANTED_NAMES } from './planted_names.js';
import { bytesOf, change, contentOf, emptyVolume, Image, make, open, sampleVolume } from './sample_volume.js';
import { Tamper } from './tamper.js';

const sample = sampleVolume();
const intact = contentOf(sample);

/** Lets so many writes through; then the power is gone. */
class FailingDevice implements BlockDevice {
  readonly size: number;
  private readonly image: Image;
  private left: number;

  constructor(image: Image, left: number) {
    this.image = image;
    this.size = image.size;
    this.left = left;
  }

  read(position: number, into: Uint8Array): void {
    this.image.read(position, into);
  }

  write(position: number, from: Uint8Array): void {
    if (this.left === 0) throw new DeviceError('the power is gone', 5);
    this.left -= 1;
    this.image.write(position, from);
  }

  flush(): void {}
}

const CASES = [
  'a leaf with a wrong checksum',
  'an extent node with a wrong checksum',
  'two files on the same blocks',
  'a superblock of zeros',
  'a journal superblock with a wrong checksum',
  'a set header with a wrong checksum',
];

for (const what of CASES) {
  test(`a repair that is interrupted at any write can be repeated: ${what}`, (t) => {
    const { plant, affected = [] } = [...PLANTED, ...PLANTED_NAMES].find((one) => one.what === what)!;
    const damaged = new Image(sample.bytes.slice());
    plant(new Tamper(damaged));
    const whole = new Image(damaged.bytes.slice());
    checkVolume(whole, { mode: 'all', force: true });
    const { writes } = whole;
    t.true(writes > 1);
    for (let left = 0; left < writes; left++) {
      const image = new Image(damaged.bytes.slice());
      t.throws(() => checkVolume(new FailingDevice(image, left), { mode: 'all', force: true }), {
        name: 'DeviceError',
      });
      checkVolume(image, { mode: 'all', force: true });
      const again = checkVolume(image, { mode: 'look' });
      t.deepEqual(again.examination?.findings.list, [], `after ${left} of ${writes} writes`);
      const after = contentOf(image);
      for (const [path, line] of intact) {
        if (!affected.includes(path))
          t.is(after.get(path), line, `${path} after ${left} of ${writes} writes`);
      }
    }
  });
}

test('a journal is replayed before block 0 comes back from its copy', (t) => {
  const image = new Image(sample.bytes.slice());
  const session = open(image);
  make(session.volume, session.root, 'journalled', 0o100644);
  const frozen = session.volume.freeze()!;
  session.writer.commit({ blocks: frozen.blocks, revoked: frozen.revoked });
  const after = new Image(image.bytes.slice());
  t.is(checkVolume(after, { mode: 'safe' }).replayed, 1);
  const expected = contentOf(after);
  t.true(expected.has('/journalled'));
  image.bytes.fill(0, 0, 1024);
  t.is(checkVolume(image, { mode: 'all', force: true }).exitCode, 1);
  t.deepEqual(checkVolume(image, { mode: 'look' }).examination?.findings.list, []);
  t.is(checkVolume(image, { mode: 'look' }).replayed, 0, 'the journal is empty');
  t.deepEqual(contentOf(image), expected);
});

/** A repair of `damaged` that ends after some of its writes can be made again and leaves what a user can see. */
function interruptedOften(t: ExecutionContext, damaged: Image, cuts: number): void {
  const whole = new Image(damaged.bytes.slice());
  whole.writes = 0;
  t.is(checkVolume(whole, { mode: 'all', force: true }).exitCode, 1);
  t.deepEqual(checkVolume(whole, { mode: 'look' }).examination?.findings.list, []);
  const expected = new Map([...contentOf(whole)].sort());
  for (let cut = 0; cut < cuts; cut++) {
    const left = Math.floor((whole.writes * (cut + 0.5)) / cuts);
    const half = new Image(damaged.bytes.slice());
    t.throws(() => checkVolume(new FailingDevice(half, left), { mode: 'all', force: true }));
    checkVolume(half, { mode: 'all', force: true });
    t.deepEqual(checkVolume(half, { mode: 'look' }).examination?.findings.list, []);
    t.is(readSuperblock(half).state, 0);
    t.deepEqual(new Map([...contentOf(half)].sort()), expected, `after ${left} of ${whole.writes} writes`);
  }
}

test('a large extent tree that is made anew is whole whenever the repair is interrupted', (t) => {
  t.timeout(120_000);
  const image = emptyVolume(34 * 1024 * 1024);
  const pieces = 15_000;
  change(image, ({ volume, writer, root }) => {
    const file = make(volume, root, 'pieces', 0o100644);
    const block = new Uint8Array(1024);
    // Out of order, so that the nodes are not full and their places are not those of the tree that is made anew.
    for (let i = 0; i < pieces; i++) {
      const at = (i * 4001) % pieces;
      writeContent(volume, file, at * 2048, block.fill(at & 255));
      if (i % 300 === 0) commitNow(volume, writer);
    }
  });
  const damaged = new Image(image.bytes.slice());
  const tamper = new Tamper(damaged);
  const nodes = tamper.treeBlocks(tamper.inode('pieces'));
  t.true(nodes.length > 400, 'more than the third of a journal of 1024 blocks that a transaction may take');
  tamper.byte(nodes[0]! * 1024 + 16);
  const expected = contentOf(image);
  interruptedOften(t, damaged, 8);
  checkVolume(damaged, { mode: 'all', force: true });
  t.deepEqual(contentOf(damaged), expected);
});

test('a large directory that is made anew is whole whenever the repair is interrupted', (t) => {
  t.timeout(120_000);
  const image = new Image(sample.bytes.slice());
  change(image, ({ volume, writer, root }) => {
    const big = make(volume, root, 'big', 0o040755);
    const file = make(volume, big, 'file', 0o100644);
    for (let i = 0; i < 2000; i++) {
      linkName(volume, big, bytesOf(`${i} ${'y'.repeat(200)}`), file, file.mtime);
      if (i % 100 === 0) commitNow(volume, writer);
    }
  });
  const expected = contentOf(image);
  const tamper = new Tamper(image);
  // More leaves than the third of a journal of 1024 blocks that a transaction may take.
  const leaves = tamper.leaves(tamper.inode('big'));
  t.true(leaves.length > 400);
  tamper.byte(leaves[0]! * 1024 + 20);
  const damaged = new Image(image.bytes.slice());
  t.is(checkVolume(image, { mode: 'all', force: true }).exitCode, 1);
  t.deepEqual(new Map([...contentOf(image)].sort()), new Map([...expected].sort()));
  interruptedOften(t, damaged, 4);
});

test('a repair of more tables than one transaction takes marks the volume before it begins', (t) => {
  t.timeout(120_000);
  const image = new Image(new Uint8Array(16 * 1024 * 1024));
  const time = 1_700_000_000_000;
  formatVolume(image, planFormat({ sizeBytes: image.size, blockSize: 1024, inodes: 4096, time }));
  const files = 2000;
  change(image, ({ volume, writer, root }) => {
    for (let i = 0; i < files; i++) {
      make(volume, root, `file ${i}`, 0o100644);
      if (i % 100 === 0) commitNow(volume, writer);
    }
  });
  const expected = contentOf(image);
  const tamper = new Tamper(image);
  for (let i = 0; i < files; i += 4) tamper.setInode(tamper.inode(`file ${i}`).number, { links: 9 });
  const half = new Image(image.bytes.slice());
  t.is(checkVolume(image, { mode: 'all', force: true }).exitCode, 1);
  t.deepEqual(checkVolume(image, { mode: 'look' }).examination?.findings.list, []);
  t.deepEqual(contentOf(image), expected);

  t.throws(() => checkVolume(new FailingDevice(half, 200), { mode: 'all', force: true }));
  t.is(readSuperblock(half).state, 1);
  checkVolume(half, { mode: 'all' });
  t.deepEqual(checkVolume(half, { mode: 'look' }).examination?.findings.list, []);
  t.is(readSuperblock(half).state, 0);
  t.deepEqual(contentOf(half), expected);
});
