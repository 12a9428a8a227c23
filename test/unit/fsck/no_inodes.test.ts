import { directory, VectorSet, writeContent } from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import test from 'ava';
import { FOUR_FLOATS } from '../../fixtures/row_layout.js';
import { bytesOf, change, emptyVolume, Image, make, open } from './sample_volume.js';
import { Tamper } from './tamper.js';

/** All inodes of the volume are in use: none is left for lost+found. */
function crowded(): Image {
  const image = emptyVolume(2 * 1024 * 1024);
  change(image, ({ volume, root }) => {
    const folder = make(volume, root, 'folder', 0o040755);
    make(volume, make(volume, folder, 'below', 0o040755), 'leaf', 0o100644);
    while (volume.superblock.freeInodes > 0)
      make(volume, root, `file ${volume.superblock.freeInodes}`, 0o100644);
  });
  return image;
}

test('what nothing names goes to the root when no inode is left for lost+found', (t) => {
  const image = crowded();
  change(image, ({ volume, root }) => {
    for (const name of ['folder', 'file 7', 'file 9']) directory.remove(volume, root, bytesOf(name));
  });
  const outcome = checkVolume(image, { mode: 'all', force: true });
  t.is(outcome.exitCode, 1, JSON.stringify(outcome.examination?.findings.list));
  t.is(checkVolume(new Image(image.bytes.slice()), { mode: 'look' }).exitCode, 0);
  const { volume, root } = open(image);
  const names: string[] = [];
  directory.iterate(volume, root, { hi: 0, lo: 0 }, (name) => {
    names.push(new TextDecoder().decode(name));
    return true;
  });
  t.is(names.filter((name) => /^#\d+$/.test(name)).length, 3);
});

test('a damaged row log is written anew in the place of the old one when no inode is left', (t) => {
  const image = emptyVolume(2 * 1024 * 1024);
  const rows = 100;
  change(image, ({ volume, root }) => {
    const file = make(volume, root, 'rows.f32', 0o100644);
    writeContent(volume, file, 0, new Uint8Array(rows * 16));
    const set = VectorSet.create(volume, file);
    set.layout = FOUR_FLOATS;
    for (let slot = 0; slot < rows; slot++) set.appendPut(slot, slot * 2, 0, 1);
    set.slots = rows;
    set.liveRows = rows;
    set.nextId = BigInt(rows * 2);
    while (volume.superblock.freeInodes > 0)
      make(volume, root, `file ${volume.superblock.freeInodes}`, 0o100644);
  });
  const tamper = new Tamper(image);
  tamper.byte(tamper.dataBlock(tamper.logInode(tamper.inode('rows.f32'))) * 1024 + 100);
  const { exitCode, examination } = checkVolume(image, { mode: 'all', force: true });
  t.is(exitCode, 1, JSON.stringify(examination?.findings.list));
  t.deepEqual(checkVolume(new Image(image.bytes.slice()), { mode: 'look' }).examination?.findings.list, []);
  const { volume } = open(image);
  // A block of 1 KiB has 21 records, and one was damaged.
  t.is(VectorSet.open(volume, volume.inodes.get(tamper.inode('rows.f32').number)).liveRows, rows - 21);
});
