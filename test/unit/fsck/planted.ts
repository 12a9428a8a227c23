/** Damage of every kind that fsck.vexfs knows, each planted in a sample volume by hand. */
import {
  crc32c,
  extentEntry,
  extentHeader,
  INODE_SIZE,
  inode as inodeLayout,
  xattrHeader,
} from '@vexfs/shared';
import { PLANTED_SETS } from './planted_sets.js';
import type { Tamper } from './tamper.js';

export interface Planted {
  /** What is broken: the end of a test's title. */
  readonly what: string;
  readonly plant: (tamper: Tamper) => void;
  /** A finding that there has to be. */
  readonly code: string;
  /** Paths whose content may differ afterwards, with everything below them. */
  readonly affected?: readonly string[];
  /** Whether -p repairs it. */
  readonly safe?: boolean;
  readonly options?: { readonly superblockCopy?: number };
}

const ROOT_EXTENT = inodeLayout.root.offset + 24;

function extentAt(t: Tamper, path: string): number {
  return t.inodeAt(t.inode(path).number) + ROOT_EXTENT;
}

const superblocks: readonly Planted[] = [
  {
    what: 'a superblock of zeros',
    plant: (t) => t.image.bytes.fill(0, 0, 1024),
    code: 'superblock',
  },
  {
    what: 'a superblock with a wrong checksum',
    plant: (t) => t.byte(30),
    code: 'superblock',
  },
  {
    what: 'a superblock with impossible counts',
    plant: (t) => t.setSuperblock({ free_blocks: 1e12 }),
    code: 'superblock',
  },
  {
    what: 'a superblock whose data area begins elsewhere',
    plant: (t) => t.setSuperblock({ vector_data_start: 3 }),
    code: 'superblock',
  },
  {
    what: 'a superblock that the caller does not want',
    plant: (t) => t.image.bytes.fill(0xee, 0, 1024),
    code: 'superblock',
    options: { superblockCopy: 8192 },
  },
  {
    what: 'wrong free counts in the superblock',
    plant: (t) => t.setSuperblock({ free_blocks: 17, free_inodes: 3 }),
    code: 'free-count',
    safe: true,
  },
  {
    what: 'a volume that is marked as damaged',
    plant: (t) => t.setSuperblock({ state: 1 }),
    code: 'state',
    safe: true,
  },
  {
    what: 'a damaged copy of the superblock',
    plant: (t) => t.byte(8192 * 1024 + 20),
    code: 'backup',
    safe: true,
  },
  {
    what: 'a damaged copy of the descriptors',
    plant: (t) => t.byte(8193 * 1024 + 20),
    code: 'backup',
    safe: true,
  },
];

const journals: readonly Planted[] = [
  {
    what: 'a journal that was aborted with an error',
    plant: abortedJournal,
    code: 'journal-field',
    safe: true,
  },
  {
    what: 'a journal superblock with a wrong checksum',
    plant: (t) => t.byte(t.volume.geometry.journalStart * 1024 + 100),
    code: 'journal',
  },
  {
    what: 'a journal of another volume',
    plant: (t) =>
      t.image.bytes.fill(
        0,
        t.volume.geometry.journalStart * 1024,
        t.volume.geometry.journalStart * 1024 + 1024,
      ),
    code: 'journal',
  },
];

function abortedJournal(t: Tamper): void {
  const at = t.volume.geometry.journalStart * 1024;
  t.view.setInt32(at + 32, -5);
  t.view.setUint32(at + 252, 0);
  t.view.setUint32(at + 252, crc32c(0xffffffff, t.image.bytes.subarray(at, at + 1024)));
}

const groups: readonly Planted[] = [
  {
    what: 'a descriptor with a wrong checksum',
    plant: (t) => t.byte(1024 + 5),
    code: 'descriptor',
    safe: true,
  },
  {
    what: 'an orphan in a part of the table that was never written',
    plant: (t) => {
      const { geometry } = t.volume;
      const number = geometry.inodesPerGroup * 2;
      const from = t.inodeAt(t.inode('documents/deep/deeper/bottom').number);
      t.image.bytes.copyWithin(t.inodeAt(number), from, from + INODE_SIZE);
      t.setInode(number, { links: 0 });
      t.setSuperblock({ orphan_head: number });
    },
    code: 'initialised-inodes',
  },
  {
    what: 'descriptors that are all gone',
    plant: (t) => t.image.bytes.fill(0, 1024, 1024 + 128),
    code: 'descriptor',
    safe: true,
  },
  {
    what: 'a block in use that the bitmap has free',
    plant: (t) => t.flipBit(0, 'block', t.dataBlock(t.inode('kept'))),
    code: 'block-bitmap',
    safe: true,
  },
  {
    what: 'a free block that the bitmap has in use',
    plant: (t) => t.flipBit(0, 'block', 8000),
    code: 'block-bitmap',
    safe: true,
  },
  {
    what: 'a block bitmap with a wrong checksum',
    plant: (t) => t.flipBit(0, 'block', 8000, false),
    code: 'block-bitmap',
    safe: true,
  },
  {
    what: 'bits past the end of the last group',
    plant: (t) => {
      t.setDescriptor(1, { flags: 0 });
      t.image.bytes.fill(
        0,
        t.volume.geometry.blockBitmap(1) * 1024,
        t.volume.geometry.blockBitmap(1) * 1024 + 1024,
      );
      t.flipBit(1, 'block', 0);
    },
    code: 'block-bitmap',
    safe: true,
  },
  {
    what: 'an inode in use that the bitmap has free',
    plant: (t) => t.flipBit(0, 'inode', t.inode('kept').number - 1),
    code: 'inode-bitmap',
    safe: true,
  },
  {
    what: 'a free inode that the bitmap has in use',
    plant: (t) => t.flipBit(0, 'inode', 200),
    code: 'inode-bitmap',
    safe: true,
  },
  {
    what: 'wrong counts in a descriptor',
    plant: (t) => t.setDescriptor(0, { free_blocks: 1, free_inodes: 2, used_directories: 3 }),
    code: 'free-count',
    safe: true,
  },
  {
    what: 'fewer initialised inodes than are in use',
    plant: (t) => t.setDescriptor(0, { initialised_inodes: 16 }),
    code: 'initialised-inodes',
    safe: true,
  },
  {
    what: 'more initialised inodes than there are, over garbage',
    plant: (t) => {
      t.setDescriptor(1, { initialised_inodes: 8 });
      const at = t.volume.geometry.inodeTable(1) * 1024;
      t.image.bytes.fill(0x5a, at, at + 1024);
    },
    code: 'inode',
  },
  {
    what: 'a free inode that is not zero',
    plant: (t) => {
      t.setDescriptor(1, { initialised_inodes: 4 });
      t.byte(t.volume.geometry.inodeTable(1) * 1024 + 300);
    },
    code: 'free-inode',
    safe: true,
  },
];

const inodes: readonly Planted[] = [
  {
    what: 'a pipe with blocks',
    plant: (t) => t.setInode(t.inode('documents/text 1').number, { mode: 0o010644, size: 0 }),
    code: 'inode-field',
    affected: ['/documents/text 1'],
  },
  {
    what: 'a damaged directory with more blocks than a number can say',
    plant: (t) => {
      const many = t.inode('many');
      t.byte(t.leaves(many)[0]! * t.blockSize + 40);
      t.setInode(many.number, { blocks: 2 ** 60 });
    },
    code: 'inode-field',
    affected: ['/many'],
  },
  {
    what: 'an inode with one wrong byte',
    plant: (t) => t.byte(t.inodeAt(t.inode('kept').number) + 17),
    code: 'inode-byte',
  },
  {
    what: 'an inode with a wrong byte in its generation',
    plant: (t) => t.byte(t.inodeAt(t.inode('rows.f32').number) + inodeLayout.generation.offset + 1),
    code: 'inode-byte',
  },
  {
    what: 'an inode with a wrong checksum and nothing else wrong',
    plant: (t) =>
      t.image.bytes.fill(
        0x11,
        t.inodeAt(t.inode('kept').number) + 252,
        t.inodeAt(t.inode('kept').number) + 256,
      ),
    code: 'inode-checksum',
  },
  {
    what: 'an inode of garbage',
    plant: (t) => {
      const at = t.inodeAt(t.inode('pieces').number);
      t.image.bytes.fill(0x77, at, at + 256);
    },
    code: 'inode',
    affected: ['/pieces'],
  },
  {
    what: 'an inode of no type',
    plant: (t) => t.setInode(t.inode('pipe').number, { mode: 0o030644 }),
    code: 'inode',
    affected: ['/pipe'],
  },
  {
    what: 'a reserved inode in use',
    plant: (t) => {
      const from = t.inodeAt(t.inode('kept').number);
      t.image.bytes.copyWithin(t.inodeAt(5), from, from + 256);
      t.sealInode(5);
    },
    code: 'inode',
  },
  {
    what: 'impossible fields of an inode',
    plant: (t) => t.setInode(t.inode('kept').number, { atime_nsec: 2e9, flags: 0x1000, parent: 7 }),
    code: 'inode-field',
  },
  {
    what: 'a wrong count of blocks',
    plant: (t) => t.setInode(t.inode('kept').number, { blocks: 99 }),
    code: 'block-count',
    safe: true,
  },
  {
    what: 'a wrong count of links of a file',
    plant: (t) => t.setInode(t.inode('kept').number, { links: 7 }),
    code: 'link-count',
    safe: true,
  },
  {
    what: 'a wrong count of links of a directory',
    plant: (t) => t.setInode(t.inode('documents').number, { links: 2 }),
    code: 'link-count',
    safe: true,
  },
  {
    what: 'a symlink with a NUL in its target',
    plant: (t) => {
      const { number } = t.inode('short');
      t.image.bytes[t.inodeAt(number) + inodeLayout.root.offset + 2] = 0;
      t.sealInode(number);
    },
    code: 'inode',
    affected: ['/short'],
  },
  {
    what: 'a long symlink without its target',
    plant: (t) => {
      const { number } = t.inode('long');
      t.image.bytes.fill(0, t.inodeAt(number) + ROOT_EXTENT, t.inodeAt(number) + ROOT_EXTENT + 72);
      t.set(extentHeader, t.inodeAt(number) + inodeLayout.root.offset, { count: 0 });
      t.sealInode(number);
    },
    code: 'inode',
    affected: ['/long'],
  },
  {
    what: 'no root directory',
    plant: (t) => t.image.bytes.fill(0, t.inodeAt(1), t.inodeAt(1) + 256),
    code: 'root',
    affected: ['/'],
  },
  {
    what: 'written blocks behind the end of a file',
    plant: (t) => t.setInode(t.inode('kept').number, { size: 100 }),
    code: 'blocks-past-end',
    affected: ['/kept', '/documents/deep/kept too'],
    safe: true,
  },
];

const extents: readonly Planted[] = [
  {
    what: 'an extent outside of the volume',
    plant: (t) => {
      t.set(extentEntry, extentAt(t, 'kept'), { physical: 1e9 });
      t.sealInode(t.inode('kept').number);
    },
    code: 'extent-tree',
    affected: ['/kept', '/documents/deep/kept too'],
  },
  {
    what: 'an extent over the inode table',
    plant: (t) => {
      t.set(extentEntry, extentAt(t, 'kept'), { physical: t.volume.geometry.inodeTable(0) });
      t.sealInode(t.inode('kept').number);
    },
    code: 'extent-tree',
    affected: ['/kept', '/documents/deep/kept too'],
  },
  {
    what: 'two files on the same blocks',
    plant: (t) => {
      t.set(extentEntry, extentAt(t, 'documents/text 1'), {
        physical: t.dataBlock(t.inode('documents/text 0')),
      });
      t.sealInode(t.inode('documents/text 1').number);
    },
    code: 'shared-block',
    affected: ['/documents/text 1'],
  },
  {
    what: 'a file on the blocks of a directory',
    plant: (t) => {
      t.set(extentEntry, extentAt(t, 'documents/text 1'), {
        physical: t.leaves(t.inode('many'))[1]!,
        length: 1,
      });
      t.sealInode(t.inode('documents/text 1').number);
    },
    code: 'shared-block',
    affected: ['/documents/text 1'],
  },
  {
    what: 'a file on the header of a vector set',
    plant: (t) => {
      t.set(extentEntry, extentAt(t, 'documents/text 1'), {
        physical: t.setBlock(t.inode('rows.f32')),
        length: 1,
      });
      t.sealInode(t.inode('documents/text 1').number);
    },
    code: 'shared-block',
    affected: ['/documents/text 1'],
  },
  {
    what: 'an extent node with a wrong checksum',
    plant: (t) => t.byte(t.treeBlocks(t.inode('pieces'))[0]! * 1024 + 16),
    code: 'extent-tree',
  },
  {
    what: 'an extent node of another inode',
    plant: (t) => {
      const block = t.treeBlocks(t.inode('pieces'))[0]!;
      t.set(extentHeader, block * 1024, { owner: 12 });
      t.sealBlock(block, 'extent');
    },
    code: 'extent-tree',
    affected: ['/pieces'],
  },
  {
    what: 'extents out of order',
    plant: (t) => {
      const block = t.treeBlocks(t.inode('pieces'))[0]!;
      t.set(extentEntry, block * 1024 + 24 + 24 * 3, { logical: 1 });
      t.sealBlock(block, 'extent');
    },
    code: 'extent-tree',
    affected: ['/pieces'],
  },
  {
    what: 'an extent root that is too deep',
    plant: (t) => {
      const at = t.inodeAt(t.inode('pieces').number);
      t.set(extentHeader, at + inodeLayout.root.offset, { depth: 9 });
      t.sealInode(t.inode('pieces').number);
    },
    code: 'extent-tree',
    affected: ['/pieces'],
  },
];

const attributes: readonly Planted[] = [
  {
    what: 'an attribute block that cannot be read',
    plant: (t) =>
      t.image.bytes.fill(0x33, t.inode('kept').xattrBlock * 1024, t.inode('kept').xattrBlock * 1024 + 600),
    code: 'attributes',
    affected: ['/kept', '/documents/deep/kept too'],
  },
  {
    what: 'an attribute block of another inode',
    plant: (t) => {
      const block = t.inode('kept').xattrBlock;
      t.set(xattrHeader, block * 1024, { owner: 3 });
      t.sealBlock(block, 'xattr');
    },
    code: 'attributes',
    affected: ['/kept', '/documents/deep/kept too'],
  },
  {
    what: 'a file on the attribute block of an earlier inode',
    plant: (t) => {
      t.set(extentEntry, extentAt(t, 'documents/few.f32'), { physical: t.inode('kept').xattrBlock });
      t.sealInode(t.inode('documents/few.f32').number);
    },
    code: 'shared-block',
    affected: ['/documents/few.f32'],
  },
];

export const PLANTED: readonly Planted[] = [
  ...superblocks,
  ...journals,
  ...groups,
  ...inodes,
  ...extents,
  ...attributes,
  ...PLANTED_SETS,
];
