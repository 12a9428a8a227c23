import {
  type BlockDevice,
  Geometry,
  readSuperblock,
  type Superblock,
  superblockChecksum,
  VolumeError,
} from '@vexfs/fuse/volume';
import {
  crc32c,
  FIRST_INODE,
  FORMAT_VERSION,
  GROUP_DESCRIPTOR_SIZE,
  hasSuperblock,
  INODE_SIZE,
  superblock as layout,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_SIZE,
} from '@vexfs/shared';
import { findWrongByte } from './correct_byte.js';

/** The volume cannot be checked at all: a sentence for the user. */
export class UncheckableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UncheckableError';
  }
}

/** The superblock to work with. */
export interface FoundSuperblock {
  /** 1024 bytes, sealed as the copy of block 0. */
  readonly bytes: Uint8Array;
  /** Why block 0 has to be written anew; undefined when it is in order. */
  readonly reason: string | undefined;
}

const BLOCK_SIZES = [1024, 2048, 4096, 8192, 16384, 32768, 65536];

/**
 * Finds a superblock that can be believed: block 0, the copy that the caller names, or the first good copy. `device` is
 * not written. Throws UncheckableError.
 */
export function findSuperblock(device: BlockDevice, copy?: number): FoundSuperblock {
  if (device.size < SUPERBLOCK_SIZE) throw new UncheckableError('it is too small to hold a volume');
  if (copy !== undefined && copy !== 0) {
    const bytes = readCopy(device, copy);
    if (bytes === undefined) throw new UncheckableError(`block ${copy} holds no copy of a superblock`);
    return { bytes, reason: `the superblock is taken from the copy in block ${copy}` };
  }
  const first = new Uint8Array(SUPERBLOCK_SIZE);
  device.read(0, first);
  let reason: string;
  try {
    const { geometry, unknownRoCompat } = readSuperblock(device);
    const view = new DataView(first.buffer);
    const compat = layout.feature_compat.get(view, 0);
    if (unknownRoCompat !== 0 || compat !== 0) {
      throw new UncheckableError(
        `the volume has features that this program does not know (compat 0x${compat.toString(16)}, ` +
          `ro_compat 0x${unknownRoCompat.toString(16)})`,
      );
    }
    const wrong = wrongPlaces(view, geometry);
    if (wrong === undefined) return { bytes: first, reason: undefined };
    return { bytes: mended(first), reason: wrong };
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    refuseWhatIsSound(device, first, error);
    reason = error.message;
  }
  const found = searchCopies(device);
  if (found !== undefined) {
    return { bytes: found.bytes, reason: `${reason}; the copy in block ${found.block} is sound` };
  }
  const byHand = mendWithoutCopy(device, first);
  if (byHand !== undefined) return { bytes: byHand, reason };
  throw new UncheckableError(`${reason}, and no copy of the superblock was found`);
}

/** A superblock with a right checksum that is refused has a reason that no copy can cure. */
function refuseWhatIsSound(device: BlockDevice, bytes: Uint8Array, error: VolumeError): void {
  const view = new DataView(bytes.buffer);
  if (layout.magic.get(view, 0) !== SUPERBLOCK_MAGIC) return;
  const seed = crc32c(0xffffffff, layout.uuid.of(bytes, 0));
  if (layout.checksum.get(view, 0) !== superblockChecksum(seed, 0, bytes)) return;
  if (layout.version.get(view, 0) !== FORMAT_VERSION || layout.feature_incompat.get(view, 0) !== 0) {
    throw new UncheckableError(error.message);
  }
  if (
    geometryOf(view) !== undefined &&
    device.size < layout.total_blocks.get(view, 0) * layout.block_size.get(view, 0)
  ) {
    throw new UncheckableError(error.message);
  }
}

function geometryOf(view: DataView): Geometry | undefined {
  try {
    return new Geometry({
      blockSize: layout.block_size.get(view, 0),
      totalBlocks: layout.total_blocks.get(view, 0),
      inodesPerGroup: layout.inodes_per_group.get(view, 0),
      journalStart: layout.journal_start.get(view, 0),
      journalBlocks: layout.journal_blocks.get(view, 0),
    });
  } catch {
    return undefined;
  }
}

function wrongPlaces(view: DataView, geometry: Geometry): string | undefined {
  const dataStart = geometry.journalStart + geometry.journalBlocks;
  if (geometry.journalStart !== geometry.metadataBlocks(0)) return 'the journal is not where it has to be';
  if (layout.vector_data_start.get(view, 0) !== dataStart)
    return 'vector_data_start is not behind the journal';
  if (!(layout.index_metadata_start.get(view, 0) < geometry.totalBlocks)) {
    return 'index_metadata_start is past the end of the volume';
  }
  return undefined;
}

/** Fields that follow from others get the value that they can have; counts are set by the check. */
function mended(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const guess = geometryOf(view);
  if (guess === undefined) return copy;
  layout.journal_start.set(view, 0, guess.metadataBlocks(0));
  const geometry = geometryOf(view) ?? guess;
  layout.magic.set(view, 0, SUPERBLOCK_MAGIC);
  layout.version.set(view, 0, FORMAT_VERSION);
  layout.inode_size.set(view, 0, INODE_SIZE);
  layout.group_descriptor_size.set(view, 0, GROUP_DESCRIPTOR_SIZE);
  layout.blocks_per_group.set(view, 0, geometry.blocksPerGroup);
  layout.group_count.set(view, 0, geometry.groupCount);
  layout.inode_count.set(view, 0, geometry.inodeCount);
  layout.first_inode.set(view, 0, FIRST_INODE);
  layout.feature_compat.set(view, 0, 0);
  layout.feature_ro_compat.set(view, 0, 0);
  layout.feature_incompat.set(view, 0, 0);
  layout.vector_data_start.set(view, 0, geometry.journalStart + geometry.journalBlocks);
  for (const count of ['free_blocks', 'reserved_blocks'] as const) {
    if (layout[count].get(view, 0) > geometry.totalBlocks) layout[count].set(view, 0, 0);
  }
  if (layout.free_inodes.get(view, 0) > geometry.inodeCount) layout.free_inodes.set(view, 0, 0);
  if (layout.orphan_head.get(view, 0) > geometry.inodeCount) layout.orphan_head.set(view, 0, 0);
  if (!(layout.index_metadata_start.get(view, 0) < geometry.totalBlocks)) {
    layout.index_metadata_start.set(view, 0, geometry.journalStart + geometry.journalBlocks);
  }
  seal(copy, 0);
  return copy;
}

/** Puts the checksum of the copy in `block` into a superblock. */
export function seal(bytes: Uint8Array, block: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const seed = crc32c(0xffffffff, layout.uuid.of(bytes, 0));
  layout.checksum.set(view, 0, superblockChecksum(seed, block, bytes));
}

/** The copy in a block, whatever the block size is, sealed for block 0. */
function readCopy(device: BlockDevice, block: number): Uint8Array | undefined {
  for (const blockSize of BLOCK_SIZES) {
    const bytes = copyAt(device, block, blockSize);
    if (bytes !== undefined) return bytes;
  }
  return undefined;
}

function copyAt(device: BlockDevice, block: number, blockSize: number): Uint8Array | undefined {
  if ((block + 1) * blockSize > device.size) return undefined;
  let found: Superblock;
  try {
    found = readSuperblock(device, block, blockSize);
  } catch (error) {
    if (error instanceof VolumeError) return undefined;
    throw error;
  }
  if (found.geometry.blockSize !== blockSize) return undefined;
  return mended(found.bytes);
}

interface FoundCopy {
  readonly bytes: Uint8Array;
  readonly block: number;
  readonly hasJournal: boolean;
  /** `format_time`. */
  readonly made: number;
}

/**
 * The copy to work with: one whose journal carries its UUID before others, then the one that was made last. Where a
 * volume was made over another with blocks of another size, copies of the older may still lie among those of the newer.
 */
function searchCopies(device: BlockDevice): FoundCopy | undefined {
  let best: FoundCopy | undefined;
  for (const blockSize of BLOCK_SIZES) {
    const perGroup = blockSize * 8;
    const groups = Math.ceil(device.size / blockSize / perGroup);
    for (let group = 1; group < groups; group = nextCopy(group)) {
      const bytes = copyAt(device, group * perGroup, blockSize);
      if (bytes === undefined) continue;
      const view = new DataView(bytes.buffer);
      const geometry = geometryOf(view);
      const hasJournal = geometry !== undefined && hasJournalOf(device, geometry, bytes);
      const found = { bytes, block: group * perGroup, hasJournal, made: layout.format_time.get(view, 0) };
      if (best === undefined || isBetter(found, best)) best = found;
    }
  }
  return best;
}

function isBetter(copy: FoundCopy, than: FoundCopy): boolean {
  return copy.hasJournal === than.hasJournal ? copy.made > than.made : copy.hasJournal;
}

function nextCopy(group: number): number {
  let next = group + 1;
  while (!hasSuperblock(next)) next += 1;
  return next;
}

/**
 * A volume of one group has no copies. Its block 0 is believed in spite of its checksum when one byte of it explains
 * the difference, or when the journal that it leads to carries its UUID.
 */
function mendWithoutCopy(device: BlockDevice, first: Uint8Array): Uint8Array | undefined {
  const corrected = correctByte(first);
  const candidate = mended(corrected ?? first);
  const view = new DataView(candidate.buffer);
  const geometry = geometryOf(view);
  if (geometry === undefined || geometry.totalBlocks * geometry.blockSize > device.size) return undefined;
  if (corrected === undefined && !hasJournalOf(device, geometry, candidate)) return undefined;
  return candidate;
}

/** s_uuid at byte 48 of the journal's superblock, docs/format.md section 11. */
function hasJournalOf(device: BlockDevice, geometry: Geometry, bytes: Uint8Array): boolean {
  const journal = new Uint8Array(64);
  device.read(geometry.journalStart * geometry.blockSize, journal);
  return Buffer.compare(journal.subarray(48), layout.uuid.of(bytes, 0)) === 0;
}

/**
 * The superblock with the one byte changed that makes its checksum right, if there is one. The UUID, from which the
 * checksum starts, and the checksum itself are among what may have changed.
 */
function correctByte(bytes: Uint8Array): Uint8Array | undefined {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const stored = layout.checksum.get(view, 0);
  const uuid = layout.uuid.of(copy, 0);
  for (let at = 0; at < uuid.length; at++) {
    const kept = uuid[at]!;
    for (let value = 0; value < 256; value++) {
      uuid[at] = value;
      if (superblockChecksum(crc32c(0xffffffff, uuid), 0, copy) === stored) return copy;
    }
    uuid[at] = kept;
  }
  const difference = (superblockChecksum(crc32c(0xffffffff, uuid), 0, copy) ^ stored) >>> 0;
  const isSummed = (at: number): boolean =>
    (at < layout.uuid.offset || at >= layout.uuid.offset + 16) &&
    (at < layout.checksum.offset || at >= layout.checksum.offset + 4);
  const found = findWrongByte(SUPERBLOCK_SIZE, difference, isSummed);
  if (found === undefined) return undefined;
  copy[found.at]! ^= found.xor;
  return copy;
}
