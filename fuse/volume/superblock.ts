import {
  crc32c,
  FIRST_INODE,
  FORMAT_VERSION,
  GROUP_DESCRIPTOR_SIZE,
  INODE_SIZE,
  KNOWN_INCOMPAT,
  KNOWN_RO_COMPAT,
  superblock as layout,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_SIZE,
} from '@vexfs/shared';
import type { BlockDevice } from '../system/device.js';
import { VolumeError } from './errors.js';
import { Geometry } from './geometry.js';

/** The superblock, decoded: what never changes, and the numbers that every transaction may change. */
export interface Superblock {
  readonly geometry: Geometry;
  /** crc32c(~0, uuid): the seed of every checksum on the volume. */
  readonly seed: number;
  readonly uuid: Uint8Array;
  readonly label: string;
  readonly hashKey: Uint8Array;
  readonly reservedBlocks: number;
  readonly reservedUid: number;
  readonly reservedGid: number;
  readonly vectorDataStart: number;
  readonly indexMetadataStart: number;
  readonly unknownRoCompat: number;
  /** The bytes as read; changing fields are written back into them. */
  readonly bytes: Uint8Array;
  freeBlocks: number;
  freeInodes: number;
  orphanHead: number;
  state: number;
}

/** crc32c over the copy's 64-bit block number and its 1024 bytes with the field zero. */
export function superblockChecksum(seed: number, block: number, bytes: Uint8Array): number {
  const copy = bytes.slice(0, SUPERBLOCK_SIZE);
  new DataView(copy.buffer).setUint32(layout.checksum.offset, 0, true);
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(block), true);
  return crc32c(crc32c(seed, number), copy);
}

function nameForeign(device: BlockDevice): string {
  const probe = new Uint8Array(4096);
  if (device.size < 4096) return 'it is too small to hold a volume';
  device.read(0, probe);
  const view = new DataView(probe.buffer);
  if (view.getUint16(1024 + 0x38, true) === 0xef53) return 'it holds an ext2, ext3 or ext4 filesystem';
  if (view.getUint32(0, false) === 0x58465342) return 'it holds an XFS filesystem';
  if (view.getUint16(510, true) === 0xaa55) return 'it holds a partition table or a boot sector';
  return 'it carries no vexfs superblock';
}

/**
 * Reads and checks the superblock copy in `block` (0 is the first; the block size is needed for any other).
 * Throws VolumeError with a sentence.
 */
export function readSuperblock(device: BlockDevice, block = 0, blockSize = 0): Superblock {
  if (device.size < block * blockSize + SUPERBLOCK_SIZE)
    throw new VolumeError('it is too small to hold a volume');
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  device.read(block * blockSize, bytes);
  const view = new DataView(bytes.buffer);
  if (layout.magic.get(view, 0) !== SUPERBLOCK_MAGIC) {
    throw new VolumeError(
      `not a vexfs volume: ${block === 0 ? nameForeign(device) : 'no superblock copy there'}`,
    );
  }
  const uuid = layout.uuid.of(bytes, 0).slice();
  const seed = crc32c(0xffffffff, uuid);
  if (layout.checksum.get(view, 0) !== superblockChecksum(seed, block, bytes)) {
    throw new VolumeError('the superblock is damaged (wrong checksum): run fsck.vexfs on it');
  }
  const version = layout.version.get(view, 0);
  if (version !== FORMAT_VERSION) {
    throw new VolumeError(
      `the volume has format version ${version}, this program knows ${FORMAT_VERSION}: use a newer one`,
    );
  }
  const incompat = layout.feature_incompat.get(view, 0) & ~KNOWN_INCOMPAT;
  if (incompat !== 0) {
    throw new VolumeError(
      `the volume uses features that this program does not know (incompat 0x${(incompat >>> 0).toString(16)}): use a newer one`,
    );
  }
  let geometry: Geometry;
  try {
    geometry = new Geometry({
      blockSize: layout.block_size.get(view, 0),
      totalBlocks: layout.total_blocks.get(view, 0),
      inodesPerGroup: layout.inodes_per_group.get(view, 0),
      journalStart: layout.journal_start.get(view, 0),
      journalBlocks: layout.journal_blocks.get(view, 0),
    });
  } catch (error) {
    throw new VolumeError(`the superblock is damaged: ${(error as Error).message}`);
  }
  const consistent =
    layout.inode_size.get(view, 0) === INODE_SIZE &&
    layout.group_descriptor_size.get(view, 0) === GROUP_DESCRIPTOR_SIZE &&
    layout.blocks_per_group.get(view, 0) === geometry.blocksPerGroup &&
    layout.group_count.get(view, 0) === geometry.groupCount &&
    layout.inode_count.get(view, 0) === geometry.inodeCount &&
    layout.first_inode.get(view, 0) === FIRST_INODE &&
    layout.free_blocks.get(view, 0) <= geometry.totalBlocks &&
    layout.free_inodes.get(view, 0) <= geometry.inodeCount &&
    layout.reserved_blocks.get(view, 0) <= geometry.totalBlocks &&
    layout.orphan_head.get(view, 0) <= geometry.inodeCount;
  if (!consistent) throw new VolumeError('the superblock is damaged: its numbers contradict each other');
  if (device.size < geometry.totalBlocks * geometry.blockSize) {
    throw new VolumeError(
      `the volume is cut off: it has ${geometry.totalBlocks * geometry.blockSize} bytes, its device only ${device.size}`,
    );
  }
  const label = layout.label.of(bytes, 0);
  const end = label.indexOf(0);
  return {
    geometry,
    seed,
    uuid,
    label: new TextDecoder().decode(label.subarray(0, end < 0 ? label.length : end)),
    hashKey: layout.hash_key.of(bytes, 0).slice(),
    reservedBlocks: layout.reserved_blocks.get(view, 0),
    reservedUid: layout.reserved_uid.get(view, 0),
    reservedGid: layout.reserved_gid.get(view, 0),
    vectorDataStart: layout.vector_data_start.get(view, 0),
    indexMetadataStart: layout.index_metadata_start.get(view, 0),
    unknownRoCompat: layout.feature_ro_compat.get(view, 0) & ~KNOWN_RO_COMPAT,
    bytes,
    freeBlocks: layout.free_blocks.get(view, 0),
    freeInodes: layout.free_inodes.get(view, 0),
    orphanHead: layout.orphan_head.get(view, 0),
    state: layout.state.get(view, 0),
  };
}

/** Brings the changing fields into a block's bytes and seals them as the copy in block 0. */
export function encodeSuperblock(superblock: Superblock, into: Uint8Array, mountTime?: number): void {
  const { bytes } = superblock;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  layout.free_blocks.set(view, 0, superblock.freeBlocks);
  layout.free_inodes.set(view, 0, superblock.freeInodes);
  layout.orphan_head.set(view, 0, superblock.orphanHead);
  layout.state.set(view, 0, superblock.state);
  layout.write_time.set(view, 0, Math.floor(Date.now() / 1000));
  if (mountTime !== undefined) {
    layout.mount_time.set(view, 0, mountTime);
    layout.mount_count.set(view, 0, layout.mount_count.get(view, 0) + 1);
  }
  layout.checksum.set(view, 0, superblockChecksum(superblock.seed, 0, bytes));
  into.set(bytes);
}
