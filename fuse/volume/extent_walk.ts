import {
  EXTENT_MAGIC,
  EXTENT_UNWRITTEN,
  extentEntry,
  extentHeader,
  extentIndex,
  MAX_TREE_DEPTH,
} from '@vexfs/shared';
import { DamageError } from './errors.js';
import type { Run } from './extent_lookup.js';
import { ROOT_EXTENTS } from './inode_table.js';
import type { MetadataStore } from './store.js';
import type { OwnedBlocks, TreeContext } from './tree_context.js';

const HEADER = extentHeader.$.size;
const ENTRY = extentEntry.$.size;

/** What a check of a whole extent tree reports. */
export interface ExtentVisitor {
  /** A block that the tree refers to, in the data area, not read yet. False: do not look into it. */
  node(block: number): boolean;
  /** A sound extent, in ascending order of logical blocks. */
  extent(run: Run): void;
  /** What is wrong; the walk goes on behind it. `block` is 0 for the root in the inode. */
  damage(error: DamageError, block: number): void;
}

/**
 * Checks an extent tree completely and shows all that is sound in it. A node whose checksum alone is wrong is reported
 * and looked into all the same: each of its entries has to pass every other check. Throws DeviceError only.
 */
export function walkExtents(ctx: TreeContext, inode: OwnedBlocks, visitor: ExtentVisitor): void {
  new Walk(ctx, inode, visitor).run();
}

class Walk {
  private readonly ctx: TreeContext;
  private readonly inode: OwnedBlocks;
  private readonly visitor: ExtentVisitor;
  private readonly capacity: number;
  /** First logical block behind the last extent that was shown. */
  private end = 0;

  constructor(ctx: TreeContext, inode: OwnedBlocks, visitor: ExtentVisitor) {
    this.ctx = ctx;
    this.inode = inode;
    this.visitor = visitor;
    this.capacity = Math.floor((ctx.geometry.blockSize - HEADER) / ENTRY);
  }

  run(): void {
    const { rootView } = this.inode;
    const depth = extentHeader.depth.get(rootView, 0);
    if (depth > MAX_TREE_DEPTH) {
      this.damage('is too deep', 0);
      return;
    }
    this.node(rootView, 0, depth, ROOT_EXTENTS, 0, Number.MAX_SAFE_INTEGER);
  }

  private node(
    view: DataView,
    block: number,
    depth: number,
    capacity: number,
    low: number,
    high: number,
  ): void {
    const count = extentHeader.count.get(view, 0);
    if (
      extentHeader.magic.get(view, 0) !== EXTENT_MAGIC ||
      extentHeader.owner.get(view, 0) !== this.inode.number ||
      extentHeader.depth.get(view, 0) !== depth ||
      extentHeader.capacity.get(view, 0) !== capacity ||
      count > capacity
    ) {
      this.damage('has a node whose header cannot be', block);
      return;
    }
    if (count === 0 && (depth > 0 || block !== 0)) this.damage('has an empty node', block);
    for (let i = 0; i < count; i++) {
      const at = HEADER + i * ENTRY;
      if (depth === 0) {
        this.extent(view, at, block, low, high);
        continue;
      }
      const from = i === 0 ? low : extentIndex.logical.get(view, at);
      const to = i + 1 === count ? high : extentIndex.logical.get(view, at + ENTRY);
      if (!Number.isSafeInteger(from) || from < low || to > high || from >= to) {
        this.damage(`has an index entry ${i} out of order`, block);
        continue;
      }
      this.child(extentIndex.child.get(view, at), block, depth - 1, from, to);
    }
  }

  private extent(view: DataView, at: number, block: number, low: number, high: number): void {
    const logical = extentEntry.logical.get(view, at);
    const physical = extentEntry.physical.get(view, at);
    const length = extentEntry.length.get(view, at);
    const flags = extentEntry.flags.get(view, at);
    if (!Number.isSafeInteger(logical) || logical < Math.max(low, this.end) || logical + length > high) {
      this.damage(`has an extent at logical block ${logical} out of order`, block);
      return;
    }
    if (!this.ctx.geometry.isDataRange(physical, length)) {
      this.damage(`maps logical block ${logical} to blocks ${physical}+${length}`, block);
      return;
    }
    if ((flags & ~EXTENT_UNWRITTEN) !== 0) {
      this.damage(`has an extent with the flags 0x${flags.toString(16)}`, block);
      return;
    }
    this.end = logical + length;
    this.visitor.extent({ logical, physical, length, unwritten: flags !== 0 });
  }

  private child(number: number, parent: number, depth: number, low: number, high: number): void {
    if (!this.ctx.geometry.isDataRange(number, 1)) {
      this.damage(`has block ${number} as a node`, parent);
      return;
    }
    if (!this.visitor.node(number)) return;
    const { store } = this.ctx;
    let view: DataView;
    try {
      view = store.getOwned(number, 'extent', this.inode.number).view;
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      this.visitor.damage(error, number);
      view = rawBlock(store, number);
    }
    this.node(view, number, depth, this.capacity, low, high);
  }

  private damage(what: string, block: number): void {
    this.visitor.damage(new DamageError(`the extent tree of inode ${this.inode.number} ${what}`), block);
  }
}

/** A block as it lies on the device, whatever it is. Throws DeviceError. */
export function rawBlock(store: MetadataStore, number: number): DataView {
  const bytes = new Uint8Array(store.blockSize);
  store.device.read(number * store.blockSize, bytes);
  return new DataView(bytes.buffer);
}
