import { directoryRoot } from '@vexfs/shared';
import {
  childAt,
  countOf,
  innerHi,
  innerLo,
  innerRemove,
  inodeAt,
  isBelow,
  leafHi,
  leafLo,
  nameAt,
  typeAt,
} from './directory_node.js';
import { type DirectoryContext, DirectoryPath, loadNode, rootBlock } from './directory_path.js';
import { DamageError } from './errors.js';
import type { MetaBlock } from './store.js';
import type { OwnedBlocks, TreeContext } from './tree_context.js';

/**
 * Frees up to about `budget` blocks of a directory that is being deleted, its last ones first, and returns whether all
 * are freed. The tree is sound after every call, so calls may lie in different transactions.
 */
export function freeAll(ctx: TreeContext, dir: OwnedBlocks, budget: number): boolean {
  const path = new DirectoryPath();
  let left = budget;
  while (rootBlock(dir) !== 0) {
    if (left <= 0) return false;
    path.descend(ctx, dir, 0xffffffff, 0xffffffff);
    for (let level = 0; level <= path.depth; level++) {
      ctx.expectFree?.(path.nodes[level]!.number, 1);
      if (level < path.depth && countOf(path.nodes[level + 1]!) > 1) break;
    }
    const entries = directoryRoot.entries.get(dir.rootView, 0) - countOf(path.leaf);
    directoryRoot.entries.set(dir.rootView, 0, Math.max(0, entries));
    dir.markDirty();
    ctx.freeBlock(path.leaf.number, dir);
    left -= 1;
    let level = 1;
    for (; level <= path.depth; level++) {
      const node = path.nodes[level]!;
      if (countOf(node) > 1) {
        ctx.store.change(node);
        innerRemove(node, countOf(node) - 1);
        break;
      }
      ctx.freeBlock(node.number, dir);
      left -= 1;
    }
    if (level > path.depth) {
      directoryRoot.block.set(dir.rootView, 0, 0);
      directoryRoot.depth.set(dir.rootView, 0, 0);
      directoryRoot.entries.set(dir.rootView, 0, 0);
    }
  }
  return true;
}

/** What a check of the whole tree reports. */
export interface DirectoryVisitor {
  /** A block that the tree refers to, in the data area, not read yet. False: do not look into it. */
  block(number: number, level: number): boolean;
  /** A sound entry, in ascending order of cookies; `name` is valid during the call only. */
  entry(name: Uint8Array, inode: number, type: number, cookieHi: number, cookieLo: number): void;
  /** What is wrong; the walk goes on behind the block. `block` is 0 for the root struct in the inode. */
  damage(error: DamageError, block: number): void;
}

/**
 * Checks a directory completely: every block by itself, the bounds that parents give, the hash of every name, that no
 * name is there twice, the count of entries. Reports damage to the visitor; throws DeviceError only.
 */
export function walk(ctx: DirectoryContext, dir: OwnedBlocks, visitor: DirectoryVisitor): void {
  new Walk(ctx, dir, visitor).run();
}

class Walk {
  private readonly ctx: DirectoryContext;
  private readonly dir: OwnedBlocks;
  private readonly visitor: DirectoryVisitor;
  private entries = 0;
  private complete = true;
  private hashHi = -1;
  private hashLo = -1;
  /** Names of the current hash. */
  private readonly alike = new Set<string>();

  constructor(ctx: DirectoryContext, dir: OwnedBlocks, visitor: DirectoryVisitor) {
    this.ctx = ctx;
    this.dir = dir;
    this.visitor = visitor;
  }

  run(): void {
    const { dir } = this;
    let block = 0;
    try {
      block = rootBlock(dir);
    } catch (error) {
      this.report(error, 0);
      return;
    }
    if (block === 0) return;
    this.node(block, directoryRoot.depth.get(dir.rootView, 0), 0, 0, 0xffffffff, 0xffffffff);
    const counted = directoryRoot.entries.get(dir.rootView, 0);
    if (this.complete && counted !== this.entries) {
      this.report(
        new DamageError(`directory ${dir.number} has ${this.entries} entries and counts ${counted}`),
        0,
      );
    }
  }

  private node(
    block: number,
    level: number,
    lowHi: number,
    lowLo: number,
    highHi: number,
    highLo: number,
  ): void {
    const { ctx, dir, visitor } = this;
    let node: MetaBlock;
    try {
      if (!ctx.geometry.isDataRange(block, 1)) {
        throw new DamageError(`directory ${dir.number} has block ${block} in its tree`);
      }
      if (!visitor.block(block, level)) {
        this.complete = false;
        return;
      }
      node = loadNode(ctx, dir, block, level);
    } catch (error) {
      this.complete = false;
      this.report(error, block);
      return;
    }
    if (level === 0) {
      this.leaf(node, lowHi, lowLo, highHi, highLo);
      return;
    }
    const count = countOf(node);
    for (let i = 0; i < count; i++) {
      const fromHi = i === 0 ? lowHi : innerHi(node, i);
      const fromLo = i === 0 ? lowLo : innerLo(node, i);
      const toHi = i + 1 === count ? highHi : innerHi(node, i + 1);
      const toLo = i + 1 === count ? highLo : innerLo(node, i + 1);
      if (
        isBelow(fromHi, fromLo, lowHi, lowLo) ||
        isBelow(highHi, highLo, toHi, toLo) ||
        !isBelow(fromHi, fromLo, toHi, toLo)
      ) {
        this.complete = false;
        this.report(new DamageError(`directory block ${block} has child ${i} outside of its bounds`), block);
        continue;
      }
      this.node(childAt(node, i), level - 1, fromHi, fromLo, toHi, toLo);
    }
  }

  private leaf(leaf: MetaBlock, lowHi: number, lowLo: number, highHi: number, highLo: number): void {
    const { nameHash } = this.ctx;
    const count = countOf(leaf);
    for (let slot = 0; slot < count; slot++) {
      this.entries += 1;
      const name = nameAt(leaf, slot);
      const hi = leafHi(leaf, slot);
      const lo = leafLo(leaf, slot);
      nameHash.hash(name);
      const hashHi = (((nameHash.hi & 0xffffff) << 7) | (nameHash.lo >>> 25)) >>> 0;
      const hashLo = (nameHash.lo << 7) >>> 0;
      let wrong: string | undefined;
      if (isBelow(hi, lo, lowHi, lowLo) || !isBelow(hi, lo, highHi, highLo))
        wrong = 'lies outside of its bounds';
      else if (hi !== hashHi || (lo & ~0x7f) >>> 0 !== hashLo) wrong = 'does not belong to its name';
      else if (this.isRepeated(hashHi, hashLo, name)) wrong = 'repeats a name';
      if (wrong === undefined) {
        this.visitor.entry(name, inodeAt(leaf, slot), typeAt(leaf, slot), hi, lo);
      } else {
        this.report(
          new DamageError(`directory block ${leaf.number} has an entry ${slot} that ${wrong}`),
          leaf.number,
        );
      }
    }
  }

  private isRepeated(hashHi: number, hashLo: number, name: Uint8Array): boolean {
    if (hashHi !== this.hashHi || hashLo !== this.hashLo) {
      this.hashHi = hashHi;
      this.hashLo = hashLo;
      this.alike.clear();
    }
    const { size } = this.alike;
    this.alike.add(Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1'));
    return this.alike.size === size;
  }

  private report(error: unknown, block: number): void {
    if (!(error instanceof DamageError)) throw error;
    this.visitor.damage(error, block);
  }
}
