import { extentsOf, Volume, writeContent } from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import { extentEntry, inode as inodeLayout } from '@vexfs/shared';
import test from 'ava';
import { change, emptyVolume, make } from './sample_volume.js';
import { Tamper } from './tamper.js';

const MIB = 1024 * 1024;

test('copies of blocks that two files share take no memory for their content', (t) => {
  const image = emptyVolume(22 * MIB);
  const bytes = new Uint8Array(2 * MIB).map((_, i) => (i * 7 + (i >> 10)) & 255);
  change(image, ({ volume, root }) => {
    for (const name of ['first', 'second'])
      writeContent(volume, make(volume, root, name, 0o100644), 0, bytes);
  });
  const tamper = new Tamper(image);
  const [first, second] = ['first', 'second'].map((name) => tamper.inode(name));
  const runs = [...extentsOf(tamper.volume, second!).all()];
  t.is(runs.length, 1, 'its first extent is its only one');
  const extent = tamper.inodeAt(second!.number) + inodeLayout.root.offset + 24;
  tamper.set(extentEntry, extent, { physical: tamper.dataBlock(first!) });
  tamper.sealInode(second!.number);
  const { exitCode, examination } = checkVolume(image, { mode: 'all', force: true });
  t.is(exitCode, 1);
  t.true(examination!.overlay.changed.size < 100, `${examination!.overlay.changed.size} blocks in memory`);
  t.deepEqual(checkVolume(image, { mode: 'look' }).examination?.findings.list, []);
  const { volume } = Volume.open(image, { readOnly: true });
  for (const { number } of [first!, second!]) {
    const [run] = [...extentsOf(volume, volume.inodes.get(number)).all()];
    const at = run!.physical * 1024;
    t.is(run!.length, 2048);
    t.is(Buffer.compare(image.bytes.subarray(at, at + 2 * MIB), bytes), 0);
  }
});
