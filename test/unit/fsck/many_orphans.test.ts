import { formatVolume, planFormat } from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import { INODE_SIZE } from '@vexfs/shared';
import test from 'ava';
import { change, Image, make } from './sample_volume.js';
import { Tamper } from './tamper.js';

test('an orphan list of more inodes than a call takes arguments is followed', (t) => {
  t.timeout(120_000);
  const image = new Image(new Uint8Array(160 << 20));
  const time = 1_700_000_000_000;
  formatVolume(image, planFormat({ sizeBytes: image.size, blockSize: 65536, inodes: 200_000, time }));
  change(image, ({ volume, root }) => make(volume, root, 'file', 0o100644));
  const tamper = new Tamper(image);
  const { number: first } = tamper.inode('file');
  const count = 150_000;
  const from = tamper.inodeAt(first);
  for (let number = first + count; number > first; number--) {
    image.bytes.copyWithin(tamper.inodeAt(number), from, from + INODE_SIZE);
    tamper.setInode(number, { links: 0, orphan_next: number === first + count ? 0 : number + 1 });
  }
  tamper.setSuperblock({ orphan_head: first + 1 });
  // What the bitmaps do not know yet is found; that nothing but counts is wrong shows that every member was seen.
  const { findings } = checkVolume(image, { mode: 'look' }).examination!;
  const codes = new Set(findings.list.map(({ code }) => code));
  t.false(codes.has('orphan-list'));
  t.false(codes.has('deleted'));
});
