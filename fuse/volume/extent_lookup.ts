import {
  EXTENT_MAGIC,
  EXTENT_UNWRITTEN,
  extentEntry,
  extentHeader,
  extentIndex,
  MAX_TREE_DEPTH,
} from '@vexfs/shared';
import { DamageError } from './errors.js';
import { at, countOf, depthOf, entriesIn, type Node, type Step } from './extent_node.js';
import type { Inode } from './inode.js';
import { ROOT_EXTENTS } from './inode_table.js';
import type { TreeContext } from './tree_context.js';

/** A run of blocks of a file. `physical` is 0 for a hole. All in blocks. */
export interface Run {
  readonly logical: number;
  readonly physical: number;
  readonly length: number;
  readonly unwritten: boolean;
}

/** Nodes that have been checked since they came into memory, and inodes whose root has. */
export const verified = new WeakSet<object>();

/** The reading side of the extent tree of an inode: every node is checked before it is used. */
export class ExtentLookup {
  protected readonly context: TreeContext;
  protected readonly inode: Inode;
  protected readonly capacity: number;

  constructor(context: TreeContext, inode: Inode) {
    this.context = context;
    this.inode = inode;
    this.capacity = entriesIn(context.geometry.blockSize);
  }

  /** The run that holds `logical`: an extent, or a hole that ends at the next extent or after `limit` blocks. */
  find(logical: number, limit: number): Run {
    const path = this.descend(logical);
    const found = this.upTo(path, logical);
    if (found !== undefined) {
      const base = at(found.at);
      const { view } = found.node;
      const start = extentEntry.logical.get(view, base);
      const length = extentEntry.length.get(view, base);
      if (logical < start + length) {
        const skip = logical - start;
        return {
          logical,
          physical: extentEntry.physical.get(view, base) + skip,
          length: Math.min(length - skip, limit),
          unwritten: (extentEntry.flags.get(view, base) & EXTENT_UNWRITTEN) !== 0,
        };
      }
    }
    const next = this.nextStart(path);
    if (next !== undefined && next <= logical) this.damaged('has extents out of order');
    const length = next === undefined ? limit : Math.min(limit, next - logical);
    return { logical, physical: 0, length, unwritten: false };
  }

  /** The whole extent that holds `logical`, which is mapped. */
  extentAt(logical: number): Run {
    const { node, at: entry } = this.holder(logical);
    return this.run(node, entry);
  }

  protected holder(logical: number): Step {
    const found = this.upTo(this.descend(logical), logical);
    if (found === undefined) throw new Error(`block ${logical} of inode ${this.inode.number} is not mapped`);
    return found;
  }

  /** The last extent that starts below `logical`. */
  lastBefore(logical: number): Run | undefined {
    if (logical <= 0) return undefined;
    const found = this.upTo(this.descend(logical - 1), logical - 1);
    return found === undefined ? undefined : this.run(found.node, found.at);
  }

  /**
   * The last extent that starts at or below `logical`, for which the path was made. A leaf may begin above its key, once its first extents
   * have gone: then the leaf before has it, and it may reach past the key.
   */
  protected upTo(path: readonly Step[], logical: number): Step | undefined {
    const leaf = path[path.length - 1]!;
    if (leaf.at >= 0) return leaf;
    for (let level = path.length - 2; level >= 0; level--) {
      const { node, at: entry } = path[level]!;
      if (entry < 1) continue;
      let below = this.child(node, entry - 1);
      while (depthOf(below) > 0) below = this.child(below, countOf(below) - 1);
      const last = countOf(below) - 1;
      if (extentEntry.logical.get(below.view, at(last)) > logical) this.damaged('has extents out of order');
      return { node: below, at: last };
    }
    return undefined;
  }

  /** All extents in order. */
  *all(): Generator<Run> {
    yield* this.below(this.root());
  }

  /** Calls `visit` with each block of the tree itself, for fsck. */
  treeBlocks(visit: (block: number) => void): void {
    const stack: Node[] = [this.root()];
    while (stack.length > 0) {
      const node = stack.pop()!;
      if (node.block !== undefined) visit(node.block.number);
      if (depthOf(node) === 0) continue;
      for (let i = 0; i < countOf(node); i++) stack.push(this.child(node, i));
    }
  }

  protected root(): Node {
    const node: Node = { view: this.inode.rootView, bytes: this.inode.root, block: undefined };
    if (!verified.has(this.inode)) {
      if (depthOf(node) > MAX_TREE_DEPTH) this.damaged('is too deep');
      this.check(node, depthOf(node), ROOT_EXTENTS);
      if (extentHeader.owner.get(node.view, 0) !== this.inode.number)
        this.damaged('has a root of another inode');
      verified.add(this.inode);
    }
    return node;
  }

  protected child(parent: Node, entry: number): Node {
    const number = extentIndex.child.get(parent.view, at(entry));
    const block = this.context.store.getOwned(number, 'extent', this.inode.number);
    const node: Node = { view: block.view, bytes: block.bytes, block };
    if (!verified.has(block)) {
      this.check(node, depthOf(parent) - 1, this.capacity);
      verified.add(block);
    }
    return node;
  }

  protected check(node: Node, depth: number, capacity: number): void {
    const count = countOf(node);
    const { view } = node;
    if (extentHeader.magic.get(view, 0) !== EXTENT_MAGIC) this.damaged('has no extent header');
    if (depthOf(node) !== depth) this.damaged('has a node at the wrong level');
    if (extentHeader.capacity.get(view, 0) !== capacity || count > capacity)
      this.damaged('has a node with too many entries');
    if (count === 0 && depth > 0) this.damaged('has an empty index node');
    let end = -1;
    for (let i = 0; i < count; i++) {
      const base = at(i);
      const logical = extentEntry.logical.get(view, base);
      // The first key of an index node means nothing.
      const counts = depth === 0 || i > 0;
      if (counts && (!Number.isSafeInteger(logical) || logical < end || (depth > 0 && logical === end)))
        this.damaged('is out of order');
      if (depth > 0) {
        if (!this.context.geometry.isDataRange(extentIndex.child.get(view, base), 1))
          this.damaged('points outside of the volume');
        end = i === 0 ? -1 : logical;
      } else {
        const length = extentEntry.length.get(view, base);
        if (!this.context.geometry.isDataRange(extentEntry.physical.get(view, base), length)) {
          this.damaged('has an extent outside of the data area');
        }
        end = logical + length;
      }
    }
  }

  protected damaged(what: string): never {
    throw new DamageError(`the extent tree of inode ${this.inode.number} ${what}`);
  }

  protected run(node: Node, entry: number): Run {
    const base = at(entry);
    return {
      logical: extentEntry.logical.get(node.view, base),
      physical: extentEntry.physical.get(node.view, base),
      length: extentEntry.length.get(node.view, base),
      unwritten: (extentEntry.flags.get(node.view, base) & EXTENT_UNWRITTEN) !== 0,
    };
  }

  protected *below(node: Node): Generator<Run> {
    const leaf = depthOf(node) === 0;
    for (let i = 0; i < countOf(node); i++) {
      if (leaf) yield this.run(node, i);
      else yield* this.below(this.child(node, i));
    }
  }

  /** The path to the leaf for `logical`; in the leaf, the last entry that starts at or below it, or -1. */
  protected descend(logical: number): Step[] {
    let node = this.root();
    const path: Step[] = [];
    for (;;) {
      const leaf = depthOf(node) === 0;
      let low = leaf ? 0 : 1;
      let high = countOf(node);
      while (low < high) {
        const middle = (low + high) >> 1;
        if (extentEntry.logical.get(node.view, at(middle)) <= logical) low = middle + 1;
        else high = middle;
      }
      path.push({ node, at: low - 1 });
      if (leaf) return path;
      node = this.child(node, low - 1);
    }
  }

  /** Where the first extent behind a path's leaf entry starts. */
  protected nextStart(path: readonly Step[]): number | undefined {
    for (let level = path.length - 1; level >= 0; level--) {
      const { node, at: entry } = path[level]!;
      if (entry + 1 >= countOf(node)) continue;
      let below = node;
      let next = entry + 1;
      while (depthOf(below) > 0) {
        below = this.child(below, next);
        next = 0;
      }
      return extentEntry.logical.get(below.view, at(next));
    }
    return undefined;
  }
}
