import { directory } from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import test from 'ava';
import { bytesOf, change, emptyVolume, Image, make, open } from './sample_volume.js';

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
