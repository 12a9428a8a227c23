import { directoryRoot, MAX_TREE_DEPTH } from '@vexfs/shared';
import {
  childAt,
  countOf,
  innerFind,
  innerHi,
  innerLo,
  isBelow,
  leafFind,
  leafHi,
  leafLo,
  levelOf,
  nameIs,
  verify,
} from './directory_node.js';
import { DamageError } from './errors.js';
import type { NameHash } from './siphash.js';
import type { MetaBlock } from './store.js';
import type { OwnedBlocks, TreeContext } from './tree_context.js';

/** A tree context that knows how the volume hashes names: with a SipHash of the superblock's `hash_key`. */
export interface DirectoryContext extends TreeContext {
  readonly nameHash: NameHash;
}

/** Ordinals of one hash value take the low seven bits of a cookie. */
const ORDINALS = 128;
const ORDINAL_MASK = ORDINALS - 1;
/** Above every cookie. */
const END = 0xffffffff;

/** Block of the root node; 0 for an empty directory. Throws DamageError when the root struct is not plausible. */
export function rootBlock(dir: OwnedBlocks): number {
  const block = directoryRoot.block.get(dir.rootView, 0);
  const depth = directoryRoot.depth.get(dir.rootView, 0);
  if (depth > MAX_TREE_DEPTH) throw new DamageError(`directory ${dir.number} is ${depth} levels deep`);
  if (block === 0 && (depth !== 0 || directoryRoot.entries.get(dir.rootView, 0) !== 0)) {
    throw new DamageError(`directory ${dir.number} has entries but no block`);
  }
  return block;
}

/** Blocks of this object are known to be sound; the store makes a new object each time it reads one. */
const verified = new WeakSet<MetaBlock>();

/** A block that was made in memory needs no check. */
export function markVerified(node: MetaBlock): void {
  verified.add(node);
}

/** A checked node. Throws DamageError, DeviceError. */
export function loadNode(ctx: TreeContext, dir: OwnedBlocks, block: number, level: number): MetaBlock {
  if (!ctx.geometry.isDataRange(block, 1)) {
    throw new DamageError(`directory ${dir.number} has block ${block} in its tree`);
  }
  const node = ctx.store.getOwned(block, 'directory', dir.number);
  if (!verified.has(node)) {
    verify(node, ctx.geometry);
    verified.add(node);
  }
  if (levelOf(node) !== level) {
    throw new DamageError(`directory block ${block} is of level ${levelOf(node)}, not ${level}`);
  }
  return node;
}

/**
 * The way from the root to a place in a leaf, and the bounds that the index entries on it give: what lies in the node
 * of a level is not below `low` and below `high`. Bounds are checked at every step; as they narrow, no block that holds
 * an entry can be reached on two ways. Valid until the directory changes.
 */
export class DirectoryPath {
  /** Level of the root. */
  depth = 0;
  /** By level, the leaf first. */
  readonly nodes: MetaBlock[] = [];
  /** By level: the child that the path goes through, in the leaf the slot. */
  readonly indexes: number[] = [];
  private readonly lowHi: number[] = [];
  private readonly lowLo: number[] = [];
  private readonly highHi: number[] = [];
  private readonly highLo: number[] = [];

  /** Result of `seek`: the cookie of the name that was found, or the one that it would get. */
  cookieHi = 0;
  cookieLo = 0;

  get leaf(): MetaBlock {
    return this.nodes[0]!;
  }

  /** The slot in the leaf; may be its count after `descend` and `seek`. */
  get slot(): number {
    return this.indexes[0]!;
  }

  /** Goes to where a cookie is or would be. False when the directory is empty. */
  descend(ctx: TreeContext, dir: OwnedBlocks, hi: number, lo: number): boolean {
    const block = rootBlock(dir);
    if (block === 0) return false;
    const depth = directoryRoot.depth.get(dir.rootView, 0);
    this.depth = depth;
    this.lowHi[depth] = 0;
    this.lowLo[depth] = 0;
    this.highHi[depth] = END;
    this.highLo[depth] = END;
    this.down(ctx, dir, block, depth, hi, lo);
    return true;
  }

  /** To the first slot of the next leaf. False at the end of the directory; the path is then of no more use. */
  nextLeaf(ctx: TreeContext, dir: OwnedBlocks): boolean {
    for (let level = 1; level <= this.depth; level++) {
      const index = this.indexes[level]! + 1;
      if (index >= countOf(this.nodes[level]!)) continue;
      this.indexes[level] = index;
      this.down(ctx, dir, this.bound(level), level - 1, 0, 0);
      return true;
    }
    return false;
  }

  /** A checked child of the node at `level` + 1 other than that on the path. */
  sibling(ctx: TreeContext, dir: OwnedBlocks, level: number, index: number): MetaBlock {
    const onPath = this.indexes[level + 1]!;
    this.indexes[level + 1] = index;
    const node = loadNode(ctx, dir, this.bound(level + 1), level);
    this.check(node, level);
    this.indexes[level + 1] = onPath;
    this.bound(level + 1);
    return node;
  }

  /**
   * Looks for a name. True: the path is at its entry. False: the path is where an entry with the cookie `cookieHi`,
   * `cookieLo` belongs, but when `cookieLo` is negative there is no cookie left for the name; an empty directory has no path.
   */
  seek(ctx: DirectoryContext, dir: OwnedBlocks, name: Uint8Array): boolean {
    const { nameHash } = ctx;
    nameHash.hash(name);
    const hi = (((nameHash.hi & 0xffffff) << 7) | (nameHash.lo >>> 25)) >>> 0;
    const base = (nameHash.lo << 7) >>> 0;
    const first = hi === 0 && base === 0 ? 3 : 0;
    const last = hi === 0x7fffffff && base + ORDINAL_MASK === 0xffffffff ? ORDINALS - 2 : ORDINALS - 1;

    let gap = -1;
    let next = first;
    this.cookieHi = hi;
    this.cookieLo = base + first;
    if (!this.descend(ctx, dir, hi, base + first)) return false;
    for (;;) {
      const leaf = this.nodes[0]!;
      const slot = this.indexes[0]!;
      if (slot === countOf(leaf)) {
        // Entries of one hash may go on in the next leaf, but only if the bound between the two has that hash as well.
        if (this.highHi[0] !== hi || this.highLo[0]! - base > ORDINAL_MASK || this.highLo[0]! < base) break;
        if (!this.nextLeaf(ctx, dir)) break;
        continue;
      }
      const entryLo = leafLo(leaf, slot);
      if (leafHi(leaf, slot) !== hi || entryLo - base > ORDINAL_MASK) break;
      const ordinal = entryLo - base;
      if (gap < 0 && ordinal > next) gap = next;
      next = ordinal + 1;
      if (nameIs(leaf, slot, name)) {
        this.cookieLo = entryLo;
        return true;
      }
      this.indexes[0] = slot + 1;
    }
    if (gap < 0) gap = next;
    if (gap > last) {
      this.cookieLo = -1;
    } else if (next !== first) {
      this.cookieLo = base + gap;
      this.descend(ctx, dir, hi, this.cookieLo);
    }
    return false;
  }

  private down(
    ctx: TreeContext,
    dir: OwnedBlocks,
    top: number,
    topLevel: number,
    hi: number,
    lo: number,
  ): void {
    let block = top;
    for (let level = topLevel; level >= 0; level--) {
      const node = loadNode(ctx, dir, block, level);
      this.nodes[level] = node;
      this.check(node, level);
      if (level === 0) {
        this.indexes[0] = leafFind(node, hi, lo);
      } else {
        this.indexes[level] = innerFind(node, hi, lo);
        block = this.bound(level);
      }
    }
  }

  /** Takes the bounds of the child at `indexes[level]` from the node and returns the child's block. */
  private bound(level: number): number {
    const node = this.nodes[level]!;
    const index = this.indexes[level]!;
    const below = level - 1;
    const ends = index + 1 === countOf(node);
    this.lowHi[below] = index === 0 ? this.lowHi[level]! : innerHi(node, index);
    this.lowLo[below] = index === 0 ? this.lowLo[level]! : innerLo(node, index);
    this.highHi[below] = ends ? this.highHi[level]! : innerHi(node, index + 1);
    this.highLo[below] = ends ? this.highLo[level]! : innerLo(node, index + 1);
    return childAt(node, index);
  }

  private check(node: MetaBlock, level: number): void {
    const lowHi = this.lowHi[level]!;
    const lowLo = this.lowLo[level]!;
    const highHi = this.highHi[level]!;
    const highLo = this.highLo[level]!;
    const last = countOf(node) - 1;
    let sound: boolean;
    if (level === 0) {
      sound =
        !isBelow(leafHi(node, 0), leafLo(node, 0), lowHi, lowLo) &&
        isBelow(leafHi(node, last), leafLo(node, last), highHi, highLo);
    } else {
      sound =
        last === 0 ||
        (isBelow(lowHi, lowLo, innerHi(node, 1), innerLo(node, 1)) &&
          isBelow(innerHi(node, last), innerLo(node, last), highHi, highLo));
    }
    if (!sound) throw new DamageError(`directory block ${node.number} holds cookies outside of its bounds`);
  }
}
