/**
 * Removal from a directory tree. A node that becomes empty is unlinked from its parent and freed; one that becomes
 * small is merged with a neighbour below the same parent when both together fill at most half a block, so that a tree
 * from which most names are removed gives its blocks back, and a merged node is far from its next split.
 */
import { directoryRoot } from '@vexfs/shared';
import {
  childAt,
  countOf,
  innerCapacity,
  innerHi,
  innerLo,
  innerMoveTail,
  innerRemove,
  leafCapacity,
  leafMoveTail,
  leafRemove,
  leafUsed,
  leafUsedWithout,
  setKey,
} from './directory_node.js';
import type { DirectoryPath } from './directory_path.js';
import { DamageError } from './errors.js';
import type { MetaBlock } from './store.js';
import type { OwnedBlocks, TreeContext } from './tree_context.js';

interface Partner {
  readonly node: MetaBlock;
  /** Whether it lies on the right of the node on the path. */
  readonly isRight: boolean;
}

/** Removes the entry at the path. The caller adjusts the count of entries. */
export function removeAt(ctx: TreeContext, dir: OwnedBlocks, path: DirectoryPath): void {
  const { depth, nodes, indexes } = path;
  const partners = plan(ctx, dir, path);

  ctx.store.change(path.leaf);
  leafRemove(path.leaf, path.slot);
  for (let level = 0; level < depth; level++) {
    const parent = nodes[level + 1]!;
    const index = indexes[level + 1]!;
    const partner = partners[level];
    if (countOf(nodes[level]!) === 0) {
      ctx.freeBlock(nodes[level]!.number, dir);
      ctx.store.change(parent);
      innerRemove(parent, index);
    } else if (partner !== undefined) {
      const rightIndex = partner.isRight ? index + 1 : index;
      const left = partner.isRight ? nodes[level]! : partner.node;
      const right = partner.isRight ? partner.node : nodes[level]!;
      merge(ctx, level, left, right, parent, rightIndex);
      ctx.freeBlock(right.number, dir);
      ctx.store.change(parent);
      innerRemove(parent, rightIndex);
      nodes[level] = left;
    } else {
      return;
    }
  }
  shrinkRoot(ctx, dir, path);
}

/** By level the neighbour to merge with, read before anything is changed; ends where nothing more will happen. */
function plan(ctx: TreeContext, dir: OwnedBlocks, path: DirectoryPath): Array<Partner | undefined> {
  const { depth, nodes, indexes } = path;
  const partners: Array<Partner | undefined> = [];
  const { blockSize } = ctx.geometry;
  for (let level = 0; level < depth; level++) {
    const node = nodes[level]!;
    if (countOf(node) === 1) {
      ctx.expectFree?.(node.number, 1);
      partners.push(undefined);
      continue;
    }
    const capacity = level === 0 ? leafCapacity(blockSize) : innerCapacity(blockSize);
    const fill = level === 0 ? leafUsedWithout(node, path.slot) : countOf(node) - 1;
    if (fill >= capacity / 4) break;
    const index = indexes[level + 1]!;
    let partner: Partner | undefined;
    for (const other of [index + 1, index - 1]) {
      if (other < 0 || other >= countOf(nodes[level + 1]!)) continue;
      const sibling = path.sibling(ctx, dir, level, other);
      if (sibling === node) throw new DamageError(`directory block ${node.number} is there twice`);
      const siblingFill = level === 0 ? leafUsed(sibling) : countOf(sibling);
      if (fill + siblingFill > capacity / 2) continue;
      partner = { node: sibling, isRight: other > index };
      ctx.expectFree?.((partner.isRight ? sibling : node).number, 1);
      break;
    }
    if (partner === undefined) break;
    partners.push(partner);
  }
  // The root is freed when it becomes empty, or when it has lost all children but one.
  if (partners.length === depth && countOf(nodes[depth]!) <= 2) ctx.expectFree?.(nodes[depth]!.number, 1);
  return partners;
}

function merge(
  ctx: TreeContext,
  level: number,
  left: MetaBlock,
  right: MetaBlock,
  parent: MetaBlock,
  rightIndex: number,
): void {
  ctx.store.change(left);
  ctx.store.change(right);
  if (level === 0) {
    leafMoveTail(right, 0, left);
    return;
  }
  setKey(right, 0, innerHi(parent, rightIndex), innerLo(parent, rightIndex));
  innerMoveTail(right, 0, left);
}

/** An empty root is freed; a root with a single child gives way to it, as far down as the path knows the nodes. */
function shrinkRoot(ctx: TreeContext, dir: OwnedBlocks, path: DirectoryPath): void {
  const { nodes } = path;
  let level = path.depth;
  let root = nodes[level]!;
  if (countOf(root) === 0) {
    ctx.freeBlock(root.number, dir);
    directoryRoot.block.set(dir.rootView, 0, 0);
    directoryRoot.depth.set(dir.rootView, 0, 0);
    return;
  }
  while (level > 0 && countOf(root) === 1) {
    const child = childAt(root, 0);
    ctx.freeBlock(root.number, dir);
    level -= 1;
    directoryRoot.block.set(dir.rootView, 0, child);
    directoryRoot.depth.set(dir.rootView, 0, level);
    root = nodes[level]!;
    if (root.number !== child) return;
  }
}
