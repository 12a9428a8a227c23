/**
 * One block of a directory tree. A leaf holds an array of u16 slots behind its header, sorted by cookie, each the offset
 * of a record; records grow from the end of the block downwards, and what removed ones leave behind is counted as
 * garbage until the leaf is compacted. An inner node holds index entries sorted by cookie; the key of its first entry is
 * not looked at, everything below the second key belongs to the first child.
 *
 * Cookies are 63 bits and travel as two unsigned 32-bit halves.
 */
import {
  DIRECTORY_MAGIC,
  DIRECTORY_NAME_OFFSET,
  directoryEntry,
  directoryHeader,
  directoryIndex,
  MAX_BLOCK_SIZE,
} from '@vexfs/shared';
import { DamageError } from './errors.js';
import type { Geometry } from './geometry.js';
import type { MetaBlock } from './store.js';

export const MAX_NAME = 255;

const HEADER = directoryHeader.$.size;
const SLOT = 2;
const INDEX = directoryIndex.$.size;
const COOKIE_LO = directoryEntry.cookie.offset;
const COOKIE_HI = directoryEntry.cookie.offset + 4;
const NAME_LENGTH = directoryEntry.name_length.offset;
const NUL = 0;
const SLASH = 0x2f;
/** Cookies 0, 1 and 2 and the largest of 63 bits belong to no entry. */
const LOWEST_COOKIE_LO = 3;
const LARGEST_HI = 0x7fffffff;
const LARGEST_LO = 0xffffffff;

export function isBelow(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  return aHi < bHi || (aHi === bHi && aLo < bLo);
}

/** Bytes that a record with a name of this length takes, its slot not counted. */
export function recordSize(nameLength: number): number {
  return (DIRECTORY_NAME_OFFSET + nameLength + 7) & ~7;
}

/** Bytes that records with their slots may take in a leaf. */
export function leafCapacity(blockSize: number): number {
  return blockSize - HEADER;
}

/** Children that an inner node may have. */
export function innerCapacity(blockSize: number): number {
  return Math.floor((blockSize - HEADER) / INDEX);
}

export function countOf(node: MetaBlock): number {
  return node.view.getUint16(directoryHeader.count.offset, true);
}

export function levelOf(node: MetaBlock): number {
  return directoryHeader.level.get(node.view, 0);
}

function setCount(node: MetaBlock, count: number): void {
  directoryHeader.count.set(node.view, 0, count);
}

/** Makes a zeroed block an empty node. */
export function initialise(node: MetaBlock, level: number, owner: number): void {
  const { view } = node;
  directoryHeader.magic.set(view, 0, DIRECTORY_MAGIC);
  directoryHeader.level.set(view, 0, level);
  directoryHeader.owner.set(view, 0, owner);
  if (level === 0) directoryHeader.data_start.set(view, 0, node.bytes.length);
}

// Leaves

/** Where the record of slot `index` begins. */
export function recordAt(leaf: MetaBlock, index: number): number {
  return leaf.view.getUint16(HEADER + index * SLOT, true);
}

export function leafHi(leaf: MetaBlock, index: number): number {
  return leaf.view.getUint32(recordAt(leaf, index) + COOKIE_HI, true);
}

export function leafLo(leaf: MetaBlock, index: number): number {
  return leaf.view.getUint32(recordAt(leaf, index) + COOKIE_LO, true);
}

function sizeAt(leaf: MetaBlock, index: number): number {
  return recordSize(leaf.bytes[recordAt(leaf, index) + NAME_LENGTH]!);
}

/** The first slot whose cookie is not below the given one; the count when there is none. */
export function leafFind(leaf: MetaBlock, hi: number, lo: number): number {
  const { view } = leaf;
  let from = 0;
  let to = countOf(leaf);
  while (from < to) {
    const middle = (from + to) >>> 1;
    const at = view.getUint16(HEADER + middle * SLOT, true);
    const entryHi = view.getUint32(at + COOKIE_HI, true);
    if (entryHi < hi || (entryHi === hi && view.getUint32(at + COOKIE_LO, true) < lo)) from = middle + 1;
    else to = middle;
  }
  return from;
}

export function nameIs(leaf: MetaBlock, index: number, name: Uint8Array): boolean {
  const { bytes } = leaf;
  const at = recordAt(leaf, index);
  const { length } = name;
  if (bytes[at + NAME_LENGTH] !== length) return false;
  const start = at + DIRECTORY_NAME_OFFSET;
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== name[i]) return false;
  }
  return true;
}

/** A window on the name, valid until the leaf is changed. */
export function nameAt(leaf: MetaBlock, index: number): Uint8Array {
  const at = recordAt(leaf, index);
  const start = at + DIRECTORY_NAME_OFFSET;
  return leaf.bytes.subarray(start, start + leaf.bytes[at + NAME_LENGTH]!);
}

export function inodeAt(leaf: MetaBlock, index: number): number {
  return directoryEntry.inode.get(leaf.view, recordAt(leaf, index));
}

export function typeAt(leaf: MetaBlock, index: number): number {
  return directoryEntry.type.get(leaf.view, recordAt(leaf, index));
}

export function setTarget(leaf: MetaBlock, index: number, inode: number, type: number): void {
  const at = recordAt(leaf, index);
  directoryEntry.inode.set(leaf.view, at, inode);
  directoryEntry.type.set(leaf.view, at, type);
}

/** Bytes taken by live records and their slots. */
export function leafUsed(leaf: MetaBlock): number {
  const { view } = leaf;
  const records =
    leaf.bytes.length - directoryHeader.data_start.get(view, 0) - directoryHeader.garbage.get(view, 0);
  return records + countOf(leaf) * SLOT;
}

/** What `leafUsed` would be without the entry. */
export function leafUsedWithout(leaf: MetaBlock, index: number): number {
  return leafUsed(leaf) - sizeAt(leaf, index) - SLOT;
}

export function leafHasRoom(leaf: MetaBlock, nameLength: number): boolean {
  return leafUsed(leaf) + recordSize(nameLength) + SLOT <= leafCapacity(leaf.bytes.length);
}

/** Space for a record and its slot at `index`; returns where the record begins. There must be room. */
function openRecord(leaf: MetaBlock, index: number, size: number): number {
  const { view, bytes } = leaf;
  const count = countOf(leaf);
  const slot = HEADER + index * SLOT;
  const end = HEADER + count * SLOT;
  if (directoryHeader.data_start.get(view, 0) - end < size + SLOT) compact(leaf);
  const at = directoryHeader.data_start.get(view, 0) - size;
  bytes.copyWithin(slot + SLOT, slot, end);
  view.setUint16(slot, at, true);
  setCount(leaf, count + 1);
  directoryHeader.data_start.set(view, 0, at);
  return at;
}

export function leafInsert(
  leaf: MetaBlock,
  index: number,
  hi: number,
  lo: number,
  name: Uint8Array,
  inode: number,
  type: number,
): void {
  const size = recordSize(name.length);
  const at = openRecord(leaf, index, size);
  const { view, bytes } = leaf;
  bytes.fill(0, at + DIRECTORY_NAME_OFFSET + name.length, at + size);
  view.setUint32(at + COOKIE_LO, lo, true);
  view.setUint32(at + COOKIE_HI, hi, true);
  directoryEntry.inode.set(view, at, inode);
  directoryEntry.type.set(view, at, type);
  bytes[at + NAME_LENGTH] = name.length;
  bytes.set(name, at + DIRECTORY_NAME_OFFSET);
}

/** The record is zeroed, so that removed names do not stay on the volume. */
export function leafRemove(leaf: MetaBlock, index: number): void {
  const { view, bytes } = leaf;
  const at = recordAt(leaf, index);
  const size = sizeAt(leaf, index);
  const count = countOf(leaf);
  const start = directoryHeader.data_start.get(view, 0);
  bytes.fill(0, at, at + size);
  if (at === start) directoryHeader.data_start.set(view, 0, at + size);
  else directoryHeader.garbage.set(view, 0, directoryHeader.garbage.get(view, 0) + size);
  const slot = HEADER + index * SLOT;
  bytes.copyWithin(slot, slot + SLOT, HEADER + count * SLOT);
  setCount(leaf, count - 1);
}

const scratch = new Uint8Array(MAX_BLOCK_SIZE);

/** Moves the records together at the end of the block. */
function compact(leaf: MetaBlock): void {
  const { view, bytes } = leaf;
  const size = bytes.length;
  const count = countOf(leaf);
  let start = size;
  for (let i = 0; i < count; i++) {
    const at = recordAt(leaf, i);
    const length = sizeAt(leaf, i);
    start -= length;
    for (let b = 0; b < length; b++) scratch[start + b] = bytes[at + b]!;
    view.setUint16(HEADER + i * SLOT, start, true);
  }
  bytes.set(scratch.subarray(start, size), start);
  bytes.fill(0, HEADER + count * SLOT, start);
  directoryHeader.data_start.set(view, 0, start);
  directoryHeader.garbage.set(view, 0, 0);
}

/** Moves the entries from `from` on to the end of `target`, where there must be room for them. */
export function leafMoveTail(source: MetaBlock, from: number, target: MetaBlock): void {
  const count = countOf(source);
  let end = countOf(target);
  for (let i = from; i < count; i++) {
    const at = recordAt(source, i);
    const size = sizeAt(source, i);
    const to = openRecord(target, end, size);
    for (let b = 0; b < size; b++) target.bytes[to + b] = source.bytes[at + b]!;
    end += 1;
  }
  setCount(source, from);
  compact(source);
}

/**
 * Where to cut a full leaf that gets one more entry at `index`: the number of entries, the new one among them, that
 * stay on the left. Both sides fit and neither is empty, because a leaf holds at least three of the largest records.
 */
export function leafCut(leaf: MetaBlock, index: number, nameLength: number): number {
  const count = countOf(leaf);
  const size = recordSize(nameLength) + SLOT;
  const half = (leafUsed(leaf) + size) / 2;
  let sum = 0;
  for (let kept = 0; kept < count; kept++) {
    if (kept === index) sum += size;
    else sum += sizeAt(leaf, kept < index ? kept : kept - 1) + SLOT;
    if (sum >= half) return kept + 1;
  }
  return count;
}

// Inner nodes

export function innerHi(node: MetaBlock, index: number): number {
  return node.view.getUint32(HEADER + index * INDEX + 4, true);
}

export function innerLo(node: MetaBlock, index: number): number {
  return node.view.getUint32(HEADER + index * INDEX, true);
}

export function childAt(node: MetaBlock, index: number): number {
  return directoryIndex.child.get(node.view, HEADER + index * INDEX);
}

export function setKey(node: MetaBlock, index: number, hi: number, lo: number): void {
  node.view.setUint32(HEADER + index * INDEX, lo, true);
  node.view.setUint32(HEADER + index * INDEX + 4, hi, true);
}

/** The child that a cookie belongs to: the last whose key is not above it. */
export function innerFind(node: MetaBlock, hi: number, lo: number): number {
  const { view } = node;
  let from = 1;
  let to = countOf(node);
  while (from < to) {
    const middle = (from + to) >>> 1;
    const at = HEADER + middle * INDEX;
    const keyHi = view.getUint32(at + 4, true);
    if (keyHi < hi || (keyHi === hi && view.getUint32(at, true) <= lo)) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}

export function innerInsert(node: MetaBlock, index: number, hi: number, lo: number, child: number): void {
  const count = countOf(node);
  const at = HEADER + index * INDEX;
  node.bytes.copyWithin(at + INDEX, at, HEADER + count * INDEX);
  setCount(node, count + 1);
  setKey(node, index, hi, lo);
  directoryIndex.child.set(node.view, at, child);
}

export function innerRemove(node: MetaBlock, index: number): void {
  const count = countOf(node);
  const at = HEADER + index * INDEX;
  const end = HEADER + count * INDEX;
  node.bytes.copyWithin(at, at + INDEX, end);
  node.bytes.fill(0, end - INDEX, end);
  setCount(node, count - 1);
}

/** Moves the children from `from` on to the end of `target`, where there must be room for them. */
export function innerMoveTail(source: MetaBlock, from: number, target: MetaBlock): void {
  const count = countOf(source);
  const there = countOf(target);
  const start = HEADER + from * INDEX;
  const end = HEADER + count * INDEX;
  target.bytes.set(source.bytes.subarray(start, end), HEADER + there * INDEX);
  source.bytes.fill(0, start, end);
  setCount(target, there + count - from);
  setCount(source, from);
}

// Checks

const taken = new Uint8Array(MAX_BLOCK_SIZE / 8);

/**
 * Everything that can be checked of a node by itself, so that no access through it leaves the block and no child or
 * inode number leaves the volume. Throws DamageError.
 */
export function verify(node: MetaBlock, geometry: Geometry): void {
  if (directoryHeader.magic.get(node.view, 0) !== DIRECTORY_MAGIC) fail(node, 'has a wrong magic number');
  if (levelOf(node) === 0) verifyLeaf(node, geometry);
  else verifyInner(node, geometry);
}

function verifyLeaf(leaf: MetaBlock, geometry: Geometry): void {
  const { view, bytes } = leaf;
  const size = bytes.length;
  const count = countOf(leaf);
  const start = directoryHeader.data_start.get(view, 0);
  const garbage = directoryHeader.garbage.get(view, 0);
  if (count === 0) fail(leaf, 'is an empty leaf');
  if (start > size || start % 8 !== 0) fail(leaf, `has records from byte ${start}`);
  if (HEADER + count * SLOT > start) fail(leaf, `has ${count} slots that run into its records`);
  taken.fill(0, 0, size / 8);
  let live = 0;
  let previousHi = 0;
  let previousLo = LOWEST_COOKIE_LO - 1;
  for (let i = 0; i < count; i++) {
    const at = recordAt(leaf, i);
    if (at < start || at % 8 !== 0 || at + directoryEntry.$.size > size)
      fail(leaf, `has a record at byte ${at}`);
    const length = bytes[at + NAME_LENGTH]!;
    const record = recordSize(length);
    if (length === 0 || at + record > size) fail(leaf, `has a name of ${length} bytes at byte ${at}`);
    for (let unit = at / 8; unit < (at + record) / 8; unit++) {
      if (taken[unit] !== 0) fail(leaf, `has two records at byte ${unit * 8}`);
      taken[unit] = 1;
    }
    live += record;
    const hi = view.getUint32(at + COOKIE_HI, true);
    const lo = view.getUint32(at + COOKIE_LO, true);
    if (!isBelow(previousHi, previousLo, hi, lo)) fail(leaf, `has its entry ${i} out of order`);
    previousHi = hi;
    previousLo = lo;
    const inode = directoryEntry.inode.get(view, at);
    if (inode < 1 || inode > geometry.inodeCount) fail(leaf, `names inode ${inode}`);
    const nameEnd = at + DIRECTORY_NAME_OFFSET + length;
    for (let b = at + DIRECTORY_NAME_OFFSET; b < nameEnd; b++) {
      if (bytes[b] === NUL || bytes[b] === SLASH) fail(leaf, 'has a name with a NUL or a slash in it');
    }
  }
  if (!isBelow(previousHi, previousLo, LARGEST_HI, LARGEST_LO)) fail(leaf, 'has a cookie above 63 bits');
  if (live + garbage !== size - start) fail(leaf, `counts ${garbage} bytes of garbage`);
}

function verifyInner(node: MetaBlock, geometry: Geometry): void {
  const count = countOf(node);
  if (count === 0 || count > innerCapacity(node.bytes.length)) fail(node, `has ${count} children`);
  for (let i = 0; i < count; i++) {
    if (i >= 2 && !isBelow(innerHi(node, i - 1), innerLo(node, i - 1), innerHi(node, i), innerLo(node, i))) {
      fail(node, `has its child ${i} out of order`);
    }
    const child = childAt(node, i);
    if (!geometry.isDataRange(child, 1)) fail(node, `has block ${child} as a child`);
  }
}

function fail(node: MetaBlock, what: string): never {
  throw new DamageError(`directory block ${node.number} ${what}`);
}
