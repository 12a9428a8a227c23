import { commitNow, formatVolume, planFormat } from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import { INODE_SIZE } from '@vexfs/shared';
import test from 'ava';
import { processorMs } from '../../fuzz/images/processor_time.js';
import { change, Image, make } from './sample_volume.js';
import { Tamper } from './tamper.js';

const MIB = 1024 * 1024;

/** Milliseconds that the processor computes for a look at an image, and what it found. */
function look(image: Image): { ms: number; codes: string[]; paths: Array<string | undefined> } {
  const before = processorMs(process.pid)!;
  const { list } = checkVolume(image, { mode: 'look' }).examination!.findings;
  const ms = processorMs(process.pid)! - before;
  return { ms, codes: list.map(({ code }) => code), paths: list.map(({ path }) => path) };
}

test('a table of garbage is looked through without a search in every inode', (t) => {
  t.timeout(120_000);
  const image = new Image(new Uint8Array(128 * MIB));
  const time = 1_700_000_000_000;
  formatVolume(image, planFormat({ sizeBytes: image.size, blockSize: 4096, inodes: 16_000, time }));
  const tamper = new Tamper(image);
  const { inodesPerGroup } = tamper.volume.geometry;
  tamper.setDescriptor(0, { initialised_inodes: inodesPerGroup });
  const first = tamper.inodeAt(12);
  let state = 1;
  for (let at = first; at < first + (inodesPerGroup - 12) * INODE_SIZE; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    image.bytes[at] = state >>> 24;
  }
  const { ms, codes } = look(image);
  t.true(codes.filter((code) => code === 'inode').length > 15_000);
  t.true(ms < 8000, `${ms} ms`);
});

test('the path of a file far down is found without a walk for every folder above it', (t) => {
  t.timeout(120_000);
  const image = new Image(new Uint8Array(64 * MIB));
  const time = 1_700_000_000_000;
  formatVolume(image, planFormat({ sizeBytes: image.size, blockSize: 1024, inodes: 20_000, time }));
  const levels = 240;
  change(image, ({ volume, writer, root }) => {
    let folder = root;
    for (let level = 0; level < levels; level++) {
      folder = make(volume, folder, 'd', 0o040755);
      for (let i = 0; i < 75; i++) make(volume, folder, `file ${i}`, 0o100644);
      commitNow(volume, writer);
    }
  });
  const tamper = new Tamper(image);
  const path = `${'/d'.repeat(levels)}/file 3`;
  tamper.setInode(tamper.inode(path).number, { blocks: 5 });
  const { ms, paths } = look(image);
  t.deepEqual(paths, [path]);
  t.true(ms < 2500, `${ms} ms`);
});
