import {
  GROUP_DESCRIPTOR_SIZE,
  hasSuperblock,
  INODE_SIZE,
  MAX_BLOCK_SIZE,
  MIN_BLOCK_SIZE,
  MIN_JOURNAL_BLOCKS,
} from '@vexfs/shared';

export interface GeometryInput {
  readonly blockSize: number;
  readonly totalBlocks: number;
  readonly inodesPerGroup: number;
  readonly journalStart: number;
  readonly journalBlocks: number;
}

/** The reserved inodes all lie in group 0. */
const LEAST_INODES = 16;
/** The smallest number of blocks that the last group may have behind its own metadata. */
const LEAST_DATA_BLOCKS = 8;

/**
 * Where everything with a fixed place lies. Computed from four numbers of the superblock, so that no pointer to a
 * bitmap or an inode table has to be trusted. Block numbers, inode numbers and counts are plain numbers.
 */
export class Geometry {
  readonly blockSize: number;
  readonly totalBlocks: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly groupCount: number;
  readonly inodeCount: number;
  readonly inodesPerBlock: number;
  /** Blocks of one inode table. */
  readonly tableBlocks: number;
  /** Blocks of one copy of the group descriptors. */
  readonly descriptorBlocks: number;
  readonly descriptorsPerBlock: number;
  readonly journalStart: number;
  readonly journalBlocks: number;

  /** Throws RangeError with a sentence when the numbers do not describe a volume. */
  constructor(input: GeometryInput) {
    const { blockSize, totalBlocks, inodesPerGroup, journalStart, journalBlocks } = input;
    if (blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE || (blockSize & (blockSize - 1)) !== 0) {
      throw new RangeError(
        `a block size of ${blockSize} is not a power of two from ${MIN_BLOCK_SIZE} to ${MAX_BLOCK_SIZE}`,
      );
    }
    if (!Number.isSafeInteger(totalBlocks * blockSize) || totalBlocks < 1) {
      throw new RangeError(`${totalBlocks} blocks are outside of what can be addressed`);
    }
    this.blockSize = blockSize;
    this.totalBlocks = totalBlocks;
    this.blocksPerGroup = blockSize * 8;
    this.inodesPerBlock = blockSize / INODE_SIZE;
    this.descriptorsPerBlock = blockSize / GROUP_DESCRIPTOR_SIZE;
    if (
      inodesPerGroup < LEAST_INODES ||
      inodesPerGroup < this.inodesPerBlock ||
      inodesPerGroup > blockSize * 8 ||
      inodesPerGroup % this.inodesPerBlock !== 0
    ) {
      throw new RangeError(`${inodesPerGroup} inodes a group do not fill whole blocks within one bitmap`);
    }
    this.inodesPerGroup = inodesPerGroup;
    this.tableBlocks = inodesPerGroup / this.inodesPerBlock;
    this.groupCount = Math.ceil(totalBlocks / this.blocksPerGroup);
    this.inodeCount = this.groupCount * inodesPerGroup;
    if (this.inodeCount > 0xffffffff) throw new RangeError('more than 2^32 - 1 inodes');
    this.descriptorBlocks = Math.ceil(this.groupCount / this.descriptorsPerBlock);
    if (this.descriptorBlocks + this.tableBlocks + 3 + LEAST_DATA_BLOCKS > this.blocksPerGroup) {
      throw new RangeError('group descriptors and inode table leave no room in a group');
    }
    const last = this.groupCount - 1;
    if (this.groupBlocks(last) < this.metadataBlocks(last) + LEAST_DATA_BLOCKS) {
      throw new RangeError('the last group is too small for its own metadata');
    }
    this.journalStart = journalStart;
    this.journalBlocks = journalBlocks;
    if (
      journalBlocks < MIN_JOURNAL_BLOCKS ||
      journalStart < this.metadataBlocks(0) ||
      journalStart + journalBlocks > this.groupBlocks(0)
    ) {
      throw new RangeError('the journal does not lie inside group 0');
    }
  }

  groupStart(group: number): number {
    return group * this.blocksPerGroup;
  }

  /** Blocks of a group; the last one may be short. */
  groupBlocks(group: number): number {
    return Math.min(this.blocksPerGroup, this.totalBlocks - group * this.blocksPerGroup);
  }

  /** Blocks of the superblock copy and the descriptors in front of a group's bitmaps. */
  private copyBlocks(group: number): number {
    return hasSuperblock(group) ? 1 + this.descriptorBlocks : 0;
  }

  /** Blocks at the front of a group that hold its fixed metadata; the journal of group 0 is not among them. */
  metadataBlocks(group: number): number {
    return this.copyBlocks(group) + 2 + this.tableBlocks;
  }

  blockBitmap(group: number): number {
    return this.groupStart(group) + this.copyBlocks(group);
  }

  inodeBitmap(group: number): number {
    return this.blockBitmap(group) + 1;
  }

  inodeTable(group: number): number {
    return this.blockBitmap(group) + 2;
  }

  /** The block of the first descriptor copy that holds a group's descriptor. */
  descriptorBlock(group: number): number {
    return 1 + Math.floor(group / this.descriptorsPerBlock);
  }

  /** Adds the blocks that change when a block is taken or freed: the bitmap of its group and the descriptors with that group's. */
  noteTables(block: number, into: Set<number>): void {
    const group = this.groupOfBlock(block);
    into.add(this.blockBitmap(group)).add(this.descriptorBlock(group));
  }

  descriptorOffset(group: number): number {
    return (group % this.descriptorsPerBlock) * GROUP_DESCRIPTOR_SIZE;
  }

  groupOfBlock(block: number): number {
    return Math.floor(block / this.blocksPerGroup);
  }

  groupOfInode(number: number): number {
    return Math.floor((number - 1) / this.inodesPerGroup);
  }

  indexOfInode(number: number): number {
    return (number - 1) % this.inodesPerGroup;
  }

  inodeBlock(number: number): number {
    return (
      this.inodeTable(this.groupOfInode(number)) + Math.floor(this.indexOfInode(number) / this.inodesPerBlock)
    );
  }

  inodeOffset(number: number): number {
    return (this.indexOfInode(number) % this.inodesPerBlock) * INODE_SIZE;
  }

  /** Whether `length` blocks from `block` lie inside one group's data area: in no fixed metadata and not in the journal. */
  isDataRange(block: number, length: number): boolean {
    if (!Number.isSafeInteger(block) || length < 1 || block < 1 || block + length > this.totalBlocks)
      return false;
    const group = this.groupOfBlock(block);
    if (this.groupOfBlock(block + length - 1) !== group) return false;
    if (block < this.groupStart(group) + this.metadataBlocks(group)) return false;
    return block >= this.journalStart + this.journalBlocks || block + length <= this.journalStart;
  }
}
