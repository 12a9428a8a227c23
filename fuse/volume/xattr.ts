/**
 * Extended attributes: one block an inode, with entries packed behind its header in the order in which they were set.
 * An entry is a header of 8 bytes, the name without its prefix, the value, and zeros up to a multiple of 8.
 *
 * All functions throw DamageError when the block is not what the format says, and DeviceError. What an FsError reports
 * was found out before anything was changed.
 */

import { constants } from 'node:os';
import { XATTR_MAGIC, xattrEntry, xattrHeader } from '@vexfs/shared';
import { DamageError, FsError } from './errors.js';
import type { MetaBlock } from './store.js';
import type { OwnedBlocks, TreeContext } from './tree_context.js';
import { isPlausible, prefixOf, type XattrName } from './xattr_name.js';

export { isPrefix, MAX_XATTR_NAME, parseName, type XattrName } from './xattr_name.js';

const { E2BIG, EEXIST, EINVAL, ENODATA, ENOSPC } = constants.errno;

/** XATTR_SIZE_MAX of include/uapi/linux/limits.h: bytes of a value. */
export const MAX_XATTR_VALUE = 65536;
/** Flags of setxattr(2), include/uapi/linux/xattr.h. */
export const SET_CREATE = 1;
export const SET_REPLACE = 2;

const HEADER = xattrHeader.$.size;
const ENTRY = xattrEntry.$.size;

/** Blocks of this object are known to be sound; the store makes a new object each time it reads one. */
const verified = new WeakSet<MetaBlock>();

/** A copy of the value; undefined when there is no such attribute. */
export function get(ctx: TreeContext, inode: OwnedBlocks, name: XattrName): Uint8Array | undefined {
  const block = load(ctx, inode);
  if (block === undefined) return undefined;
  const at = find(block, name);
  if (at < 0) return undefined;
  const start = at + ENTRY + name.name.length;
  return block.bytes.slice(start, start + xattrEntry.value_length.get(block.view, at));
}

/**
 * Sets an attribute. `flags`: SET_CREATE (EEXIST when it is there), SET_REPLACE (ENODATA when it is not). Throws
 * FsError: those, EINVAL for other flags or a name that `parseName` does not give, E2BIG for a value above 65,536
 * bytes, ENOSPC when the attributes do not fit in one block or there is no block (then also NeedCommit).
 */
export function set(
  ctx: TreeContext,
  inode: OwnedBlocks,
  name: XattrName,
  value: Uint8Array,
  flags = 0,
): void {
  if ((flags & ~(SET_CREATE | SET_REPLACE)) !== 0) throw new FsError(EINVAL);
  if (!isPlausible(name.space, name.name.length))
    throw new FsError(EINVAL, 'no attribute can have this name');
  if (value.length > MAX_XATTR_VALUE) throw new FsError(E2BIG);
  let block = load(ctx, inode);
  const at = block === undefined ? -1 : find(block, name);
  if (at >= 0 && (flags & SET_CREATE) !== 0) throw new FsError(EEXIST);
  if (at < 0 && (flags & SET_REPLACE) !== 0) throw new FsError(ENODATA);

  const size = padded(name.name.length, value.length);
  const used = block === undefined ? HEADER : xattrHeader.used.get(block.view, 0);
  const given = block === undefined || at < 0 ? 0 : entrySize(block, at);
  if (used - given + size > ctx.geometry.blockSize)
    throw new FsError(ENOSPC, 'the attributes do not fit in one block');
  if (block === undefined) block = create(ctx, inode);
  else ctx.store.change(block);
  if (at >= 0) cut(block, at);
  append(block, name, value);
}

/** Removes an attribute; with the last one the block is freed. Throws FsError(ENODATA) when it is not there. */
export function remove(ctx: TreeContext, inode: OwnedBlocks, name: XattrName): void {
  const block = load(ctx, inode);
  const at = block === undefined ? -1 : find(block, name);
  if (block === undefined || at < 0) throw new FsError(ENODATA);
  if (xattrHeader.count.get(block.view, 0) === 1) {
    freeAll(ctx, inode);
    return;
  }
  ctx.store.change(block);
  cut(block, at);
}

/** The full names, each ended by a NUL, as listxattr(2) gives them. */
export function list(
  ctx: TreeContext,
  inode: OwnedBlocks,
  shows: (space: number) => boolean = () => true,
): Uint8Array {
  const parts: Uint8Array[] = [];
  each(ctx, inode, (name) => {
    if (shows(name.space)) parts.push(prefixOf(name.space)!, name.name, NUL);
  });
  return new Uint8Array(Buffer.concat(parts));
}

const NUL = new Uint8Array(1);

/** Shows all attributes; name and value are windows on the block, valid during the call only. */
export function each(
  ctx: TreeContext,
  inode: OwnedBlocks,
  visit: (name: XattrName, value: Uint8Array) => void,
): void {
  const block = load(ctx, inode);
  if (block === undefined) return;
  const { view, bytes } = block;
  const used = xattrHeader.used.get(view, 0);
  for (let at = HEADER; at < used; at += entrySize(block, at)) {
    const start = at + ENTRY;
    const end = start + xattrEntry.name_length.get(view, at);
    const name = { space: xattrEntry.name_space.get(view, at), name: bytes.subarray(start, end) };
    visit(name, bytes.subarray(end, end + xattrEntry.value_length.get(view, at)));
  }
}

/** Frees the block of an inode that is being deleted, without looking into it. */
export function freeAll(ctx: TreeContext, inode: OwnedBlocks): void {
  if (inode.xattrBlock === 0) return;
  ctx.freeBlock(inode.xattrBlock, inode);
  inode.xattrBlock = 0;
  inode.markDirty();
}

function load(ctx: TreeContext, inode: OwnedBlocks): MetaBlock | undefined {
  const number = inode.xattrBlock;
  if (number === 0) return undefined;
  if (!ctx.geometry.isDataRange(number, 1)) {
    throw new DamageError(`inode ${inode.number} has block ${number} for its attributes`);
  }
  const block = ctx.store.getOwned(number, 'xattr', inode.number, xattrHeader.owner.offset);
  if (!verified.has(block)) {
    verify(block);
    verified.add(block);
  }
  return block;
}

function create(ctx: TreeContext, inode: OwnedBlocks): MetaBlock {
  ctx.requireBlocks(1);
  const { geometry } = ctx;
  const group = geometry.groupOfInode(inode.number);
  const number = ctx.allocateBlock(geometry.groupStart(group) + geometry.metadataBlocks(group), inode);
  const block = ctx.store.fresh(number, 'xattr');
  xattrHeader.magic.set(block.view, 0, XATTR_MAGIC);
  xattrHeader.used.set(block.view, 0, HEADER);
  xattrHeader.owner.set(block.view, 0, inode.number);
  verified.add(block);
  inode.xattrBlock = number;
  inode.markDirty();
  return block;
}

/** Whether these values of attributes with empty names fit in one block together. */
export function fit(ctx: TreeContext, values: readonly Uint8Array[]): boolean {
  let used = HEADER;
  for (const value of values) used += padded(0, value.length);
  return used <= ctx.geometry.blockSize;
}

function padded(nameLength: number, valueLength: number): number {
  return Math.ceil((ENTRY + nameLength + valueLength) / 8) * 8;
}

function entrySize(block: MetaBlock, at: number): number {
  return padded(xattrEntry.name_length.get(block.view, at), xattrEntry.value_length.get(block.view, at));
}

/** Where the entry begins; -1 when it is not there. */
function find(block: MetaBlock, { space, name }: XattrName): number {
  const { view, bytes } = block;
  const used = xattrHeader.used.get(view, 0);
  for (let at = HEADER; at < used; at += entrySize(block, at)) {
    if (xattrEntry.name_space.get(view, at) !== space || xattrEntry.name_length.get(view, at) !== name.length)
      continue;
    const start = at + ENTRY;
    if (Buffer.compare(bytes.subarray(start, start + name.length), name) === 0) return at;
  }
  return -1;
}

function cut(block: MetaBlock, at: number): void {
  const { view, bytes } = block;
  const used = xattrHeader.used.get(view, 0);
  const size = entrySize(block, at);
  bytes.copyWithin(at, at + size, used);
  bytes.fill(0, used - size, used);
  xattrHeader.used.set(view, 0, used - size);
  xattrHeader.count.set(view, 0, xattrHeader.count.get(view, 0) - 1);
}

function append(block: MetaBlock, { space, name }: XattrName, value: Uint8Array): void {
  const { view, bytes } = block;
  const at = xattrHeader.used.get(view, 0);
  const size = padded(name.length, value.length);
  bytes.fill(0, at, at + size);
  xattrEntry.name_space.set(view, at, space);
  xattrEntry.name_length.set(view, at, name.length);
  xattrEntry.value_length.set(view, at, value.length);
  bytes.set(name, at + ENTRY);
  bytes.set(value, at + ENTRY + name.length);
  xattrHeader.used.set(view, 0, at + size);
  xattrHeader.count.set(view, 0, xattrHeader.count.get(view, 0) + 1);
}

function verify(block: MetaBlock): void {
  const { view, bytes } = block;
  if (xattrHeader.magic.get(view, 0) !== XATTR_MAGIC) fail(block, 'has a wrong magic number');
  const used = xattrHeader.used.get(view, 0);
  if (used < HEADER || used > bytes.length || used % 8 !== 0) fail(block, `says that ${used} bytes are used`);
  const names = new Set<string>();
  let count = 0;
  let at = HEADER;
  while (at < used) {
    const space = xattrEntry.name_space.get(view, at);
    const length = xattrEntry.name_length.get(view, at);
    if (!isPlausible(space, length)) fail(block, `has a name of ${length} bytes in space ${space}`);
    const size = padded(length, xattrEntry.value_length.get(view, at));
    if (at + size > used) fail(block, `has an entry at byte ${at} that runs out of it`);
    const name = bytes.subarray(at + ENTRY, at + ENTRY + length);
    if (name.includes(0)) fail(block, 'has a name with a NUL in it');
    names.add(`${space}.${Buffer.from(name).toString('latin1')}`);
    count += 1;
    at += size;
  }
  if (names.size !== count) fail(block, 'repeats a name');
  if (xattrHeader.count.get(view, 0) !== count) fail(block, `has ${count} entries and counts another number`);
}

function fail(block: MetaBlock, what: string): never {
  throw new DamageError(`attribute block ${block.number} ${what}`);
}
