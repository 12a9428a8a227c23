import type { BlockDevice } from '../system/device.js';
import { BlockAllocator } from './block_allocator.js';
import type { DirectoryContext } from './directory.js';
import { FsError, VolumeError } from './errors.js';
import type { Geometry } from './geometry.js';
import { Groups } from './groups.js';
import { InodeTable } from './inode_table.js';
import { recover } from './journal/index.js';
import { Orphans } from './orphans.js';
import { OverlayDevice } from './overlay_device.js';
import { type NameHash, SipHash } from './siphash.js';
import { type FrozenTransaction, MetadataStore } from './store.js';
import { encodeSuperblock, readSuperblock, type Superblock } from './superblock.js';
import type { OwnedBlocks } from './tree_context.js';

export interface OpenResult {
  readonly volume: Volume;
  /** Sequence that the next journal transaction gets. */
  readonly nextSequence: number;
  /** Transactions that were replayed. */
  readonly replayed: number;
}

/**
 * An open volume: the metadata store with its running transaction and what allocates from it. The operations on files
 * stand in modules of their own and take it as their context. One thread uses it; every operation is synchronous.
 */
export class Volume implements DirectoryContext {
  readonly device: BlockDevice;
  readonly superblock: Superblock;
  readonly geometry: Geometry;
  readonly store: MetadataStore;
  readonly groups: Groups;
  readonly blocks: BlockAllocator;
  readonly inodes: InodeTable;
  readonly orphans: Orphans;
  readonly nameHash: NameHash;
  readonly readOnly: boolean;
  /** Inodes whose blocks past their size are not all freed yet: a truncation that goes on after a commit. */
  readonly cutting = new Set<number>();
  /** Inodes that are to get blocks behind their end, whose content is being written: what they have there must stay. */
  readonly aside = new Set<number>();
  /** Ranges that one transaction may free: each can touch a bitmap and a descriptor block of its own. */
  freeBudget = 64;
  /** Blocks of the running transaction from which on an operation that can go on in the next one does. */
  crowdedAt = Number.POSITIVE_INFINITY;

  private encodedFreeBlocks: number;
  private encodedFreeInodes: number;
  private encodedOrphanHead: number;
  private encodedState: number;

  private constructor(device: BlockDevice, superblock: Superblock, readOnly: boolean) {
    this.device = device;
    this.superblock = superblock;
    this.geometry = superblock.geometry;
    this.readOnly = readOnly;
    this.nameHash = new SipHash(superblock.hashKey);
    this.store = new MetadataStore(device, superblock.geometry.blockSize, superblock.seed);
    this.groups = new Groups(this.store, superblock.geometry);
    this.blocks = new BlockAllocator(this.store, superblock.geometry, this.groups, superblock);
    this.inodes = new InodeTable(this.store, superblock.geometry, this.groups, superblock);
    this.orphans = new Orphans(superblock, this.inodes);
    this.encodedFreeBlocks = superblock.freeBlocks;
    this.encodedFreeInodes = superblock.freeInodes;
    this.encodedOrphanHead = superblock.orphanHead;
    this.encodedState = superblock.state;
    this.store.beforeFreeze.push(
      () => this.inodes.flush(),
      () => this.groups.flush(),
      () => this.flushSuperblock(),
    );
  }

  /**
   * Checks the superblock, replays the journal, reads the descriptors. A read-only volume on a device that may not be
   * written keeps the replayed blocks in memory. Orphans are left to the caller (`finishOrphans`).
   * Throws VolumeError with a sentence, DamageError, DeviceError, JournalError.
   */
  static open(device: BlockDevice, options: { readOnly: boolean; deviceReadOnly?: boolean }): OpenResult {
    const first = readSuperblock(device);
    if (first.unknownRoCompat !== 0 && !options.readOnly) {
      throw new VolumeError(
        `the volume uses features that this program can only read (ro_compat 0x${first.unknownRoCompat.toString(16)}): mount it with -o ro`,
      );
    }
    const { journalStart, journalBlocks, blockSize, totalBlocks } = first.geometry;
    const area = { start: journalStart, blocks: journalBlocks, blockSize };
    const dryRun = options.deviceReadOnly === true;
    const result = recover(device, area, totalBlocks, { dryRun });
    const over = result.contents.size > 0 ? new OverlayDevice(device, blockSize, result.contents) : device;
    const superblock = readSuperblock(over);
    const volume = new Volume(over, superblock, options.readOnly);
    return { volume, nextSequence: result.nextSequence, replayed: result.transactions };
  }

  allocateBlock(goal: number, owner: OwnedBlocks): number {
    const { start } = this.blocks.take(goal, 1);
    owner.blocks += 1;
    owner.markDirty();
    return start;
  }

  freeBlock(block: number, owner: OwnedBlocks): void {
    this.blocks.give({ start: block, length: 1 });
    this.store.forget(block);
    owner.blocks -= 1;
    owner.markDirty();
  }

  expectFree(block: number, length: number): void {
    this.blocks.checkGive({ start: block, length });
  }

  requireBlocks(count: number): void {
    this.blocks.require(count);
  }

  /** Where the blocks of an inode should begin: the data area of its group, or the index area for hidden inodes. */
  goalFor(number: number, hidden: boolean): number {
    if (hidden) return this.superblock.indexMetadataStart;
    const group = this.geometry.groupOfInode(number);
    if (group === 0) return this.superblock.vectorDataStart;
    return this.geometry.groupStart(group) + this.geometry.metadataBlocks(group);
  }

  /** An upper bound of the blocks that the running transaction would write. */
  get transactionBlocks(): number {
    return this.store.dirtyBlocks + this.inodes.changedCount + this.groups.changedCount + 1;
  }

  /**
   * Whether the running transaction has room for so many blocks more. An operation begins before the transaction is crowded and stops
   * taking blocks at three times that; what it has to do then (its inode, few records) finds as much again before the journal's bound.
   */
  hasRoom(blocks: number): boolean {
    return this.transactionBlocks + blocks <= 3 * this.crowdedAt;
  }

  /** Ends the running transaction; undefined when there is nothing to commit. */
  freeze(stage?: (bytes: Uint8Array) => void): FrozenTransaction | undefined {
    return this.store.freeze(stage);
  }

  /** A transaction is on stable storage: what it freed can be used again, unless a search begun before still reads it. */
  committed(id: number, oldestPin: number): void {
    this.blocks.release(id, oldestPin);
  }

  /** Remembers in the superblock that something was found damaged, for fsck to see: the next transaction carries it. */
  noteErrors(flag: number): void {
    if (this.readOnly || (this.superblock.state & flag) === flag) return;
    this.superblock.state |= flag;
    this.store.change(this.store.get(0, 'superblock'));
  }

  /** Counts the mount and writes its time, with the next transaction. */
  noteMount(time: number): void {
    const block = this.store.get(0, 'superblock');
    this.store.change(block);
    encodeSuperblock(this.superblock, block.bytes, time);
  }

  requireWritable(errno: number): void {
    if (this.readOnly) throw new FsError(errno);
  }

  private flushSuperblock(): void {
    const { superblock } = this;
    if (
      superblock.freeBlocks === this.encodedFreeBlocks &&
      superblock.freeInodes === this.encodedFreeInodes &&
      superblock.orphanHead === this.encodedOrphanHead &&
      superblock.state === this.encodedState
    ) {
      return;
    }
    const block = this.store.get(0, 'superblock');
    this.store.change(block);
    encodeSuperblock(superblock, block.bytes);
    this.encodedFreeBlocks = superblock.freeBlocks;
    this.encodedFreeInodes = superblock.freeInodes;
    this.encodedOrphanHead = superblock.orphanHead;
    this.encodedState = superblock.state;
  }
}
