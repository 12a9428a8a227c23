import { randomBytes } from 'node:crypto';
import {
  crc32c,
  FIRST_INODE,
  GROUP_DESCRIPTOR_SIZE,
  hasSuperblock,
  INODE_SIZE,
  MAX_BLOCK_SIZE,
  MIN_BLOCK_SIZE,
  MIN_JOURNAL_BLOCKS,
  superblock,
} from '@vexfs/shared';
import { Geometry } from '../geometry.js';

export const DEFAULT_BLOCK_SIZE = 4096;
/** Bytes of the volume for which one inode is made. */
export const DEFAULT_BYTES_PER_INODE = 16384;
export const DEFAULT_RESERVED_PERCENT = 5;
export const MAX_RESERVED_PERCENT = 50;
export const MAX_LABEL_BYTES = superblock.label.size;

/** Blocks that a group must have behind its fixed metadata; group 0 behind its journal. */
const LEAST_DATA_BLOCKS = 8;
/** The reserved inodes all lie in group 0, whatever density is asked for. */
const LEAST_INODES_PER_GROUP = 16;
const MAX_INODES = 0xffffffff;
const MIB = 1024 * 1024;

/** What may be chosen when a volume is made. Everything but the size has a default. */
export interface FormatChoices {
  /** Bytes of the device; what does not fill a block or a usable group stays outside of the volume. */
  readonly sizeBytes: number;
  readonly blockSize?: number;
  readonly bytesPerInode?: number;
  /** At least this many inodes (rounded up to whole table blocks in every group); wins over bytesPerInode. */
  readonly inodes?: number;
  readonly journalBytes?: number;
  /** Percent of the blocks that only the reserved user may take; 0 to 50, fractions allowed. */
  readonly reservedPercent?: number;
  /** 16 bytes; random (RFC 9562 version 4) by default. */
  readonly uuid?: Uint8Array;
  /** At most 64 bytes of UTF-8 without control characters. */
  readonly label?: string;
  /** 16 bytes that key the hash of names; random by default. */
  readonly hashKey?: Uint8Array;
  /** Milliseconds since the epoch; now by default. */
  readonly time?: number;
  /** Owner of the root directory; 0 by default. */
  readonly rootUid?: number;
  readonly rootGid?: number;
}

/** A volume that is about to be made: every number that formatVolume writes. */
export interface FormatPlan {
  readonly geometry: Geometry;
  readonly uuid: Uint8Array;
  /** crc32c(~0, uuid). */
  readonly seed: number;
  readonly hashKey: Uint8Array;
  readonly label: string;
  readonly time: number;
  readonly rootUid: number;
  readonly rootGid: number;
  readonly reservedBlocks: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly vectorDataStart: number;
  readonly indexMetadataStart: number;
}

/**
 * Lays out a volume. Throws RangeError with a sentence for the user when a choice is out of its range or the device is
 * too small (4.2 MiB with blocks of 4096 bytes, 1.1 MiB with 1024, 66 MiB with 65536, all by default) or too large for it.
 */
export function planFormat(choices: FormatChoices): FormatPlan {
  const blockSize = choices.blockSize ?? DEFAULT_BLOCK_SIZE;
  if (!(blockSize >= MIN_BLOCK_SIZE && blockSize <= MAX_BLOCK_SIZE) || (blockSize & (blockSize - 1)) !== 0) {
    throw new RangeError(
      `a block size of ${blockSize} is not a power of two from ${MIN_BLOCK_SIZE} to ${MAX_BLOCK_SIZE}`,
    );
  }
  if (!Number.isSafeInteger(choices.sizeBytes) || choices.sizeBytes < 0) {
    throw new RangeError(`${choices.sizeBytes} is not a size in bytes`);
  }
  const label = checkLabel(choices.label ?? '');
  const uuid = sixteenBytes(choices.uuid ?? randomUuid(), 'a UUID').slice();
  const hashKey = sixteenBytes(choices.hashKey ?? randomBytes(16), 'a hash key').slice();
  const time = choices.time ?? Date.now();
  if (!Number.isSafeInteger(time)) throw new RangeError(`${time} is not a time in milliseconds`);
  const percent = choices.reservedPercent ?? DEFAULT_RESERVED_PERCENT;
  if (!(percent >= 0 && percent <= MAX_RESERVED_PERCENT)) {
    throw new RangeError(`${percent} percent of reserved blocks are outside of 0 to ${MAX_RESERVED_PERCENT}`);
  }

  const { totalBlocks, inodesPerGroup } = layGroups(choices, blockSize);
  const geometry = placeJournal(choices, blockSize, totalBlocks, inodesPerGroup);
  return {
    geometry,
    uuid,
    seed: crc32c(0xffffffff, uuid),
    hashKey,
    label,
    time,
    rootUid: choices.rootUid ?? 0,
    rootGid: choices.rootGid ?? 0,
    reservedBlocks: Math.floor((geometry.totalBlocks * percent) / 100),
    freeBlocks: countFreeBlocks(geometry),
    freeInodes: geometry.inodeCount - (FIRST_INODE - 1),
    vectorDataStart: geometry.journalStart + geometry.journalBlocks,
    indexMetadataStart: indexGoal(geometry),
  };
}

/** How many blocks and inodes: a last group too small for its own metadata is left out. */
function layGroups(
  choices: FormatChoices,
  blockSize: number,
): { totalBlocks: number; inodesPerGroup: number } {
  const perGroup = blockSize * 8;
  let totalBlocks = Math.floor(choices.sizeBytes / blockSize);
  // Leaving out a group changes what the others hold, which can at most leave out another one.
  for (;;) {
    const groups = Math.ceil(totalBlocks / perGroup);
    if (groups === 0) throw tooSmall(choices, blockSize);
    const inodesPerGroup = spreadInodes(choices, blockSize, totalBlocks, groups);
    if (groups === 1) return { totalBlocks, inodesPerGroup };
    const least = fixedBlocks(groups - 1, groups, blockSize, inodesPerGroup) + LEAST_DATA_BLOCKS;
    if (totalBlocks - (groups - 1) * perGroup >= least) return { totalBlocks, inodesPerGroup };
    totalBlocks = (groups - 1) * perGroup;
  }
}

/** Blocks of a group's fixed metadata, as Geometry counts them, before there is one. */
function fixedBlocks(group: number, groups: number, blockSize: number, inodesPerGroup: number): number {
  const copy = hasSuperblock(group) ? 1 + Math.ceil((groups * GROUP_DESCRIPTOR_SIZE) / blockSize) : 0;
  return copy + 2 + (inodesPerGroup * INODE_SIZE) / blockSize;
}

function spreadInodes(
  choices: FormatChoices,
  blockSize: number,
  totalBlocks: number,
  groups: number,
): number {
  const perBlock = blockSize / INODE_SIZE;
  const bitmap = blockSize * 8;
  let wanted: number;
  if (choices.inodes !== undefined) {
    wanted = choices.inodes;
    if (!Number.isSafeInteger(wanted) || wanted < LEAST_INODES_PER_GROUP || wanted > MAX_INODES) {
      throw new RangeError(`${wanted} inodes are outside of ${LEAST_INODES_PER_GROUP} to ${MAX_INODES}`);
    }
    if (Math.ceil(wanted / groups) > bitmap) {
      throw new RangeError(
        `${wanted} inodes are more than the ${groups * bitmap} that ${groups} groups can hold`,
      );
    }
  } else {
    const bytesPerInode = choices.bytesPerInode ?? DEFAULT_BYTES_PER_INODE;
    if (!Number.isSafeInteger(bytesPerInode) || bytesPerInode < 1024 || bytesPerInode > 64 * MIB) {
      throw new RangeError(`${bytesPerInode} bytes for an inode are outside of 1024 to ${64 * MIB}`);
    }
    wanted = Math.ceil((totalBlocks * blockSize) / bytesPerInode);
  }
  const roundedUp = Math.ceil(Math.ceil(wanted / groups) / perBlock) * perBlock;
  const most = Math.min(bitmap, Math.floor(MAX_INODES / groups / perBlock) * perBlock);
  const least = Math.ceil(LEAST_INODES_PER_GROUP / perBlock) * perBlock;
  return Math.max(least, Math.min(roundedUp, most));
}

function placeJournal(
  choices: FormatChoices,
  blockSize: number,
  totalBlocks: number,
  inodesPerGroup: number,
): Geometry {
  const perGroup = blockSize * 8;
  const groups = Math.ceil(totalBlocks / perGroup);
  const metadata = fixedBlocks(0, groups, blockSize, inodesPerGroup);
  const first = Math.min(perGroup, totalBlocks);
  const room = first - metadata - LEAST_DATA_BLOCKS;
  if (room < MIN_JOURNAL_BLOCKS) {
    if (groups === 1) throw tooSmall(choices, blockSize);
    throw new RangeError(
      `with blocks of ${blockSize} bytes the group descriptors of ${groups} groups and ${inodesPerGroup} inodes a ` +
        'group leave no room for the journal: choose larger blocks or fewer inodes',
    );
  }
  let journalBlocks: number;
  if (choices.journalBytes !== undefined) {
    journalBlocks = Math.floor(choices.journalBytes / blockSize);
    if (!(journalBlocks >= MIN_JOURNAL_BLOCKS && journalBlocks <= room)) {
      throw new RangeError(
        `a journal of ${choices.journalBytes} bytes is outside of ${MIN_JOURNAL_BLOCKS * blockSize} to ` +
          `${room * blockSize}, which fit this volume`,
      );
    }
  } else {
    const bytes = totalBlocks * blockSize;
    const usual = bytes < 128 * MIB ? 1024 : bytes < 1024 * MIB ? 4096 : 16384;
    // Half of group 0 stays for files, as far as the smallest journal allows it.
    const half = Math.floor(first / 2) - metadata;
    journalBlocks = Math.max(MIN_JOURNAL_BLOCKS, Math.min(usual, half));
  }
  return new Geometry({ blockSize, totalBlocks, inodesPerGroup, journalStart: metadata, journalBlocks });
}

function tooSmall(choices: FormatChoices, blockSize: number): RangeError {
  const advice = blockSize > 1024 ? ', or choose smaller blocks' : '';
  let blocks = MIN_JOURNAL_BLOCKS + LEAST_DATA_BLOCKS;
  // A larger volume has more inodes and so a larger table; the fixed point is reached in a few steps.
  for (;;) {
    const metadata = fixedBlocks(0, 1, blockSize, spreadInodes(choices, blockSize, blocks, 1));
    const needed = metadata + MIN_JOURNAL_BLOCKS + LEAST_DATA_BLOCKS;
    if (needed <= blocks) break;
    blocks = needed;
  }
  return new RangeError(
    `too small: with blocks of ${blockSize} bytes a volume takes ${blocks * blockSize} bytes or more${advice}`,
  );
}

function countFreeBlocks(geometry: Geometry): number {
  let used = geometry.journalBlocks;
  for (let group = 0; group < geometry.groupCount; group++) used += geometry.metadataBlocks(group);
  return geometry.totalBlocks - used;
}

/** Row logs and graphs start amid the volume, where they stay near files on both sides. */
function indexGoal(geometry: Geometry): number {
  if (geometry.groupCount === 1) {
    const start = geometry.journalStart + geometry.journalBlocks;
    return start + Math.floor(((geometry.totalBlocks - start) * 3) / 4);
  }
  const middle = Math.floor(geometry.groupCount / 2);
  return geometry.groupStart(middle) + geometry.metadataBlocks(middle);
}

function checkLabel(label: string): string {
  const length = new TextEncoder().encode(label).length;
  if (length > MAX_LABEL_BYTES) {
    throw new RangeError(`the label takes ${length} bytes, more than ${MAX_LABEL_BYTES}`);
  }
  for (const character of label) {
    const code = character.codePointAt(0)!;
    if (code < 32 || (code >= 127 && code < 160))
      throw new RangeError('the label contains a control character');
  }
  return label;
}

function sixteenBytes(bytes: Uint8Array, what: string): Uint8Array {
  if (bytes.length !== 16) throw new RangeError(`${what} has 16 bytes, not ${bytes.length}`);
  return bytes;
}

function randomUuid(): Uint8Array {
  const bytes = new Uint8Array(randomBytes(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
}
