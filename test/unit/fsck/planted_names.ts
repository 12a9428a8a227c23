/** Damage to directories, names and the orphan list, planted by hand. */

import { directory } from '@vexfs/fuse/volume';
import { directoryEntry, directoryHeader, directoryRoot, inode as inodeLayout } from '@vexfs/shared';
import type { Planted } from './planted.js';
import { change } from './sample_volume.js';
import type { Tamper } from './tamper.js';

function entry(t: Tamper, path: string, name: string, fields: Readonly<Record<string, number>>): void {
  const leaf = t.leafOf(t.inode(path), name);
  t.set(directoryEntry, t.record(leaf, name), fields);
  t.sealBlock(leaf, 'directory');
}

function rootField(t: Tamper, path: string, fields: Readonly<Record<string, number>>): void {
  const { number } = t.inode(path);
  t.set(directoryRoot, t.inodeAt(number) + inodeLayout.root.offset, fields);
  t.sealInode(number);
}

const LONG = 'x'.repeat(40);

export const PLANTED_NAMES: readonly Planted[] = [
  {
    what: 'a leaf with a wrong checksum',
    plant: (t) => t.byte(t.leaves(t.inode('many'))[1]! * 1024 + 20),
    code: 'directory',
  },
  {
    what: 'a leaf in which one name is damaged',
    plant: (t) => {
      const leaf = t.leafOf(t.inode('many'), `entry 5 ${LONG}`);
      t.byte(t.record(leaf, `entry 5 ${LONG}`) + 20);
    },
    code: 'directory',
    affected: [`/many/entry 5 ${LONG}`],
  },
  {
    what: 'a leaf of zeros',
    plant: (t) => {
      const leaf = t.leaves(t.inode('many'))[2]!;
      t.image.bytes.fill(0, leaf * 1024, leaf * 1024 + 1024);
    },
    code: 'directory',
    affected: ['/many'],
  },
  {
    what: 'an inner node of zeros',
    plant: (t) => {
      const at = directoryRoot.block.get(t.inode('many').rootView, 0) * 1024;
      t.image.bytes.fill(0, at, at + 1024);
    },
    code: 'directory',
    affected: ['/many'],
  },
  {
    what: 'a leaf of another directory',
    plant: (t) => {
      const leaf = t.leaves(t.inode('many'))[1]!;
      t.set(directoryHeader, leaf * 1024, { owner: 1 });
      t.sealBlock(leaf, 'directory');
    },
    code: 'directory',
    affected: ['/many'],
  },
  {
    what: 'an entry whose cookie is not that of its name',
    plant: (t) => {
      const leaf = t.leafOf(t.inode('many'), `entry 5 ${LONG}`);
      const at = t.record(leaf, `entry 5 ${LONG}`);
      t.view.setUint8(at + 25, 0x7a);
      t.sealBlock(leaf, 'directory');
    },
    code: 'directory',
    affected: [`/many/entry 5 ${LONG}`],
  },
  {
    what: 'entries out of order',
    plant: (t) => {
      const leaf = t.leaves(t.inode('many'))[0]! * 1024;
      const first = t.view.getUint16(leaf + 32, true);
      t.view.setUint16(leaf + 32, t.view.getUint16(leaf + 34, true), true);
      t.view.setUint16(leaf + 34, first, true);
      t.sealBlock(leaf / 1024, 'directory');
    },
    code: 'directory',
  },
  {
    what: 'index entries out of order',
    plant: (t) => {
      const block = directoryRoot.block.get(t.inode('many').rootView, 0);
      t.view.setBigUint64(block * 1024 + 32 + 16, 0x7fffffffffffff00n, true);
      t.sealBlock(block, 'directory');
    },
    code: 'directory',
  },
  {
    what: 'a wrong count of entries',
    plant: (t) => rootField(t, 'many', { entries: 5 }),
    code: 'entry-count',
    safe: true,
  },
  {
    what: 'a directory that is too deep',
    plant: (t) => rootField(t, 'many', { depth: 12 }),
    code: 'directory',
  },
  {
    what: 'a name of a free inode',
    plant: (t) => entry(t, 'documents', 'text 2', { inode: 250 }),
    code: 'entry',
    affected: ['/documents/text 2'],
  },
  {
    what: 'a name of a hidden inode',
    plant: (t) => entry(t, 'documents', 'text 2', { inode: t.inode('rows.f32').vectorSet }),
    code: 'entry',
    affected: ['/documents/text 2'],
  },
  {
    what: 'a name of the root',
    plant: (t) => entry(t, 'documents', 'deep', { inode: 1 }),
    code: 'entry',
    affected: ['/documents/deep'],
  },
  {
    what: 'a second name of a directory',
    plant: (t) => entry(t, 'documents', 'text 2', { inode: t.inode('many').number, type: 4 }),
    code: 'entry',
    affected: ['/documents/text 2', '/many'],
  },
  {
    what: 'a directory below itself',
    plant: (t) => {
      entry(t, 'documents/deep/deeper', 'bottom', { inode: t.inode('documents').number, type: 4 });
      entry(t, '', 'documents', { inode: t.inode('pipe').number, type: 1 });
    },
    code: 'circle',
    affected: ['/documents'],
  },
  {
    what: 'an entry with the type of another kind of file',
    plant: (t) => entry(t, 'documents', 'text 2', { type: 10 }),
    code: 'entry-type',
    safe: true,
  },
  {
    what: 'a directory that names another parent',
    plant: (t) => t.setInode(t.inode('documents/deep').number, { parent: 1 }),
    code: 'parent',
    safe: true,
  },
  {
    what: 'a file without a name',
    plant: (t) =>
      change(t.image, ({ volume, root }) => {
        directory.remove(volume, root, new TextEncoder().encode('pieces'));
      }),
    code: 'unattached',
    affected: ['/pieces'],
  },
  {
    what: 'a directory without a name',
    plant: (t) =>
      change(t.image, ({ volume, root }) => {
        directory.remove(volume, root, new TextEncoder().encode('documents'));
      }),
    code: 'unattached',
    affected: ['/documents'],
  },
  {
    what: 'a deleted file that is not freed',
    plant: (t) =>
      change(t.image, ({ volume, root }) => {
        directory.remove(volume, root, new TextEncoder().encode('rows.f32'));
        const inode = volume.inodes.get(t.inode('rows.f32').number);
        inode.links = 0;
        inode.markDirty();
      }),
    code: 'deleted',
    affected: ['/rows.f32'],
    safe: true,
  },
  {
    what: 'an orphan list in a circle',
    plant: (t) => {
      const { number } = t.inode('pieces');
      t.setInode(number, { orphan_next: number });
      t.setSuperblock({ orphan_head: number });
    },
    code: 'orphan-list',
    safe: true,
  },
  {
    what: 'an orphan list that leads to a free inode',
    plant: (t) => t.setSuperblock({ orphan_head: 250 }),
    code: 'orphan-list',
    safe: true,
  },
  {
    what: 'an orphan list that leads to a hidden inode',
    plant: (t) => t.setSuperblock({ orphan_head: t.inode('rows.f32').vectorSet }),
    code: 'orphan-list',
    safe: true,
  },
  {
    what: 'a next orphan of an inode that is none',
    plant: (t) => t.setInode(t.inode('pieces').number, { orphan_next: 12 }),
    code: 'orphan-list',
    safe: true,
  },
];
