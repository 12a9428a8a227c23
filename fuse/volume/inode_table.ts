import { randomFillSync } from 'node:crypto';
import { constants } from 'node:os';
import {
  crc32c,
  EXTENT_MAGIC,
  extentHeader,
  FIRST_INODE,
  INODE_SIZE,
  inode as layout,
  ROOT_INODE,
} from '@vexfs/shared';
import { DamageError, FsError } from './errors.js';
import type { Geometry } from './geometry.js';
import { clearBits, type Groups, setBits, testBit } from './groups.js';
import { Inode } from './inode.js';
import type { MetadataStore } from './store.js';
import type { Superblock } from './superblock.js';

const { ENOSPC, ESTALE } = constants.errno;

/** Entries of the extent tree's root inside an inode. */
export const ROOT_EXTENTS = 3;

/** Inodes by number: read with their checks, kept while they are in use, written back when a transaction is frozen. */
export class InodeTable {
  private readonly store: MetadataStore;
  private readonly geometry: Geometry;
  private readonly groups: Groups;
  private readonly superblock: Superblock;
  private readonly cache = new Map<number, Inode>();
  private readonly changed = new Set<Inode>();
  private readonly scratch = new Uint8Array(INODE_SIZE);
  private readonly random = new Uint32Array(256);
  private randomAt = 256;
  private readonly capacity: number;
  /** By group: no inode below this index can be taken. */
  private readonly lowestFree: Uint32Array;
  private readonly onChange = (inode: Inode): void => {
    if (inode.changedIn === this.store.transaction) return;
    inode.changedIn = this.store.transaction;
    this.changed.add(inode);
  };

  constructor(
    store: MetadataStore,
    geometry: Geometry,
    groups: Groups,
    superblock: Superblock,
    capacity = 4096,
  ) {
    this.store = store;
    this.geometry = geometry;
    this.groups = groups;
    this.superblock = superblock;
    this.capacity = capacity;
    this.lowestFree = new Uint32Array(geometry.groupCount);
  }

  private checksum(number: number, bytes: Uint8Array): number {
    this.scratch.set(bytes);
    const view = new DataView(this.scratch.buffer);
    layout.checksum.set(view, 0, 0);
    const generation = this.scratch.subarray(layout.generation.offset, layout.generation.offset + 4);
    return crc32c(crc32c(this.store.seedFor(number), generation), this.scratch);
  }

  /** Throws FsError(ESTALE) when the inode is free, DamageError when it is damaged. */
  get(number: number): Inode {
    const cached = this.cache.get(number);
    if (cached !== undefined) return cached;
    if (!Number.isSafeInteger(number) || number < 1 || number > this.geometry.inodeCount) {
      throw new DamageError(`there is no inode ${number}`);
    }
    const group = this.geometry.groupOfInode(number);
    if (this.geometry.indexOfInode(number) >= this.groups.initialisedInodes[group]!)
      throw new FsError(ESTALE);
    const block = this.store.get(this.geometry.inodeBlock(number), 'inodes');
    const at = this.geometry.inodeOffset(number);
    const bytes = block.bytes.slice(at, at + INODE_SIZE);
    const view = new DataView(bytes.buffer);
    if (layout.mode.get(view, 0) === 0) throw new FsError(ESTALE);
    if (layout.checksum.get(view, 0) !== this.checksum(number, bytes)) {
      throw new DamageError(`inode ${number} has a wrong checksum`);
    }
    if (
      !Number.isSafeInteger(layout.size.get(view, 0)) ||
      !Number.isSafeInteger(layout.blocks.get(view, 0))
    ) {
      throw new DamageError(`inode ${number} has a size that cannot be`);
    }
    const inode = new Inode(number, bytes, this.onChange);
    this.cache.set(number, inode);
    return inode;
  }

  /** Inodes that the running transaction has changed. */
  get changedCount(): number {
    return this.changed.size;
  }

  /** An unpredictable generation; a call for each would cost more than the rest of making an inode. */
  private randomWord(): number {
    if (this.randomAt === this.random.length) {
      randomFillSync(this.random);
      this.randomAt = 0;
    }
    this.randomAt += 1;
    return this.random[this.randomAt - 1]!;
  }

  /** Takes a free number and gives an inode with nothing but number, generation and an empty extent root. */
  create(nearGroup: number, isDirectory: boolean): Inode {
    const number = this.findNumber(nearGroup);
    const group = this.geometry.groupOfInode(number);
    this.initialiseUpTo(group, this.geometry.indexOfInode(number));
    // Now, when nothing has changed yet: with it the inode can be written at the commit, or removed, whatever the device does.
    this.store.get(this.geometry.inodeBlock(number), 'inodes');
    this.takeNumber(number);
    if (isDirectory) this.groups.usedDirectories[group]! += 1;
    const inode = new Inode(number, new Uint8Array(INODE_SIZE), this.onChange);
    inode.generation = this.randomWord();
    if (!isDirectory) emptyExtentRoot(inode);
    this.cache.set(number, inode);
    inode.markDirty();
    return inode;
  }

  /** Throws what `remove` would throw; when it does not, `remove` does not either until the operation ends. */
  expectRemove({ number }: Inode): void {
    const bitmap = this.groups.inodeBitmap(this.geometry.groupOfInode(number));
    if (!testBit(bitmap.bytes, this.geometry.indexOfInode(number)) || number < FIRST_INODE) {
      throw new DamageError(`inode ${number} cannot be freed: it is not in use`);
    }
    this.store.get(this.geometry.inodeBlock(number), 'inodes');
  }

  /** Frees an inode whose blocks are freed already. */
  remove(inode: Inode): void {
    // Everything is read before the first change: a device that fails here leaves the inode as it is.
    this.expectRemove(inode);
    const { number } = inode;
    const group = this.geometry.groupOfInode(number);
    const index = this.geometry.indexOfInode(number);
    const bitmap = this.groups.inodeBitmap(group);
    const block = this.store.get(this.geometry.inodeBlock(number), 'inodes');
    clearBits(bitmap.bytes, index, 1);
    this.groups.changeBitmap(group, bitmap);
    this.groups.freeInodes[group]! += 1;
    if (index < this.lowestFree[group]!) this.lowestFree[group] = index;
    if (inode.isDirectory) this.groups.usedDirectories[group]! -= 1;
    this.superblock.freeInodes += 1;
    this.store.change(block);
    const at = this.geometry.inodeOffset(number);
    block.bytes.fill(0, at, at + INODE_SIZE);
    this.changed.delete(inode);
    this.cache.delete(number);
  }

  /** Throws FsError(ENOSPC) when no inode can be made. */
  requireOne(): void {
    if (this.superblock.freeInodes === 0) throw new FsError(ENOSPC, 'no free inodes');
  }

  /** Brings changed inodes into their table blocks. */
  flush(): void {
    for (const inode of this.changed) {
      const block = this.store.get(this.geometry.inodeBlock(inode.number), 'inodes');
      this.store.change(block);
      const view = new DataView(inode.bytes.buffer, inode.bytes.byteOffset);
      layout.checksum.set(view, 0, this.checksum(inode.number, inode.bytes));
      block.bytes.set(inode.bytes, this.geometry.inodeOffset(inode.number));
    }
    this.changed.clear();
  }

  /** Lets unchanged inodes go, but for those that `inUse` names. Call between operations only. */
  trim(inUse: (number: number) => boolean): void {
    if (this.cache.size <= this.capacity) return;
    let excess = this.cache.size - (this.capacity >> 1);
    for (const [number, inode] of this.cache) {
      if (excess === 0) break;
      if (this.changed.has(inode) || number === ROOT_INODE || inUse(number)) continue;
      this.cache.delete(number);
      excess -= 1;
    }
  }

  /** A group for a new directory: the parent's, but top-level directories are spread over the volume. */
  groupForDirectory(parent: Inode): number {
    const home = this.geometry.groupOfInode(parent.number);
    if (
      parent.number !== ROOT_INODE &&
      this.groups.freeInodes[home]! > 0 &&
      this.groups.freeBlocks[home]! > 0
    )
      return home;
    let best = home;
    let most = -1;
    for (let group = 0; group < this.geometry.groupCount; group++) {
      const blocks = this.groups.freeBlocks[group]!;
      if (this.groups.freeInodes[group]! > 0 && blocks > most) {
        best = group;
        most = blocks;
      }
    }
    return best;
  }

  private findNumber(nearGroup: number): number {
    const { groupCount, inodesPerGroup } = this.geometry;
    for (let step = 0; step < groupCount; step++) {
      const group = (nearGroup + step) % groupCount;
      if (this.groups.freeInodes[group] === 0) continue;
      const bitmap = this.groups.inodeBitmap(group);
      for (let index = this.lowestFree[group]!; index < inodesPerGroup; index++) {
        if ((index & 7) === 0 && bitmap.bytes[index >> 3] === 0xff) {
          index += 7;
          continue;
        }
        const number = group * inodesPerGroup + index + 1;
        if (testBit(bitmap.bytes, index) || number < FIRST_INODE) continue;
        return number;
      }
    }
    throw new FsError(ENOSPC, 'no free inodes');
  }

  private takeNumber(number: number): void {
    const group = this.geometry.groupOfInode(number);
    const index = this.geometry.indexOfInode(number);
    const bitmap = this.groups.inodeBitmap(group);
    setBits(bitmap.bytes, index, 1);
    this.lowestFree[group] = index + 1;
    this.groups.changeBitmap(group, bitmap);
    this.groups.freeInodes[group]! -= 1;
    this.superblock.freeInodes -= 1;
  }

  private initialiseUpTo(group: number, index: number): void {
    const { inodesPerBlock } = this.geometry;
    while (this.groups.initialisedInodes[group]! <= index) {
      const table = this.geometry.inodeTable(group);
      this.store.fresh(table + this.groups.initialisedInodes[group]! / inodesPerBlock, 'inodes');
      this.groups.initialisedInodes[group]! += inodesPerBlock;
      this.groups.change(group);
    }
  }
}

/** Writes an extent tree without extents into the root of an inode. */
export function emptyExtentRoot(inode: Inode): void {
  inode.root.fill(0);
  extentHeader.magic.set(inode.rootView, 0, EXTENT_MAGIC);
  extentHeader.capacity.set(inode.rootView, 0, ROOT_EXTENTS);
  extentHeader.owner.set(inode.rootView, 0, inode.number);
}
