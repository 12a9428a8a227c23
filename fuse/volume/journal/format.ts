/**
 * The structures of a jbd2 journal (include/linux/jbd2.h, Documentation/filesystems/ext4/journal.rst of the kernel),
 * big-endian, in the one dialect that VexFS uses: superblock version 2, REVOKE | 64BIT | CSUM_V3.
 *
 *     block 0          superblock
 *     block first..    the log, a ring of transactions:
 *                      [revoke]* ([descriptor] [data]+)* [commit]
 */
import { be16, be32, be64, bytes, crc32c, crc32cBe32, struct, u8 } from '@vexfs/shared';

export const MAGIC = 0xc03b3998;

export const DESCRIPTOR = 1;
export const COMMIT = 2;
export const SUPERBLOCK_V2 = 4;
export const REVOKE = 5;

export const INCOMPAT_REVOKE = 0x1;
export const INCOMPAT_64BIT = 0x2;
export const INCOMPAT_CSUM_V3 = 0x10;
export const INCOMPAT = INCOMPAT_REVOKE | INCOMPAT_64BIT | INCOMPAT_CSUM_V3;
/** The older checksum of whole transactions; jbd2 refuses it beside CSUM_V3. */
export const COMPAT_CHECKSUM = 0x1;
export const CHECKSUM_CRC32C = 4;

/** The first word of the logged block was the magic and is stored as zero. */
export const TAG_ESCAPED = 1;
/** No UUID follows the tag. */
export const TAG_SAME_UUID = 2;
export const TAG_LAST = 8;

export const SUPERBLOCK_BYTES = 1024;
export const HEADER_BYTES = 12;
export const TAG_BYTES = 16;
export const UUID_BYTES = 16;
/** The checksum that ends descriptor and revoke blocks. */
export const TAIL_BYTES = 4;
export const REVOKE_HEADER_BYTES = 16;
export const REVOKE_RECORD_BYTES = 8;
/** jbd2 mounts no journal with fewer blocks. */
export const MIN_BLOCKS = 1024;

export const header = struct('journal_header_s', HEADER_BYTES, {
  magic: be32(0),
  blocktype: be32(4),
  sequence: be32(8),
});

export const superblock = struct('journal_superblock_s', SUPERBLOCK_BYTES, {
  magic: be32(0),
  blocktype: be32(4),
  header_sequence: be32(8),
  /** Bytes of a block. */
  blocksize: be32(12),
  /** Blocks of the journal, this one included. */
  maxlen: be32(16),
  /** First block of the log. */
  first: be32(20),
  /** The transaction that is expected at `start`; of a clean journal, one that no later transaction may repeat. */
  sequence: be32(24),
  /** Where the oldest transaction begins that may have to be replayed; 0: the journal is clean. */
  start: be32(28),
  /** Errno (negative) that an aborted journal was left with. */
  errno: be32(32),
  feature_compat: be32(36),
  feature_incompat: be32(40),
  feature_ro_compat: be32(44),
  uuid: bytes(48, UUID_BYTES),
  nr_users: be32(64),
  dynsuper: be32(68),
  max_transaction: be32(72),
  max_trans_data: be32(76),
  checksum_type: u8(80),
  num_fc_blocks: be32(84),
  head: be32(88),
  /** crc32c(~0) of these 1,024 bytes with this field zero. */
  checksum: be32(252),
  users: bytes(256, 768),
});

/** journal_block_tag3_t; the UUID follows the first tag of a block. */
export const tag = struct('journal_block_tag3_s', TAG_BYTES, {
  block_low: be32(0),
  flags: be32(4),
  block_high: be32(8),
  /** crc32c(seed) of the big-endian sequence and the block as it lies in the log. */
  checksum: be32(12),
});

export const revokeHeader = struct('jbd2_journal_revoke_header_s', REVOKE_HEADER_BYTES, {
  magic: be32(0),
  blocktype: be32(4),
  sequence: be32(8),
  /** Bytes of the block that are used, this header included. */
  count: be32(12),
});

/** One record of a revoke block. */
export const revokeRecord = struct('jbd2_revoke_record', REVOKE_RECORD_BYTES, { block: be64(0) });

export const commitHeader = struct('commit_header', 64, {
  magic: be32(0),
  blocktype: be32(4),
  sequence: be32(8),
  checksum_type: u8(12),
  checksum_size: u8(13),
  padding: be16(14),
  /** crc32c(seed) of the whole block with this field zero; seven more words are reserved. */
  checksum: be32(16),
  commit_sec: be64(48),
  commit_nsec: be32(56),
});

const ZERO_WORD = new Uint8Array(4);

/** The seed of every checksum in the log. */
export function seedOf(uuid: Uint8Array): number {
  return crc32c(0xffffffff, uuid);
}

/** The checksum of `block` as it is with the four bytes at `field` zero; the block is left alone. */
export function sumWithout(seed: number, block: Uint8Array, field: number): number {
  const before = crc32c(seed, block.subarray(0, field));
  return crc32c(crc32c(before, ZERO_WORD), block.subarray(field + 4));
}

/** The checksum a tag carries for `data`, the block as it lies in the log. */
export function dataSum(seed: number, sequence: number, data: Uint8Array): number {
  return crc32c(crc32cBe32(seed, sequence), data);
}

/** Where a control block of this type keeps its checksum. */
export function checksumOffset(blocktype: number, blockSize: number): number {
  return blocktype === COMMIT ? commitHeader.checksum.offset : blockSize - TAIL_BYTES;
}

/** Whether the checksum of a descriptor, revoke or commit block is right. */
export function isAuthentic(seed: number, block: Uint8Array, view: DataView, blocktype: number): boolean {
  const field = checksumOffset(blocktype, block.length);
  return view.getUint32(field) === sumWithout(seed, block, field);
}

/** Tags that fit a descriptor block which names the UUID once. */
export function tagsPerBlock(blockSize: number): number {
  return Math.floor((blockSize - HEADER_BYTES - UUID_BYTES - TAIL_BYTES) / TAG_BYTES);
}

/** Records that fit a revoke block. */
export function revokesPerBlock(blockSize: number): number {
  return Math.floor((blockSize - REVOKE_HEADER_BYTES - TAIL_BYTES) / REVOKE_RECORD_BYTES);
}

/** Sequence numbers are 32 bits and go round: the one after. */
export function nextSequence(sequence: number): number {
  return (sequence + 1) >>> 0;
}

/** How far `later` is ahead of `earlier`, in -2^31..2^31-1. */
export function sequenceDistance(later: number, earlier: number): number {
  return (later - earlier) | 0;
}

export function viewOf(block: Uint8Array): DataView {
  return new DataView(block.buffer, block.byteOffset, block.byteLength);
}
