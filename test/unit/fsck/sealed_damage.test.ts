import { Volume } from '@vexfs/fuse/volume';
import { checkVolume } from '@vexfs/mkfs/fsck';
import { INODE_SIZE } from '@vexfs/shared';
import test from 'ava';
import { contentOf, Image, sampleVolume } from './sample_volume.js';
import { Tamper } from './tamper.js';

const sample = sampleVolume();
const RUNS = 150;

/** A linear congruential generator (Knuth, MMIX): the same damage in every run. */
function random(seed: number): (below: number) => number {
  let state = BigInt(seed);
  return (below) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number((state >> 33n) % BigInt(below));
  };
}

const MAGICS = { VDIR: 'directory', VATT: 'xattr', VSET: 'set', VLOG: 'log' } as const;

/** Places where the format keeps metadata, each with what makes its checksum right again. */
function targets(tamper: Tamper): Array<{ start: number; length: number; seal: () => void }> {
  const { volume, image } = tamper;
  const { geometry } = volume;
  const found: Array<{ start: number; length: number; seal: () => void }> = [
    { start: 16, length: 100, seal: () => tamper.setSuperblock({}) },
    { start: 1024, length: 28, seal: () => tamper.setDescriptor(0, {}) },
    { start: 1024 + 64, length: 28, seal: () => tamper.setDescriptor(1, {}) },
  ];
  for (let number = 1; number <= geometry.inodesPerGroup; number++) {
    const start = tamper.inodeAt(number);
    if (tamper.view.getUint16(start, true) === 0) continue;
    found.push({ start, length: INODE_SIZE - 8, seal: () => tamper.sealInode(number) });
  }
  for (let block = geometry.journalStart + geometry.journalBlocks; block < geometry.totalBlocks; block++) {
    const start = block * 1024;
    const magic = Buffer.from(image.bytes.subarray(start, start + 4)).toString('latin1');
    const kind = MAGICS[magic as keyof typeof MAGICS];
    const isExtent = tamper.view.getUint16(start, true) === 0xe7a1;
    if (kind === undefined && !isExtent) continue;
    // The front of a block has its header and most of what leads elsewhere.
    for (const length of [64, 1024]) {
      found.push({ start, length, seal: () => tamper.sealBlock(block, kind ?? 'extent') });
    }
  }
  return found;
}

test(`${RUNS} volumes with wrong fields under right checksums are repaired, refused, or none the worse`, (t) => {
  t.timeout(120_000);
  const failures: string[] = [];
  let repaired = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const below = random(seed * 7919);
    const image = new Image(sample.bytes.slice());
    const places = targets(new Tamper(image));
    for (let i = 0; i < 4; i++) {
      const { start, length, seal } = places[below(places.length)]!;
      const at = start + below(length);
      // Small numbers and extremes reach further than noise does.
      const values = [0, 1, 2, 8, 0x7f, 0xff, below(256)];
      image.bytes[at] = values[below(values.length)]!;
      seal();
    }
    image.writes = 0;
    try {
      const look = checkVolume(image, { mode: 'look' });
      if (image.writes > 0) failures.push(`seed ${seed}: a look has written`);
      const repair = checkVolume(image, { mode: 'all', force: true });
      if (look.exitCode !== 0 && repair.exitCode !== 1)
        failures.push(`seed ${seed}: exit ${repair.exitCode}`);
      if (repair.exitCode === 1) repaired += 1;
      const again = checkVolume(image, { mode: 'look' }).examination!.findings.list;
      if (again.length > 0) failures.push(`seed ${seed}: ${again.map(({ message }) => message).join('; ')}`);
      Volume.open(image, { readOnly: true });
      contentOf(image);
    } catch (error) {
      // A superblock with a right checksum may say that the volume is larger, or of a later version.
      if ((error as Error).name === 'UncheckableError') continue;
      failures.push(`seed ${seed}: ${(error as Error).stack}`);
    }
  }
  t.deepEqual(failures, []);
  t.true(repaired > RUNS / 2, `${repaired} of ${RUNS} had something to repair`);
});
