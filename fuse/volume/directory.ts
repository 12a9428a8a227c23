/**
 * Directories: a tree of names sorted by cookie. The 63-bit cookie is the 56-bit hash of the name, then seven bits that
 * tell names with the same hash apart; it stays the same for as long as the name exists, so readdir resumes by it.
 * "." and ".." are not stored. An empty directory has no blocks.
 *
 * All functions throw DamageError when a block is not what the format says, and DeviceError. What an FsError reports
 * was found out before anything was changed.
 */

import { constants } from 'node:os';
import { directoryRoot, MAX_TREE_DEPTH } from '@vexfs/shared';
import {
  countOf,
  initialise,
  innerCapacity,
  innerHi,
  innerInsert,
  innerLo,
  innerMoveTail,
  inodeAt,
  leafCut,
  leafHasRoom,
  leafHi,
  leafInsert,
  leafLo,
  leafMoveTail,
  MAX_NAME,
  nameAt,
  setTarget,
  typeAt,
} from './directory_node.js';
import { type DirectoryContext, DirectoryPath, markVerified, rootBlock } from './directory_path.js';
import { removeAt } from './directory_shrink.js';
import { FsError } from './errors.js';
import type { MetaBlock } from './store.js';
import type { OwnedBlocks, TreeContext } from './tree_context.js';

export type { DirectoryContext } from './directory_path.js';
export { type DirectoryVisitor, freeAll, walk } from './directory_walk.js';
export { type NameHash, SipHash } from './siphash.js';
export type { OwnedBlocks, TreeContext } from './tree_context.js';

const { EEXIST, EINVAL, ENAMETOOLONG, ENOENT, ENOSPC } = constants.errno;

/** What a name leads to. `type` is kept as it was given to `insert`. */
export interface Target {
  readonly inode: number;
  readonly type: number;
}

export interface FoundEntry extends Target {
  readonly cookieHi: number;
  readonly cookieLo: number;
}

/** A 63-bit cookie as two unsigned 32-bit halves. */
export interface Cookie {
  readonly hi: number;
  readonly lo: number;
}

/** Sees an entry; `name` is valid during the call only. Returns whether to go on. It must not change the directory. */
export type EntryVisitor = (
  name: Uint8Array,
  inode: number,
  type: number,
  cookieHi: number,
  cookieLo: number,
) => boolean;

/** For all but `iterate`, whose visitor may come back here. */
const shared = new DirectoryPath();

export function cookieToBig(hi: number, lo: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo);
}

/** The low 64 bits count. */
export function cookieFromBig(cookie: bigint): Cookie {
  return { hi: Number((cookie >> 32n) & 0xffffffffn), lo: Number(cookie & 0xffffffffn) };
}

/** Names in the directory, "." and ".." not counted. */
export function entryCount(dir: OwnedBlocks): number {
  return directoryRoot.entries.get(dir.rootView, 0);
}

export function lookup(ctx: DirectoryContext, dir: OwnedBlocks, name: Uint8Array): FoundEntry | undefined {
  if (!shared.seek(ctx, dir, name)) return undefined;
  const { leaf, slot, cookieHi, cookieLo } = shared;
  return { inode: inodeAt(leaf, slot), type: typeAt(leaf, slot), cookieHi, cookieLo };
}

/**
 * Adds a name of 1 to 255 bytes, free of NUL and '/'. Throws FsError: EEXIST, ENOSPC when 128 names have the same hash
 * already or blocks are wanting (then also NeedCommit), EINVAL and ENAMETOOLONG for the length.
 */
export function insert(
  ctx: DirectoryContext,
  dir: OwnedBlocks,
  name: Uint8Array,
  inode: number,
  type: number,
): void {
  if (name.length === 0) throw new FsError(EINVAL, 'a name has at least one byte');
  if (name.length > MAX_NAME) throw new FsError(ENAMETOOLONG);
  if (shared.seek(ctx, dir, name)) throw new FsError(EEXIST);
  const { cookieHi, cookieLo } = shared;
  if (cookieLo < 0) throw new FsError(ENOSPC, 'no cookie is left for names with this hash');
  if (rootBlock(dir) === 0) {
    ctx.requireBlocks(1);
    const leaf = newNode(ctx, dir, ctx.allocateBlock(firstGoal(ctx, dir), dir), 0);
    leafInsert(leaf, 0, cookieHi, cookieLo, name, inode, type);
    directoryRoot.block.set(dir.rootView, 0, leaf.number);
  } else {
    const { leaf, slot } = shared;
    if (leafHasRoom(leaf, name.length)) {
      ctx.store.change(leaf);
      leafInsert(leaf, slot, cookieHi, cookieLo, name, inode, type);
    } else {
      splitAndInsert(ctx, dir, shared, name, inode, type);
    }
  }
  directoryRoot.entries.set(dir.rootView, 0, entryCount(dir) + 1);
  dir.markDirty();
}

/**
 * Blocks that `insert` of this name would allocate now, for operations that need others beside them: they call
 * requireBlocks with the sum before their first change. 0 when the name is there.
 */
export function blocksToInsert(ctx: DirectoryContext, dir: OwnedBlocks, name: Uint8Array): number {
  if (shared.seek(ctx, dir, name)) return 0;
  if (rootBlock(dir) === 0) return 1;
  return leafHasRoom(shared.leaf, name.length) ? 0 : blocksToSplit(ctx, shared);
}

/** Removes a name and returns what it led to; undefined when it is not there. */
export function remove(ctx: DirectoryContext, dir: OwnedBlocks, name: Uint8Array): Target | undefined {
  if (!shared.seek(ctx, dir, name)) return undefined;
  const { leaf, slot } = shared;
  const target = { inode: inodeAt(leaf, slot), type: typeAt(leaf, slot) };
  removeAt(ctx, dir, shared);
  directoryRoot.entries.set(dir.rootView, 0, Math.max(0, entryCount(dir) - 1));
  dir.markDirty();
  return target;
}

/** Lets an existing name lead elsewhere; its cookie stays. Returns the old target. Throws FsError(ENOENT). */
export function replace(
  ctx: DirectoryContext,
  dir: OwnedBlocks,
  name: Uint8Array,
  inode: number,
  type: number,
): Target {
  if (!shared.seek(ctx, dir, name)) throw new FsError(ENOENT);
  const { leaf, slot } = shared;
  const old = { inode: inodeAt(leaf, slot), type: typeAt(leaf, slot) };
  ctx.store.change(leaf);
  setTarget(leaf, slot, inode, type);
  return old;
}

/**
 * Shows the entries from the first whose cookie is not below `from`, in ascending order of cookies, until the visitor
 * returns false. To resume behind an entry begin at its cookie plus one: an entry that exists all the time is then seen
 * exactly once, whatever is added and removed between the calls.
 */
export function iterate(ctx: DirectoryContext, dir: OwnedBlocks, from: Cookie, visit: EntryVisitor): void {
  const path = new DirectoryPath();
  if (!path.descend(ctx, dir, from.hi, from.lo)) return;
  do {
    const { leaf } = path;
    const count = countOf(leaf);
    for (let slot = path.slot; slot < count; slot++) {
      const inode = inodeAt(leaf, slot);
      if (!visit(nameAt(leaf, slot), inode, typeAt(leaf, slot), leafHi(leaf, slot), leafLo(leaf, slot)))
        return;
    }
  } while (path.nextLeaf(ctx, dir));
}

/** Near the other blocks of the directory's group. */
function firstGoal(ctx: TreeContext, dir: OwnedBlocks): number {
  const group = ctx.geometry.groupOfInode(dir.number);
  return ctx.geometry.groupStart(group) + ctx.geometry.metadataBlocks(group);
}

/** Takes all blocks of a split before its first change; the first of them is the last of the list. */
function takeBlocks(ctx: TreeContext, dir: OwnedBlocks, goal: number, count: number): number[] {
  const taken: number[] = [];
  try {
    for (let at = goal; taken.length < count; at = taken[0]! + 1) taken.unshift(ctx.allocateBlock(at, dir));
  } catch (error) {
    for (const block of taken) ctx.freeBlock(block, dir);
    throw error;
  }
  return taken;
}

function newNode(ctx: TreeContext, dir: OwnedBlocks, block: number, level: number): MetaBlock {
  const node = ctx.store.fresh(block, 'directory');
  initialise(node, level, dir.number);
  markVerified(node);
  return node;
}

/** One for the leaf and each full node above it, and one more when the root is among them. */
function blocksToSplit(ctx: TreeContext, { depth, nodes }: DirectoryPath): number {
  const capacity = innerCapacity(ctx.geometry.blockSize);
  let full = 1;
  while (full <= depth && countOf(nodes[full]!) >= capacity) full += 1;
  return full > depth ? full + 1 : full;
}

/** Inserts at a path whose leaf is full. Counts and demands the blocks of all splits before the first change. */
function splitAndInsert(
  ctx: TreeContext,
  dir: OwnedBlocks,
  path: DirectoryPath,
  name: Uint8Array,
  inode: number,
  type: number,
): void {
  const { depth, nodes, indexes } = path;
  const blocks = blocksToSplit(ctx, path);
  if (blocks > depth + 1 && depth === MAX_TREE_DEPTH) {
    throw new FsError(ENOSPC, 'the directory is at its largest depth');
  }
  ctx.requireBlocks(blocks);
  const capacity = innerCapacity(ctx.geometry.blockSize);

  let left = nodes[0]!;
  const fresh = takeBlocks(ctx, dir, left.number + 1, blocks);
  let right = newNode(ctx, dir, fresh.pop()!, 0);
  ctx.store.change(left);
  const slot = indexes[0]!;
  const cut = leafCut(left, slot, name.length);
  const { cookieHi, cookieLo } = path;
  if (slot < cut) {
    leafMoveTail(left, cut - 1, right);
    leafInsert(left, slot, cookieHi, cookieLo, name, inode, type);
  } else {
    leafMoveTail(left, cut, right);
    leafInsert(right, slot - cut, cookieHi, cookieLo, name, inode, type);
  }

  let keyHi = leafHi(right, 0);
  let keyLo = leafLo(right, 0);
  for (let level = 1; level <= depth; level++) {
    const child = right.number;
    const at = indexes[level]! + 1;
    left = nodes[level]!;
    ctx.store.change(left);
    if (countOf(left) < capacity) {
      innerInsert(left, at, keyHi, keyLo, child);
      return;
    }
    const middle = capacity >>> 1;
    right = newNode(ctx, dir, fresh.pop()!, level);
    innerMoveTail(left, middle, right);
    if (at <= middle) innerInsert(left, at, keyHi, keyLo, child);
    else innerInsert(right, at - middle, keyHi, keyLo, child);
    keyHi = innerHi(right, 0);
    keyLo = innerLo(right, 0);
  }
  const top = newNode(ctx, dir, fresh.pop()!, depth + 1);
  innerInsert(top, 0, 0, 0, left.number);
  innerInsert(top, 1, keyHi, keyLo, right.number);
  directoryRoot.block.set(dir.rootView, 0, top.number);
  directoryRoot.depth.set(dir.rootView, 0, depth + 1);
}
