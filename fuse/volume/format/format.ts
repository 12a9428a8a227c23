import {
  crc32c,
  FIRST_INODE,
  FORMAT_VERSION,
  GROUP_BLOCKS_UNINITIALISED,
  GROUP_DESCRIPTOR_SIZE,
  GROUP_INODES_UNINITIALISED,
  groupDescriptor,
  hasSuperblock,
  INODE_SIZE,
  inode,
  ROOT_INODE,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_SIZE,
  superblock,
} from '@vexfs/shared';
import type { BlockDevice } from '../../system/device.js';
import type { Geometry } from '../geometry.js';
import { setBits } from '../groups.js';
import { journalSuperblock } from '../journal/superblock.js';
import { superblockChecksum } from '../superblock.js';
import { clearRange } from './clear.js';
import type { FormatPlan } from './plan.js';

const RESERVED_INODES = FIRST_INODE - 1;
const DIRECTORY_MODE = 0o040755;

/**
 * Makes an empty volume. The device may hold anything before: block 0 is cleared first and the superblock written last,
 * each behind a flush, so a device on which this stopped half-way is not taken for a volume. Nothing is assumed about
 * what the rest reads as. Throws RangeError when the device is smaller than the plan, DeviceError when it fails.
 */
export function formatVolume(device: BlockDevice, plan: FormatPlan): void {
  const { geometry } = plan;
  const { blockSize } = geometry;
  if (device.size < geometry.totalBlocks * blockSize) {
    throw new RangeError(
      `the device has ${device.size} bytes, the volume needs ${geometry.totalBlocks * blockSize}`,
    );
  }
  device.write(0, new Uint8Array(blockSize));
  device.flush();

  // Transactions of a journal that lay here before, under the same UUID, must never look like our own.
  clearRange(device, geometry.journalStart * blockSize, geometry.journalBlocks * blockSize);
  device.write(
    geometry.journalStart * blockSize,
    journalSuperblock({ blocks: geometry.journalBlocks, blockSize, uuid: plan.uuid }),
  );
  const blockBitmap = encodeBlockBitmap(geometry);
  const inodeBitmap = encodeInodeBitmap(geometry);
  device.write(geometry.blockBitmap(0) * blockSize, blockBitmap);
  device.write(geometry.inodeBitmap(0) * blockSize, inodeBitmap);
  device.write(geometry.inodeTable(0) * blockSize, encodeFirstInodes(plan));

  const descriptors = encodeDescriptors(plan, blockBitmap, inodeBitmap);
  device.write(blockSize, descriptors);
  for (let group = 1; group < geometry.groupCount; group++) {
    if (!hasSuperblock(group)) continue;
    const start = geometry.groupStart(group);
    device.write(start * blockSize, encodeFirstSuperblock(plan, start));
    device.write((start + 1) * blockSize, descriptors);
  }
  device.flush();
  device.write(0, encodeFirstSuperblock(plan, 0));
  device.flush();
}

/** Inodes of group 0 whose table blocks are written: the reserved ones, rounded up to whole blocks. */
export function initialisedInodes(geometry: Geometry): number {
  return Math.ceil(RESERVED_INODES / geometry.inodesPerBlock) * geometry.inodesPerBlock;
}

function encodeFirstSuperblock(plan: FormatPlan, block: number): Uint8Array {
  const { geometry } = plan;
  const bytes = new Uint8Array(geometry.blockSize);
  const view = new DataView(bytes.buffer);
  const seconds = Math.floor(plan.time / 1000);
  superblock.magic.set(view, 0, SUPERBLOCK_MAGIC);
  superblock.version.set(view, 0, FORMAT_VERSION);
  superblock.block_size.set(view, 0, geometry.blockSize);
  superblock.inode_size.set(view, 0, INODE_SIZE);
  superblock.total_blocks.set(view, 0, geometry.totalBlocks);
  superblock.free_blocks.set(view, 0, plan.freeBlocks);
  superblock.reserved_blocks.set(view, 0, plan.reservedBlocks);
  superblock.inode_count.set(view, 0, geometry.inodeCount);
  superblock.free_inodes.set(view, 0, plan.freeInodes);
  superblock.blocks_per_group.set(view, 0, geometry.blocksPerGroup);
  superblock.inodes_per_group.set(view, 0, geometry.inodesPerGroup);
  superblock.group_count.set(view, 0, geometry.groupCount);
  superblock.group_descriptor_size.set(view, 0, GROUP_DESCRIPTOR_SIZE);
  superblock.journal_start.set(view, 0, geometry.journalStart);
  superblock.journal_blocks.set(view, 0, geometry.journalBlocks);
  superblock.first_inode.set(view, 0, FIRST_INODE);
  superblock.vector_data_start.set(view, 0, plan.vectorDataStart);
  superblock.index_metadata_start.set(view, 0, plan.indexMetadataStart);
  superblock.uuid.of(bytes, 0).set(plan.uuid);
  superblock.label.of(bytes, 0).set(new TextEncoder().encode(plan.label));
  superblock.hash_key.of(bytes, 0).set(plan.hashKey);
  superblock.format_time.set(view, 0, seconds);
  superblock.write_time.set(view, 0, seconds);
  superblock.checksum.set(view, 0, superblockChecksum(plan.seed, block, bytes.subarray(0, SUPERBLOCK_SIZE)));
  return bytes;
}

/** All descriptors, padded with zeros to whole blocks: the same bytes in every copy. */
function encodeDescriptors(plan: FormatPlan, blockBitmap: Uint8Array, inodeBitmap: Uint8Array): Uint8Array {
  const { geometry, seed } = plan;
  const bytes = new Uint8Array(geometry.descriptorBlocks * geometry.blockSize);
  const view = new DataView(bytes.buffer);
  for (let group = 0; group < geometry.groupCount; group++) {
    const at = group * GROUP_DESCRIPTOR_SIZE;
    const first = group === 0;
    const free = geometry.groupBlocks(group) - geometry.metadataBlocks(group);
    groupDescriptor.free_blocks.set(view, at, first ? free - geometry.journalBlocks : free);
    groupDescriptor.free_inodes.set(view, at, geometry.inodesPerGroup - (first ? RESERVED_INODES : 0));
    if (first) {
      groupDescriptor.used_directories.set(view, at, 1);
      groupDescriptor.initialised_inodes.set(view, at, initialisedInodes(geometry));
      const bitmapSum = (block: number, bitmap: Uint8Array) => crc32c(numbered(seed, block), bitmap);
      groupDescriptor.block_bitmap_checksum.set(view, at, bitmapSum(geometry.blockBitmap(0), blockBitmap));
      groupDescriptor.inode_bitmap_checksum.set(view, at, bitmapSum(geometry.inodeBitmap(0), inodeBitmap));
    } else {
      groupDescriptor.flags.set(view, at, GROUP_BLOCKS_UNINITIALISED | GROUP_INODES_UNINITIALISED);
    }
    // The checksum field is still zero here, as the sum wants it.
    const sum = crc32c(numbered(seed, group), bytes.subarray(at, at + GROUP_DESCRIPTOR_SIZE));
    groupDescriptor.checksum.set(view, at, sum);
  }
  return bytes;
}

function encodeBlockBitmap(geometry: Geometry): Uint8Array {
  const bytes = new Uint8Array(geometry.blockSize);
  setBits(bytes, 0, geometry.journalStart + geometry.journalBlocks);
  setBits(bytes, geometry.groupBlocks(0), geometry.blocksPerGroup - geometry.groupBlocks(0));
  return bytes;
}

function encodeInodeBitmap(geometry: Geometry): Uint8Array {
  const bytes = new Uint8Array(geometry.blockSize);
  setBits(bytes, 0, RESERVED_INODES);
  setBits(bytes, geometry.inodesPerGroup, bytes.length * 8 - geometry.inodesPerGroup);
  return bytes;
}

function encodeFirstInodes(plan: FormatPlan): Uint8Array {
  const bytes = new Uint8Array(initialisedInodes(plan.geometry) * INODE_SIZE);
  const view = new DataView(bytes.buffer);
  const at = (ROOT_INODE - 1) * INODE_SIZE;
  const seconds = Math.floor(plan.time / 1000);
  const nanoseconds = (plan.time - seconds * 1000) * 1_000_000;
  inode.mode.set(view, at, DIRECTORY_MODE);
  inode.links.set(view, at, 2);
  inode.uid.set(view, at, plan.rootUid);
  inode.gid.set(view, at, plan.rootGid);
  for (const stamp of ['atime', 'mtime', 'ctime', 'btime'] as const) {
    inode[stamp].set(view, at, seconds);
    inode[`${stamp}_nsec`].set(view, at, nanoseconds);
  }
  inode.generation.set(view, at, 1);
  inode.parent.set(view, at, ROOT_INODE);
  const generation = bytes.subarray(at + inode.generation.offset, at + inode.generation.offset + 4);
  const sum = crc32c(
    crc32c(numbered(plan.seed, ROOT_INODE), generation),
    bytes.subarray(at, at + INODE_SIZE),
  );
  inode.checksum.set(view, at, sum);
  return bytes;
}

function numbered(seed: number, value: number): number {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return crc32c(seed, bytes);
}
