import { MAX_ROWS_PER_FILE, recordsPerBlock, SET_MAGIC, setHeader } from '@vexfs/shared';
import { extentsOf } from './content.js';
import { DamageError, FsError } from './errors.js';
import { hiddenOf, isHiddenOf } from './hidden_inode.js';
import type { Inode } from './inode.js';
import { isPossibleLayout, layoutIn, type RowLayout, slotsIn } from './row_layout.js';
import type { MetaBlock } from './store.js';
import type { Volume } from './volume.js';

/** The header of a vector set, in the first block of its hidden inode, field by field. */
export class SetHeader {
  readonly owner: Inode;
  readonly inode: Inode;
  protected readonly volume: Volume;
  protected readonly perBlock: number;

  protected constructor(volume: Volume, owner: Inode, inode: Inode) {
    this.volume = volume;
    this.owner = owner;
    this.inode = inode;
    this.perBlock = recordsPerBlock(volume.geometry.blockSize);
  }

  /** The block with the header. */
  header(): MetaBlock {
    const run = extentsOf(this.volume, this.inode).find(0, 1);
    if (run.physical === 0)
      throw new DamageError(`the vector set of inode ${this.owner.number} has no header`);
    return this.volume.store.getOwned(run.physical, 'set', this.owner.number);
  }

  /** The header's view, to be changed in the running transaction. */
  changed(): DataView {
    const block = this.header();
    this.volume.store.change(block);
    return block.view;
  }

  protected check(): void {
    const { view } = this.header();
    const { layout } = this;
    const fail = (what: string): never => {
      throw new DamageError(`the vector set of inode ${this.owner.number} ${what}`);
    };
    if (setHeader.magic.get(view, 0) !== SET_MAGIC) fail('has no header');
    if (setHeader.owner_generation.get(view, 0) !== this.owner.generation)
      fail('belongs to an earlier inode');
    if (!isPossibleLayout(layout)) fail('has a layout that cannot be');
    if (setHeader.inline_records.get(view, 0) > this.perBlock) fail('has too many inline records');
    if (this.slots > MAX_ROWS_PER_FILE || this.liveRows > this.slots) fail('counts more rows than slots');
    if (this.slots !== slotsIn(layout, this.owner.size)) fail('counts other slots than its file has');
    const log = setHeader.log_inode.get(view, 0);
    if (this.logBlocks > 0 && log === 0) fail('has lost its log');
    if (log !== 0) {
      const inode = hiddenOf(this.volume, this.owner, log);
      if (inode.size !== this.logBlocks * this.volume.geometry.blockSize) fail('has a log of another length');
    }
  }

  get layout(): RowLayout {
    return layoutIn(this.header().view);
  }

  set layout(layout: RowLayout) {
    const view = this.changed();
    setHeader.dimensions.set(view, 0, layout.dimensions);
    setHeader.element_type.set(view, 0, layout.elementType);
    setHeader.storage_format.set(view, 0, layout.storageFormat);
    setHeader.compression_type.set(view, 0, layout.compressionType);
    setHeader.alignment.set(view, 0, layout.alignment);
    setHeader.data_offset.set(view, 0, layout.dataOffset);
  }

  /** Slots that the log knows: all whole slots of the file. */
  get slots(): number {
    return setHeader.slots.get(this.header().view, 0);
  }
  set slots(value: number) {
    setHeader.slots.set(this.changed(), 0, value);
  }

  get liveRows(): number {
    return setHeader.live_rows.get(this.header().view, 0);
  }
  set liveRows(value: number) {
    setHeader.live_rows.set(this.changed(), 0, value);
  }

  /** The id that the next row without one gets; never falls. 2^64-1: all are used up. */
  get nextId(): bigint {
    return setHeader.next_id.getBig(this.header().view, 0);
  }
  set nextId(value: bigint) {
    setHeader.next_id.setBig(this.changed(), 0, value);
  }

  get logBlocks(): number {
    return setHeader.log_blocks.get(this.header().view, 0);
  }

  /** Records in the log, inline ones included. */
  get logRecords(): number {
    return this.logBlocks * this.perBlock + setHeader.inline_records.get(this.header().view, 0);
  }

  get logCompactions(): number {
    return setHeader.log_compactions.get(this.header().view, 0);
  }

  /** Blocks that header and log take on the volume. */
  get logOverhead(): number {
    const log = setHeader.log_inode.get(this.header().view, 0);
    return this.inode.blocks + (log === 0 ? 0 : this.volume.inodes.get(log).blocks);
  }

  /** Blocks that all hidden inodes take on the volume. */
  get hiddenBlocks(): number {
    const graph = setHeader.graph_inode.get(this.header().view, 0);
    return this.logOverhead + (this.snapshotInode(graph)?.blocks ?? 0);
  }

  /** What the header names as the index snapshot, where it can be one: it is a hint only, and what is wrong with it no damage. */
  protected snapshotInode(number: number): Inode | undefined {
    if (number === 0 || number === this.inode.number) return undefined;
    try {
      const graph = this.volume.inodes.get(number);
      return isHiddenOf(graph, this.owner) ? graph : undefined;
    } catch (error) {
      if (error instanceof FsError) return undefined;
      throw error;
    }
  }
}
