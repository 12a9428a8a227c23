import { EXTENT_MAGIC, EXTENT_UNWRITTEN, extentEntry, extentHeader, extentIndex } from '@vexfs/shared';
import { ExtentLookup, type Run, verified } from './extent_lookup.js';
import { at, countOf, depthOf, HEADER, type Node, type Step } from './extent_node.js';
import { emptyExtentRoot, ROOT_EXTENTS } from './inode_table.js';

/**
 * The extent tree of one inode: a B+tree of runs keyed by logical block (docs/format.md, "Extent trees"). Extents are
 * sorted, never overlap and never cross a block group. The first key of an index node is not looked at: it counts as
 * minus infinity.
 */
export class ExtentTree extends ExtentLookup {
  /** Blocks that one insertion may need at most. */
  get worstInsert(): number {
    return depthOf(this.root()) + 2;
  }

  /** Whether so many more extents find room in the inode, so that their insertions need no block. */
  fitsInRoot(extents: number): boolean {
    const root = this.root();
    return depthOf(root) === 0 && countOf(root) + extents <= ROOT_EXTENTS;
  }

  /**
   * Maps a hole to blocks. The caller has taken the blocks, made sure that the range is a hole inside one group, and
   * has required `worstInsert` more.
   */
  insert(logical: number, physical: number, length: number, unwritten = false): void {
    const flags = unwritten ? EXTENT_UNWRITTEN : 0;
    const path = this.descend(logical);
    const leaf = path[path.length - 1]!;
    this.inode.extentVersion += 1;
    if (leaf.at >= 0) {
      const base = at(leaf.at);
      const { view } = leaf.node;
      const had = extentEntry.length.get(view, base);
      const joins =
        extentEntry.logical.get(view, base) + had === logical &&
        extentEntry.physical.get(view, base) + had === physical &&
        extentEntry.flags.get(view, base) === flags &&
        this.sameGroup(extentEntry.physical.get(view, base), physical);
      if (joins) {
        this.change(leaf.node);
        extentEntry.length.set(view, base, had + length);
        return;
      }
    }
    const spare = this.takeNodes(path);
    this.addEntry(path, leaf.at + 1, spare, (view, base) => {
      extentEntry.logical.set(view, base, logical);
      extentEntry.physical.set(view, base, physical);
      extentEntry.length.set(view, base, length);
      extentEntry.flags.set(view, base, flags);
    });
  }

  /** Blocks that unmapping [from, to) needs: none but where that is the middle of an extent, of which two are left then. */
  blocksToRemove(from: number, to: number): number {
    const found = this.upTo(this.descend(from), from);
    if (found === undefined) return 0;
    const { logical, length } = this.run(found.node, found.at);
    const splits = logical < from && logical + length > to;
    return splits ? this.fullNodes(this.descend(to)) : 0;
  }

  /**
   * Unmaps [from, to) from its end backwards and hands every freed range to `give`, with its place in the file, until `budget` ranges
   * are freed. Returns the blocks freed and whether all is done; after an error what `give` has got is freed. The caller has required `blocksToRemove` (a split in the middle).
   */
  remove(
    from: number,
    to: number,
    budget: number,
    give: (physical: number, length: number, logical: number) => void,
  ): { blocks: number; done: boolean } {
    let blocks = 0;
    for (let freed = 0; freed < budget; freed++) {
      const last = this.lastBefore(to);
      if (last === undefined || last.logical + last.length <= from) return { blocks, done: true };
      const start = Math.max(last.logical, from);
      const end = Math.min(last.logical + last.length, to);
      const path = this.descend(last.logical);
      const leaf = path[path.length - 1]!;
      const base = at(leaf.at);
      this.context.expectFree?.(last.physical + (start - last.logical), end - start);
      if (start === last.logical && end === last.logical + last.length) this.expectDrop(path);
      this.inode.extentVersion += 1;
      this.change(leaf.node);
      const tail = last.logical + last.length - end;
      if (start > last.logical) extentEntry.length.set(leaf.node.view, base, start - last.logical);
      if (tail > 0) {
        const physical = last.physical + (end - last.logical);
        if (start > last.logical) {
          try {
            this.insert(end, physical, tail, last.unwritten);
          } catch (error) {
            // It has changed nothing: the extent is whole again.
            extentEntry.length.set(leaf.node.view, base, last.length);
            throw error;
          }
        } else {
          extentEntry.logical.set(leaf.node.view, base, end);
          extentEntry.physical.set(leaf.node.view, base, physical);
          extentEntry.length.set(leaf.node.view, base, tail);
          if (leaf.at === 0) this.moveKey(path, path.length - 1);
        }
      } else if (start === last.logical) {
        this.dropEntry(path);
      }
      give(last.physical + (start - last.logical), end - start, start);
      blocks += end - start;
    }
    const rest = this.lastBefore(to);
    return { blocks, done: rest === undefined || rest.logical + rest.length <= from };
  }

  /** Moves the entries of the only node below the root into the root where they fit: a tree that has become small gives its blocks back. */
  pullUp(): void {
    for (;;) {
      const root = this.root();
      if (depthOf(root) === 0 || countOf(root) !== 1) return;
      const child = this.child(root, 0);
      const count = countOf(child);
      if (count > ROOT_EXTENTS) return;
      const { number } = child.block!;
      this.context.expectFree?.(number, 1);
      this.inode.markDirty();
      root.bytes.set(child.bytes.subarray(HEADER, at(count)), HEADER);
      extentHeader.count.set(root.view, 0, count);
      extentHeader.depth.set(root.view, 0, depthOf(child));
      this.context.freeBlock(number, this.inode);
    }
  }

  /**
   * Marks the blocks [logical, logical + length) of one extent as written or unwritten. The caller has made sure that they
   * are the whole extent, or has required twice `worstInsert`.
   */
  mark(logical: number, length: number, unwritten: boolean): void {
    const leaf = this.holder(logical);
    const had = this.run(leaf.node, leaf.at);
    if (had.unwritten === unwritten) return;
    if (had.logical === logical && had.length === length) {
      this.inode.extentVersion += 1;
      this.change(leaf.node);
      extentEntry.flags.set(leaf.node.view, at(leaf.at), unwritten ? EXTENT_UNWRITTEN : 0);
    } else {
      this.remove(logical, logical + length, 1, () => {});
      try {
        this.insert(logical, had.physical + (logical - had.logical), length, unwritten);
      } catch (error) {
        this.mend(had, logical, logical + length);
        throw error;
      }
    }
    this.join(logical, 0);
    this.join(logical, 1);
  }

  /** The part [from, to) of an extent has been removed and is put back. Reads nothing that the removal has not read. */
  private mend(whole: Run, from: number, to: number): void {
    const end = whole.logical + whole.length;
    if (from > whole.logical && to < end) this.dropEntry(this.descend(to));
    const path = this.descend(from > whole.logical ? whole.logical : to);
    const leaf = path[path.length - 1]!;
    const { view } = leaf.node;
    this.change(leaf.node);
    extentEntry.logical.set(view, at(leaf.at), whole.logical);
    extentEntry.physical.set(view, at(leaf.at), whole.physical);
    extentEntry.length.set(view, at(leaf.at), whole.length);
    if (leaf.at === 0) this.moveKey(path, path.length - 1);
  }

  /** Makes one of the extent that is `back` before the one of `logical` and of the next, where they go on in each other. */
  private join(logical: number, back: number): void {
    const path = this.descend(logical);
    const leaf = path[path.length - 1]!;
    const first = leaf.at - back;
    if (first < 0 || first + 1 >= countOf(leaf.node)) return;
    const a = this.run(leaf.node, first);
    const b = this.run(leaf.node, first + 1);
    const follows = a.logical + a.length === b.logical && a.physical + a.length === b.physical;
    if (!follows || a.unwritten !== b.unwritten || !this.sameGroup(a.physical, b.physical)) return;
    this.change(leaf.node);
    extentEntry.length.set(leaf.node.view, at(first), a.length + b.length);
    leaf.at = first + 1;
    this.dropEntry(path);
  }

  private sameGroup(a: number, b: number): boolean {
    return this.context.geometry.groupOfBlock(a) === this.context.geometry.groupOfBlock(b);
  }

  private change(node: Node): void {
    if (node.block === undefined) this.inode.markDirty();
    else this.context.store.change(node.block);
  }

  /** Nodes that an insertion at the end of the path adds. */
  private fullNodes(path: readonly Step[]): number {
    let count = 0;
    while (count < path.length && this.isFull(path[path.length - 1 - count]!.node)) count += 1;
    return count;
  }

  /** Takes the blocks for all nodes that an insertion at the end of the path adds, before it changes anything. */
  private takeNodes(path: readonly Step[]): number[] {
    const count = this.fullNodes(path);
    const goal = this.context.geometry.groupStart(this.context.geometry.groupOfInode(this.inode.number));
    const taken: number[] = [];
    try {
      while (taken.length < count) taken.push(this.context.allocateBlock(goal, this.inode));
    } catch (error) {
      for (const block of taken) this.context.freeBlock(block, this.inode);
      throw error;
    }
    return taken;
  }

  private isFull(node: Node): boolean {
    return countOf(node) === extentHeader.capacity.get(node.view, 0);
  }

  private addEntry(
    path: Step[],
    position: number,
    spare: number[],
    write: (view: DataView, base: number) => void,
  ): void {
    const level = path.length - 1;
    const { node } = path[level]!;
    const count = countOf(node);
    if (!this.isFull(node)) {
      this.change(node);
      node.bytes.copyWithin(at(position + 1), at(position), at(count));
      node.bytes.fill(0, at(position), at(position + 1));
      write(node.view, at(position));
      extentHeader.count.set(node.view, 0, count + 1);
      return;
    }
    if (level === 0) {
      const down = this.pushRootDown(node, spare);
      path.unshift({ node: this.root(), at: 0 });
      path[1] = { node: down, at: path[1]!.at };
      this.addEntry(path, position, spare, write);
      return;
    }
    // Appending at the right edge leaves the full node as it is: files grow at their end.
    const keep = position === count ? count : count >> 1;
    const right = this.newNode(depthOf(node), spare);
    this.change(node);
    right.bytes.set(node.bytes.subarray(at(keep), at(count)), HEADER);
    extentHeader.count.set(right.view, 0, count - keep);
    node.bytes.fill(0, at(keep), at(count));
    extentHeader.count.set(node.view, 0, keep);
    const upper = path.slice(0, level);
    if (position >= keep) this.addEntry([...upper, { node: right, at: 0 }], position - keep, spare, write);
    else this.addEntry([...upper, { node, at: 0 }], position, spare, write);
    const key = extentEntry.logical.get(right.view, at(0));
    const child = right.block!.number;
    this.addEntry(upper, upper[level - 1]!.at + 1, spare, (view, base) => {
      extentIndex.logical.set(view, base, key);
      extentIndex.child.set(view, base, child);
    });
  }

  private newNode(depth: number, spare: number[]): Node {
    const number = spare.pop();
    if (number === undefined) throw new Error('no block was taken for a new node of an extent tree');
    const block = this.context.store.fresh(number, 'extent');
    const { view, bytes } = block;
    extentHeader.magic.set(view, 0, EXTENT_MAGIC);
    extentHeader.capacity.set(view, 0, this.capacity);
    extentHeader.depth.set(view, 0, depth);
    extentHeader.owner.set(view, 0, this.inode.number);
    verified.add(block);
    return { view, bytes, block };
  }

  /** The root's entries move into a block of their own, and the root gets one level more. */
  private pushRootDown(root: Node, spare: number[]): Node {
    const depth = depthOf(root);
    const count = countOf(root);
    const down = this.newNode(depth, spare);
    down.bytes.set(root.bytes.subarray(HEADER, at(count)), HEADER);
    extentHeader.count.set(down.view, 0, count);
    this.inode.markDirty();
    root.bytes.fill(0, HEADER);
    extentHeader.depth.set(root.view, 0, depth + 1);
    extentHeader.count.set(root.view, 0, 1);
    extentIndex.logical.set(root.view, at(0), extentEntry.logical.get(down.view, at(0)));
    extentIndex.child.set(root.view, at(0), down.block!.number);
    return down;
  }

  /** Throws what freeing the nodes that `dropEntry` empties would throw. */
  private expectDrop(path: readonly Step[]): void {
    for (let level = path.length - 1; level >= 0; level--) {
      const { node } = path[level]!;
      if (countOf(node) > 1 || node.block === undefined) return;
      this.context.expectFree?.(node.block.number, 1);
    }
  }

  /**
   * The first entry of a node on a path begins elsewhere than before: its key follows. Were it left behind, an extent put into the
   * node before could reach past it.
   */
  private moveKey(path: readonly Step[], level: number): void {
    const first = extentEntry.logical.get(path[level]!.node.view, at(0));
    for (let upper = level - 1; upper >= 0; upper--) {
      const { node, at: entry } = path[upper]!;
      if (entry === 0) continue;
      this.change(node);
      extentIndex.logical.set(node.view, at(entry), first);
      return;
    }
  }

  /** Removes the entry that a path ends at; nodes that become empty are freed. */
  private dropEntry(path: readonly Step[]): void {
    for (let level = path.length - 1; level >= 0; level--) {
      const { node, at: entry } = path[level]!;
      const count = countOf(node);
      this.change(node);
      node.bytes.copyWithin(at(entry), at(entry + 1), at(count));
      node.bytes.fill(0, at(count - 1), at(count));
      extentHeader.count.set(node.view, 0, count - 1);
      if (count > 1) {
        if (entry === 0) this.moveKey(path, level);
        return;
      }
      if (node.block === undefined) {
        emptyExtentRoot(this.inode);
        return;
      }
      this.context.freeBlock(node.block.number, this.inode);
    }
  }
}
