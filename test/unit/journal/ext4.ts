import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalArea } from '@vexfs/fuse/journal';
import { crc32c } from '@vexfs/shared';

const SUPERBLOCK = 1024;
const SUPERBLOCK_CHECKSUM = 1020;
const FEATURE_INCOMPAT = 96;
const NEEDS_RECOVERY = 4;

/** Sets or clears ext4's flag that says whether its journal must be replayed, as the owner of the journal has to. */
export function setNeedsRecovery(image: Uint8Array, needed: boolean): void {
  const view = new DataView(image.buffer, image.byteOffset + SUPERBLOCK, 1024);
  const features = view.getUint32(FEATURE_INCOMPAT, true);
  view.setUint32(FEATURE_INCOMPAT, needed ? features | NEEDS_RECOVERY : features & ~NEEDS_RECOVERY, true);
  const sum = crc32c(0xffffffff, image.subarray(SUPERBLOCK, SUPERBLOCK + SUPERBLOCK_CHECKSUM));
  view.setUint32(SUPERBLOCK_CHECKSUM, sum, true);
}

/** The block with ext4's superblock, to which every program that replays writes times and flags of its own. */
export function superblockNumber(blockSize: number): number {
  return Math.floor(SUPERBLOCK / blockSize);
}

/** Runs `action` on a copy of the image in a file, and returns what the file holds then. */
function onFile(image: Uint8Array, action: (path: string) => void): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'journal-test-'));
  try {
    const path = join(folder, 'image');
    writeFileSync(path, image);
    action(path);
    return new Uint8Array(readFileSync(path));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The image after e2fsck has replayed its journal and done nothing else. Throws when e2fsck finds fault with it. */
export function replayedByE2fsck(image: Uint8Array): Uint8Array {
  return onFile(image, (path) => {
    execFileSync('e2fsck', ['-y', '-E', 'journal_only', path], { stdio: 'pipe' });
  });
}

/** What `e2fsck -fp` says: below 2 when at most the superblock's counters, which ext4 lets lag, were wrong. */
export function checkByE2fsck(image: Uint8Array): { status: number | null; output: string } {
  let result = { status: null as number | null, output: '' };
  onFile(image, (path) => {
    const { status, stdout, stderr } = spawnSync('e2fsck', ['-fp', path], { encoding: 'utf8' });
    result = { status, output: stdout + stderr };
  });
  return result;
}

/** An empty ext4 whose journal lies in one piece and has 1,024 blocks. */
export function makeExt4(blockSize: number): { image: Uint8Array; area: JournalArea; blocks: number } {
  const blocks = blockSize === 1024 ? 6144 : 3072;
  let listing = '';
  const image = onFile(new Uint8Array(blocks * blockSize), (path) => {
    const features = 'metadata_csum,64bit,^resize_inode,^flex_bg';
    const journal = `size=${blockSize / 1024}`;
    const options = ['-q', '-F', '-t', 'ext4', '-b', String(blockSize), '-O', features, '-J', journal];
    execFileSync('mke2fs', [...options, '-E', 'lazy_itable_init=0', path], { stdio: 'pipe' });
    listing = execFileSync('debugfs', ['-R', 'blocks <8>', path], { encoding: 'utf8', stdio: 'pipe' });
  });
  const numbers = listing.trim().split(/\s+/).map(Number);
  const start = numbers[0]!;
  if (numbers.some((number, at) => number !== start + at)) throw new Error('mke2fs made a journal in pieces');
  return { image, area: { start, blocks: numbers.length, blockSize }, blocks };
}
