import {
  directory,
  formatVolume,
  linkName,
  planFormat,
  readSuperblock,
  Volume,
  writeContent,
} from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import { extentEntry, extentHeader, inode as inodeLayout } from '@vexfs/shared';
import test, { type ExecutionContext } from 'ava';
import { bytesOf, change, contentOf, emptyVolume, Image, make, sampleVolume } from './sample_volume.js';
import { Tamper } from './tamper.js';

const sample = sampleVolume();
const intact = contentOf(sample);

function repaired(t: ExecutionContext, plant: (tamper: Tamper) => void, image: Image): string[] {
  plant(new Tamper(image));
  const { exitCode, examination } = checkVolume(image, { mode: 'all', force: true });
  t.is(exitCode, 1);
  t.deepEqual(checkVolume(image, { mode: 'look' }).examination?.findings.list, []);
  return examination!.findings.list.map(({ code }) => code);
}

test('a directory with names in it is not deleted because the orphan list leads to it', (t) => {
  const image = new Image(sample.bytes.slice());
  const codes = repaired(
    t,
    (tamper) => {
      const { number } = tamper.inode('many');
      tamper.setInode(number, { links: 0 });
      tamper.setSuperblock({ orphan_head: number });
    },
    image,
  );
  t.true(codes.includes('orphan-list'));
  t.deepEqual(contentOf(image), intact);
});

test('an empty directory that has a name is not deleted because the orphan list leads to it', (t) => {
  const image = new Image(sample.bytes.slice());
  change(image, ({ volume, root }) => make(volume, root, 'bare', 0o040755));
  const before = contentOf(image);
  t.true(before.has('/bare'));
  repaired(
    t,
    (tamper) => {
      const { number } = tamper.inode('bare');
      tamper.setInode(number, { links: 0 });
      tamper.setSuperblock({ orphan_head: number });
    },
    image,
  );
  t.deepEqual(contentOf(image), before);
});

/** The content of a file of the sample that kept its blocks and got a size that ends with the last of them. */
function keptContent(t: ExecutionContext, image: Image, path: string): void {
  const bytes = (from: Image): Uint8Array => {
    const { volume } = Volume.open(from, { readOnly: true, deviceReadOnly: true });
    const found = directory.lookup(volume, volume.inodes.get(1), bytesOf(path))!;
    const inode = volume.inodes.get(found.inode);
    const tamper = new Tamper(from);
    t.true(inode.size > 0);
    return from.bytes.slice(tamper.dataBlock(inode) * 1024, tamper.dataBlock(inode) * 1024 + inode.size);
  };
  const before = bytes(new Image(sample.bytes.slice()));
  const after = bytes(image);
  t.is(after.length, Math.ceil(before.length / 1024) * 1024);
  t.deepEqual(Buffer.compare(after.subarray(0, before.length), before), 0);
}

test('a file with an impossible size keeps its content, up to the last block that is written', (t) => {
  const image = new Image(sample.bytes.slice());
  const codes = repaired(
    t,
    (tamper) => tamper.setInode(tamper.inode('kept').number, { size: 2 ** 60 }),
    image,
  );
  t.deepEqual(codes, ['inode-field']);
  keptContent(t, image, 'kept');
});

test('a file with several wrong bytes beside its extents keeps its content', (t) => {
  const image = new Image(sample.bytes.slice());
  repaired(
    t,
    (tamper) => {
      const at = tamper.inodeAt(tamper.inode('kept').number);
      tamper.image.bytes.fill(0xee, at + inodeLayout.size.offset, at + inodeLayout.blocks.offset + 8);
    },
    image,
  );
  keptContent(t, image, 'kept');
});

test('copies that an older volume with smaller blocks has left are not taken for those of the volume', (t) => {
  const image = new Image(new Uint8Array(160 << 20));
  const sizeBytes = image.size;
  formatVolume(image, planFormat({ sizeBytes, blockSize: 1024, label: 'older', time: 1_600_000_000_000 }));
  formatVolume(image, planFormat({ sizeBytes, blockSize: 4096, label: 'newer', time: 1_700_000_000_000 }));
  change(image, ({ volume, root }) => make(volume, root, 'file', 0o100644));
  const before = contentOf(image);
  image.bytes.fill(0, 0, 1024);
  t.is(checkVolume(image, { mode: 'all', force: true }).exitCode, 1);
  t.is(readSuperblock(image).label, 'newer');
  t.deepEqual(contentOf(image), before);
});

test('a directory that is made anew takes hardly more blocks than it had', (t) => {
  const image = new Image(sample.bytes.slice());
  change(image, ({ volume, root }) => {
    const big = make(volume, root, 'big', 0o040755);
    const file = make(volume, big, 'file', 0o100644);
    for (let i = 0; i < 500; i++) linkName(volume, big, bytesOf(`${i} ${'y'.repeat(100)}`), file, file.mtime);
  });
  const leavesOf = (from: Image): number[] => {
    const tamper = new Tamper(from);
    return tamper.leaves(tamper.inode('big'));
  };
  const before = leavesOf(image);
  repaired(t, (tamper) => tamper.byte(before[0]! * 1024 + 20), image);
  const after = leavesOf(image);
  t.true(after.length < before.length * 1.15, `${after.length} leaves instead of ${before.length}`);
});

test('what becomes a hole because there is no space for copies is told', (t) => {
  const image = emptyVolume(3 * 1024 * 1024);
  const size = 600 * 1024;
  change(image, ({ volume, root }) => {
    for (const name of ['first', 'second']) {
      writeContent(volume, make(volume, root, name, 0o100644), 0, new Uint8Array(size).fill(7));
    }
  });
  change(image, ({ volume, root }) => {
    const filler = make(volume, root, 'filler', 0o100644);
    writeContent(volume, filler, 0, new Uint8Array((volume.blocks.available - 20) * 1024));
  });
  const tamper = new Tamper(image);
  const { number } = tamper.inode('second');
  const extent = tamper.inodeAt(number) + inodeLayout.root.offset + 24;
  // The blocks of its own that it loses are fewer than those that it shares, because it shares them twice.
  tamper.image.bytes.copyWithin(extent + 24, extent, extent + 24);
  tamper.set(extentEntry, extent, { physical: tamper.dataBlock(tamper.inode('first')) });
  tamper.set(extentEntry, extent + 24, { logical: 600, physical: tamper.dataBlock(tamper.inode('first')) });
  tamper.set(extentHeader, tamper.inodeAt(number) + inodeLayout.root.offset, { count: 2 });
  tamper.setInode(number, { size: 2 * size, blocks: 1200 });
  const { exitCode, examination } = checkVolume(image, { mode: 'all', force: true });
  t.is(exitCode, 1);
  t.true(examination!.findings.list.some(({ repair }) => repair === 'leave a hole'));
  t.deepEqual(checkVolume(image, { mode: 'look' }).examination?.findings.list, []);
});

test('an inode with a wrong byte is put right also where the descriptor of its group is damaged', (t) => {
  const image = new Image(sample.bytes.slice());
  repaired(
    t,
    (tamper) => {
      tamper.byte(1024 + 5);
      tamper.byte(tamper.inodeAt(tamper.inode('kept').number) + 17);
    },
    image,
  );
  t.deepEqual(contentOf(image), intact);
});

test('an extent tree is made anew on a volume without a free block', (t) => {
  const image = emptyVolume(2 * 1024 * 1024);
  change(image, ({ volume, root }) => {
    const file = make(volume, root, 'pieces', 0o100644);
    for (let i = 0; i < 200; i++) writeContent(volume, file, i * 2048, new Uint8Array(1024).fill(i));
  });
  change(image, ({ volume, root }) => {
    const filler = make(volume, root, 'filler', 0o100644);
    while (volume.blocks.available > 0)
      writeContent(volume, filler, filler.size, new Uint8Array(volume.blocks.available * 1024));
  });
  const before = contentOf(image);
  repaired(t, (tamper) => tamper.byte(tamper.treeBlocks(tamper.inode('pieces'))[0]! * 1024 + 16), image);
  t.deepEqual(contentOf(image), before);
});

test('a directory keeps the names that find room on a volume without a free block', (t) => {
  const image = emptyVolume(2 * 1024 * 1024);
  const names = 450;
  change(image, ({ volume, root }) => {
    const big = make(volume, root, 'big', 0o040755);
    const file = make(volume, big, 'file', 0o100644);
    for (let i = 0; i < names; i++)
      linkName(volume, big, bytesOf(`${i} ${'y'.repeat(i % 200)}`), file, file.mtime);
  });
  change(image, ({ volume, root }) => {
    const filler = make(volume, root, 'filler', 0o100644);
    while (volume.blocks.available > 0)
      writeContent(volume, filler, filler.size, new Uint8Array(volume.blocks.available * 1024));
  });
  const tamper = new Tamper(image);
  tamper.byte(tamper.leaves(tamper.inode('big'))[0]! * 1024 + 20);
  checkVolume(image, { mode: 'all', force: true });
  const { volume } = Volume.open(image, { readOnly: true });
  const kept = directory.entryCount(volume.inodes.get(tamper.inode('big').number));
  t.true(kept > names * 0.97, `${kept} of ${names + 1} names`);
});
