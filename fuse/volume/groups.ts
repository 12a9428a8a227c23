import {
  crc32c,
  GROUP_BLOCKS_UNINITIALISED,
  GROUP_DESCRIPTOR_SIZE,
  GROUP_INODES_UNINITIALISED,
  groupDescriptor as layout,
} from '@vexfs/shared';
import { DamageError } from './errors.js';
import type { Geometry } from './geometry.js';
import type { MetaBlock, MetadataStore } from './store.js';

/**
 * The group descriptors, decoded for the whole volume, and the bitmaps they describe. Columns are indexed by group.
 * A changed group is marked and written into its descriptor block when the transaction is frozen.
 */
export class Groups {
  readonly freeBlocks: Uint32Array;
  readonly freeInodes: Uint32Array;
  readonly usedDirectories: Uint32Array;
  readonly initialisedInodes: Uint32Array;
  private readonly flags: Uint32Array;
  private readonly blockSums: Uint32Array;
  private readonly inodeSums: Uint32Array;
  private readonly store: MetadataStore;
  private readonly geometry: Geometry;
  private readonly changedGroups = new Set<number>();
  private readonly changedBitmaps = new Map<number, { readonly group: number; readonly block: MetaBlock }>();
  private readonly verified = new WeakSet<MetaBlock>();
  private readonly scratch = new Uint8Array(GROUP_DESCRIPTOR_SIZE);

  /** Reads and checks every descriptor. Throws DamageError, DeviceError. */
  constructor(store: MetadataStore, geometry: Geometry) {
    this.store = store;
    this.geometry = geometry;
    const count = geometry.groupCount;
    this.freeBlocks = new Uint32Array(count);
    this.freeInodes = new Uint32Array(count);
    this.usedDirectories = new Uint32Array(count);
    this.initialisedInodes = new Uint32Array(count);
    this.flags = new Uint32Array(count);
    this.blockSums = new Uint32Array(count);
    this.inodeSums = new Uint32Array(count);
    for (let group = 0; group < count; group++) this.load(group);
  }

  private load(group: number): void {
    const block = this.store.get(this.geometry.descriptorBlock(group), 'descriptors');
    const base = this.geometry.descriptorOffset(group);
    const { view } = block;
    if (layout.checksum.get(view, base) !== this.checksum(group, block.bytes, base)) {
      throw new DamageError(`the descriptor of group ${group} has a wrong checksum`);
    }
    this.freeBlocks[group] = layout.free_blocks.get(view, base);
    this.freeInodes[group] = layout.free_inodes.get(view, base);
    this.usedDirectories[group] = layout.used_directories.get(view, base);
    this.initialisedInodes[group] = layout.initialised_inodes.get(view, base);
    this.flags[group] = layout.flags.get(view, base);
    this.blockSums[group] = layout.block_bitmap_checksum.get(view, base);
    this.inodeSums[group] = layout.inode_bitmap_checksum.get(view, base);
    const { inodesPerGroup, inodesPerBlock } = this.geometry;
    const initialised = this.initialisedInodes[group]!;
    if (
      this.freeBlocks[group]! > this.geometry.groupBlocks(group) ||
      this.freeInodes[group]! > inodesPerGroup ||
      initialised > inodesPerGroup ||
      initialised % inodesPerBlock !== 0
    ) {
      throw new DamageError(`the descriptor of group ${group} holds numbers that cannot be`);
    }
  }

  private checksum(group: number, bytes: Uint8Array, base: number): number {
    this.scratch.set(bytes.subarray(base, base + GROUP_DESCRIPTOR_SIZE));
    this.scratch.fill(0, layout.checksum.offset, layout.checksum.offset + 4);
    return crc32c(this.store.seedFor(group), this.scratch);
  }

  get changedCount(): number {
    return this.changedGroups.size;
  }

  /** The group's numbers were changed by the running transaction. */
  change(group: number): void {
    this.changedGroups.add(group);
  }

  private bitmapSum(number: number, bytes: Uint8Array): number {
    return crc32c(this.store.seedFor(number), bytes);
  }

  private checked(block: MetaBlock, sum: number, what: string, group: number): MetaBlock {
    if (!this.verified.has(block)) {
      if (block.changedIn === 0 && this.bitmapSum(block.number, block.bytes) !== sum) {
        throw new DamageError(`the ${what} bitmap of group ${group} has a wrong checksum`);
      }
      this.verified.add(block);
    }
    return block;
  }

  /** The block bitmap of a group; made on first use where mkfs left it uninitialised. */
  blockBitmap(group: number): MetaBlock {
    const number = this.geometry.blockBitmap(group);
    if ((this.flags[group]! & GROUP_BLOCKS_UNINITIALISED) === 0) {
      return this.checked(this.store.get(number, 'bitmap'), this.blockSums[group]!, 'block', group);
    }
    const block = this.store.fresh(number, 'bitmap');
    const { blocksPerGroup } = this.geometry;
    setBits(block.bytes, 0, this.geometry.metadataBlocks(group));
    const end = this.geometry.groupBlocks(group);
    setBits(block.bytes, end, blocksPerGroup - end);
    this.flags[group]! &= ~GROUP_BLOCKS_UNINITIALISED;
    this.verified.add(block);
    this.changeBitmap(group, block);
    return block;
  }

  inodeBitmap(group: number): MetaBlock {
    const number = this.geometry.inodeBitmap(group);
    if ((this.flags[group]! & GROUP_INODES_UNINITIALISED) === 0) {
      return this.checked(this.store.get(number, 'bitmap'), this.inodeSums[group]!, 'inode', group);
    }
    const block = this.store.fresh(number, 'bitmap');
    const end = this.geometry.inodesPerGroup;
    setBits(block.bytes, end, this.geometry.blockSize * 8 - end);
    this.flags[group]! &= ~GROUP_INODES_UNINITIALISED;
    this.verified.add(block);
    this.changeBitmap(group, block);
    return block;
  }

  /** Whether the block bitmap still has the content that mkfs implied. */
  blocksUninitialised(group: number): boolean {
    return (this.flags[group]! & GROUP_BLOCKS_UNINITIALISED) !== 0;
  }

  inodesUninitialised(group: number): boolean {
    return (this.flags[group]! & GROUP_INODES_UNINITIALISED) !== 0;
  }

  /** A bitmap of the group was changed by the running transaction. */
  changeBitmap(group: number, block: MetaBlock): void {
    this.store.change(block);
    this.changedBitmaps.set(block.number, { group, block });
    this.changedGroups.add(group);
  }

  /** Writes sums and numbers of changed groups into their descriptor blocks. */
  flush(): void {
    for (const [number, { group, block }] of this.changedBitmaps) {
      const sum = this.bitmapSum(number, block.bytes);
      if (number === this.geometry.blockBitmap(group)) this.blockSums[group] = sum;
      else this.inodeSums[group] = sum;
    }
    this.changedBitmaps.clear();
    for (const group of this.changedGroups) {
      const block = this.store.get(this.geometry.descriptorBlock(group), 'descriptors');
      const base = this.geometry.descriptorOffset(group);
      const { view } = block;
      this.store.change(block);
      layout.free_blocks.set(view, base, this.freeBlocks[group]!);
      layout.free_inodes.set(view, base, this.freeInodes[group]!);
      layout.used_directories.set(view, base, this.usedDirectories[group]!);
      layout.initialised_inodes.set(view, base, this.initialisedInodes[group]!);
      layout.flags.set(view, base, this.flags[group]!);
      layout.block_bitmap_checksum.set(view, base, this.blockSums[group]!);
      layout.inode_bitmap_checksum.set(view, base, this.inodeSums[group]!);
      layout.checksum.set(view, base, this.checksum(group, block.bytes, base));
    }
    this.changedGroups.clear();
  }
}

/** Sets `count` bits from `from`; bit b is byte b >> 3, bit b & 7. */
export function setBits(bitmap: Uint8Array, from: number, count: number): void {
  let bit = from;
  const end = from + count;
  while (bit < end && (bit & 7) !== 0) {
    bitmap[bit >> 3]! |= 1 << (bit & 7);
    bit += 1;
  }
  const whole = (end - bit) >> 3;
  if (whole > 0) bitmap.fill(0xff, bit >> 3, (bit >> 3) + whole);
  for (bit += Math.max(0, whole) * 8; bit < end; bit++) bitmap[bit >> 3]! |= 1 << (bit & 7);
}

export function clearBits(bitmap: Uint8Array, from: number, count: number): void {
  let bit = from;
  const end = from + count;
  while (bit < end && (bit & 7) !== 0) {
    bitmap[bit >> 3]! &= ~(1 << (bit & 7));
    bit += 1;
  }
  const whole = (end - bit) >> 3;
  if (whole > 0) bitmap.fill(0, bit >> 3, (bit >> 3) + whole);
  for (bit += Math.max(0, whole) * 8; bit < end; bit++) bitmap[bit >> 3]! &= ~(1 << (bit & 7));
}

export function testBit(bitmap: Uint8Array, bit: number): boolean {
  return (bitmap[bit >> 3]! & (1 << (bit & 7))) !== 0;
}

/** Whether all `count` bits from `from` have the value. */
export function bitsAre(bitmap: Uint8Array, from: number, count: number, value: boolean): boolean {
  for (let bit = from; bit < from + count; bit++) if (testBit(bitmap, bit) !== value) return false;
  return true;
}
