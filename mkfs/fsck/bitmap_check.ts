import { encodeSuperblock, initialisedInodes, testBit } from '@vexfs/fuse/volume';
import {
  crc32c,
  FIRST_INODE,
  GROUP_BLOCKS_UNINITIALISED,
  GROUP_INODES_UNINITIALISED,
  INODE_SIZE,
  SUPERBLOCK_SIZE,
} from '@vexfs/shared';
import type { Check } from './check.js';
import type { Descriptor } from './group_table.js';
import { TYPE } from './inode_map.js';
import { countBits, emptyBlockBitmap } from './usage_map.js';

const RESERVED = FIRST_INODE - 1;

/**
 * Pass 3: bitmaps, descriptors and the superblock's counts against what the first two passes have found. Afterwards the
 * volume can be opened.
 */
export function checkBitmaps(check: Check): void {
  const { geometry, superblock } = check;
  const directories = new Uint32Array(geometry.groupCount);
  for (const number of check.directories) directories[geometry.groupOfInode(number)]! += 1;
  let freeBlocks = 0;
  let freeInodes = 0;
  for (let group = 0; group < geometry.groupCount; group++) {
    const expected = checkGroup(check, group, directories[group]!);
    freeBlocks += expected.free_blocks;
    freeInodes += expected.free_inodes;
  }
  check.blocksInUse = geometry.totalBlocks - freeBlocks;
  const wrong: string[] = [];
  if (superblock.freeBlocks !== freeBlocks) {
    wrong.push(`${freeBlocks} blocks are free and ${superblock.freeBlocks} are counted`);
  }
  if (superblock.freeInodes !== freeInodes) {
    wrong.push(`${freeInodes} inodes are free and ${superblock.freeInodes} are counted`);
  }
  for (const message of wrong) {
    check.find({
      code: 'free-count',
      message: `on the volume ${message}`,
      repair: 'set the count',
      safe: true,
    });
  }
  superblock.freeBlocks = freeBlocks;
  superblock.freeInodes = freeInodes;
  check.progress('Checking bitmaps', 1, 1);
}

/** Brings the numbers that the check has in memory into block 0. */
export function writeSuperblock(check: Check): void {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  encodeSuperblock(check.superblock, bytes);
  check.device.write(0, bytes);
}

function checkGroup(check: Check, group: number, directories: number): Descriptor {
  const { groups } = check;
  const sound = groups.isSound(group);
  const found = groups.get(group);
  const expected: Descriptor = sound ? { ...found } : { ...found, flags: 0, initialised_inodes: 0 };
  checkBlockBitmap(check, group, sound, expected);
  checkInodeBitmap(check, group, sound, expected);
  expected.used_directories = directories;
  initialise(check, group, sound, expected);
  if (sound) {
    for (const [field, what] of [
      ['free_blocks', 'free blocks'],
      ['free_inodes', 'free inodes'],
      ['used_directories', 'directories'],
    ] as const) {
      if (found[field] === expected[field]) continue;
      check.find({
        code: 'free-count',
        message: `group ${group} has ${expected[field]} ${what} and counts ${found[field]}`,
        repair: 'set the count',
        safe: true,
        group,
      });
    }
  }
  const fields = Object.keys(expected) as Array<keyof Descriptor>;
  if (!sound || fields.some((field) => expected[field] !== found[field])) groups.set(group, expected);
  return expected;
}

function checkBlockBitmap(check: Check, group: number, sound: boolean, expected: Descriptor): void {
  const { geometry, usage } = check;
  const untouched = usage.isUntouched(group);
  const isLazy = sound && (expected.flags & GROUP_BLOCKS_UNINITIALISED) !== 0;
  if (untouched && isLazy && group !== 0) {
    expected.free_blocks = geometry.groupBlocks(group) - geometry.metadataBlocks(group);
    return;
  }
  const bits = untouched ? emptyBlockBitmap(geometry, group) : usage.bitmap(group);
  const blocks = geometry.groupBlocks(group);
  expected.free_blocks = blocks - countBits(bits, blocks);
  if (isLazy && group !== 0 && Buffer.compare(bits, emptyBlockBitmap(geometry, group)) === 0) return;
  const number = geometry.blockBitmap(group);
  const what = { group, number, bits, first: geometry.groupStart(group), name: 'block' as const };
  expected.block_bitmap_checksum = compare(check, what, sound, isLazy, expected.block_bitmap_checksum);
  expected.flags &= ~GROUP_BLOCKS_UNINITIALISED;
}

function checkInodeBitmap(check: Check, group: number, sound: boolean, expected: Descriptor): void {
  const { geometry, inodes } = check;
  const isLazy = sound && (expected.flags & GROUP_INODES_UNINITIALISED) !== 0;
  if (isLazy && group > 0 && inodes.isUntouched(group)) {
    expected.free_inodes = geometry.inodesPerGroup;
    return;
  }
  const bits = new Uint8Array(geometry.blockSize);
  inodes.fillBitmap(group, bits, RESERVED);
  expected.free_inodes = geometry.inodesPerGroup - countBits(bits, geometry.inodesPerGroup);
  if (isLazy && expected.free_inodes === geometry.inodesPerGroup) return;
  const number = geometry.inodeBitmap(group);
  const first = group * geometry.inodesPerGroup + 1;
  const what = { group, number, bits, first, name: 'inode' as const };
  expected.inode_bitmap_checksum = compare(check, what, sound, isLazy, expected.inode_bitmap_checksum);
  expected.flags &= ~GROUP_INODES_UNINITIALISED;
}

interface Bitmap {
  readonly group: number;
  /** Block in which it lies. */
  readonly number: number;
  /** What it has to be. */
  readonly bits: Uint8Array;
  /** What its bit 0 stands for. */
  readonly first: number;
  readonly name: 'block' | 'inode';
}

/** Compares a bitmap on the volume, mends it, and returns its checksum. */
function compare(check: Check, bitmap: Bitmap, sound: boolean, isLazy: boolean, sum: number): number {
  const { number, bits, group, name } = bitmap;
  const { blockSize } = check.geometry;
  const found = new Uint8Array(blockSize);
  if (!isLazy) check.device.read(number * blockSize, found);
  const right = crc32c(check.store.seedFor(number), bits);
  const equal = !isLazy && Buffer.compare(found, bits) === 0;
  if (equal && (right === sum || !sound)) return right;
  const difference = equal ? 'has a wrong checksum' : isLazy ? 'is marked unused' : describe(found, bitmap);
  check.find({
    code: `${name}-bitmap`,
    message: `the ${name} bitmap of group ${group} ${difference}`,
    repair: 'write it anew',
    safe: true,
    group,
  });
  check.device.write(number * blockSize, bits);
  return right;
}

/** Which bits differ: their number and the first of each kind. */
function describe(found: Uint8Array, { bits, first, name }: Bitmap): string {
  let missing = 0;
  let extra = 0;
  let firstMissing = 0;
  let firstExtra = 0;
  for (let bit = 0; bit < bits.length * 8; bit++) {
    const has = testBit(found, bit);
    if (has === testBit(bits, bit)) continue;
    if (has) {
      if (extra === 0) firstExtra = first + bit;
      extra += 1;
    } else {
      if (missing === 0) firstMissing = first + bit;
      missing += 1;
    }
  }
  const parts: string[] = [];
  if (missing > 0) parts.push(`has ${missing} ${name}s in use as free (the first is ${firstMissing})`);
  if (extra > 0) parts.push(`has ${extra} free ${name}s in use (the first is ${firstExtra})`);
  return parts.join(' and ');
}

/** Raises `initialised_inodes` over every inode in use; what then counts as initialised and is not in use is zeroed. */
function initialise(check: Check, group: number, sound: boolean, expected: Descriptor): void {
  const { geometry, inodes } = check;
  const known = sound ? expected.initialised_inodes : 0;
  let last = known;
  if (!inodes.isUntouched(group)) {
    for (let index = geometry.inodesPerGroup - 1; index >= known; index--) {
      if ((inodes.state(group * geometry.inodesPerGroup + index + 1) & TYPE) === 0) continue;
      last = index + 1;
      break;
    }
  }
  if (group === 0) last = Math.max(last, initialisedInodes(geometry));
  const { inodesPerBlock } = geometry;
  expected.initialised_inodes = Math.ceil(last / inodesPerBlock) * inodesPerBlock;
  const zeros = new Uint8Array(INODE_SIZE);
  const bytes = new Uint8Array(INODE_SIZE);
  for (let index = known; index < expected.initialised_inodes; index++) {
    const number = group * geometry.inodesPerGroup + index + 1;
    if (inodes.type(number) !== 0) continue;
    check.device.read(check.inodePosition(number), bytes);
    if (Buffer.compare(bytes, zeros) !== 0) check.clearInode(number);
  }
}
