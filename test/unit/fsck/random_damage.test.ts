import { extentsOf, Volume } from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import { INODE_SIZE } from '@vexfs/shared';
import test from 'ava';
import { contentOf, Image, open, sampleVolume } from './sample_volume.js';

const sample = sampleVolume();
const intact = contentOf(sample);

/** xorshift32 (Marsaglia 2003): the same damage in every run. */
function random(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

/** First byte and length of every piece of metadata that is in use. */
function metadata(): Array<readonly [number, number]> {
  const { volume } = open(new Image(sample.bytes.slice()));
  const { geometry } = volume;
  const { blockSize } = geometry;
  const pieces: Array<readonly [number, number]> = [
    [0, 512],
    [blockSize, geometry.groupCount * 64],
    [geometry.journalStart * blockSize, 512],
  ];
  for (let group = 0; group < geometry.groupCount; group++) {
    if (!volume.groups.blocksUninitialised(group))
      pieces.push([geometry.blockBitmap(group) * blockSize, blockSize]);
    if (!volume.groups.inodesUninitialised(group)) pieces.push([geometry.inodeBitmap(group) * blockSize, 64]);
  }
  for (let number = 1; number <= geometry.inodeCount; number++) {
    try {
      volume.inodes.get(number);
    } catch {
      continue;
    }
    pieces.push([geometry.inodeBlock(number) * blockSize + geometry.inodeOffset(number), INODE_SIZE]);
    const inode = volume.inodes.get(number);
    if (inode.xattrBlock !== 0) pieces.push([inode.xattrBlock * blockSize, 300]);
    if (inode.isRegular)
      extentsOf(volume, inode).treeBlocks((block) => pieces.push([block * blockSize, blockSize]));
    if (inode.isHidden) {
      for (const run of extentsOf(volume, inode).all())
        pieces.push([run.physical * blockSize, run.length * blockSize]);
    }
  }
  for (let block = 0; block < geometry.totalBlocks; block++) {
    const at = block * blockSize;
    if (Buffer.from(sample.bytes.subarray(at, at + 4)).toString('latin1') === 'VDIR')
      pieces.push([at, blockSize]);
  }
  return pieces;
}

function checkOne(
  seed: number,
  pieces: ReadonlyArray<readonly [number, number]>,
  flips: number,
): string | undefined {
  const below = random(seed);
  const image = new Image(sample.bytes.slice());
  for (let i = 0; i < flips; i++) {
    const [start, length] = pieces[below(pieces.length)]!;
    image.bytes[start + below(length)]! ^= 1 + below(255);
  }
  const look = checkVolume(image, { mode: 'look' });
  if (image.writes > 0) return 'a look has written';
  const repair = checkVolume(image, { mode: 'all', force: true });
  if (look.exitCode !== 0 && repair.exitCode !== 1) return `look ${look.exitCode}, repair ${repair.exitCode}`;
  const again = checkVolume(image, { mode: 'look' });
  if (again.exitCode !== 0) {
    const messages = again.examination!.findings.list.map(({ message }) => message);
    return `not clean after the repair: ${messages.join('; ')}`;
  }
  const { volume } = Volume.open(image, { readOnly: true });
  if (volume.superblock.state !== 0) return 'marked as damaged after the repair';
  if (look.exitCode === 0) {
    const now = contentOf(image);
    for (const [path, line] of intact) if (now.get(path) !== line) return `not found: ${path}`;
  } else {
    contentOf(image);
  }
  return undefined;
}

for (const [flips, runs] of [
  [1, 350],
  [8, 150],
] as const) {
  test(`${runs} volumes with ${flips} random bytes of metadata changed are repaired, or none the worse`, (t) => {
    t.timeout(120_000);
    const pieces = metadata();
    const failures: string[] = [];
    for (let seed = 1; seed <= runs; seed++) {
      let failure: string | undefined;
      try {
        failure = checkOne(seed * 10 + flips, pieces, flips);
      } catch (error) {
        failure = (error as Error).stack ?? String(error);
      }
      if (failure !== undefined) failures.push(`seed ${seed}: ${failure}`);
    }
    t.deepEqual(failures, []);
  });
}
