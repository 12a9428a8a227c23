/** Every byte of a set header and of a row log, as the daemon and fsck read them. VEXFS_FLIP_STEP=1 tries each one. */
import { VectorFiles } from '@vexfs/fuse/daemon';
import { EUCLEAN, extentsOf, FsError, Volume } from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import test from 'ava';
import { Image, sampleVolume } from '../../unit/fsck/sample_volume.js';
import { Tamper } from '../../unit/fsck/tamper.js';
import { chosen } from '../../unit/volume/seeded.js';

const step = chosen('VEXFS_FLIP_STEP', 5);
/** Of so many flips one is shown to fsck too, which takes longer. */
const CHECKED = 20;

/** The errno that loading the rows of an inode ends with; 0 when they are there. */
function load(image: Image, number: number): number {
  try {
    const { volume } = Volume.open(image, { readOnly: true, deviceReadOnly: true });
    const file = new VectorFiles(volume, -1).get(volume.inodes.get(number));
    file?.ids.destroy();
    return 0;
  } catch (error) {
    if (error instanceof FsError) return error.errno;
    throw error;
  }
}

test('with any byte of its set header or row log changed a file answers EUCLEAN, and fsck finds it', (t) => {
  const image = new Image(sampleVolume().bytes);
  const tamper = new Tamper(image);
  const owner = tamper.inode('rows.f32');
  const log = tamper.logInode(owner);
  const blocks = [tamper.setBlock(owner)];
  for (const { physical, length } of extentsOf(tamper.volume, log).all())
    for (let i = 0; i < length; i++) blocks.push(physical + i);
  t.true(blocks.length > 3);
  t.is(load(image, owner.number), 0);
  let tried = 0;
  for (const block of blocks) {
    for (let at = tried % step; at < tamper.blockSize; at += step) {
      const place = block * tamper.blockSize + at;
      tamper.byte(place);
      const code = load(image, owner.number);
      if (code !== EUCLEAN) t.fail(`byte ${at} of block ${block}: errno ${code}`);
      if (tried % CHECKED === 0)
        t.is(checkVolume(image, { mode: 'look' }).exitCode, 4, `byte ${at} of block ${block}`);
      tamper.byte(place);
      tried += 1;
    }
  }
  t.is(load(image, owner.number), 0);
  t.log(`${tried} bytes of ${blocks.length} blocks`);
});
