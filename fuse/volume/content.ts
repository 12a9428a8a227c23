import { constants } from 'node:os';
import { FsError, NeedCommit } from './errors.js';
import type { Run } from './extent_lookup.js';
import { ExtentTree } from './extents.js';
import type { Inode } from './inode.js';
import { becomeWritten } from './unwritten.js';
import type { Volume } from './volume.js';

const { EFBIG, ENOSPC } = constants.errno;

/** The largest file, in bytes: every offset stays a safe integer with room to round up. */
export const MAX_FILE_SIZE = 2 ** 52;

/** A piece of a file: `position` is its byte on the device, or -1 where the file has a hole. */
export type Segment = (position: number, offset: number, length: number) => void;

const trees = new WeakMap<Inode, ExtentTree>();

/** The extent tree of an inode; made once for each time that the inode is in memory. */
export function extentsOf(volume: Volume, inode: Inode): ExtentTree {
  let tree = trees.get(inode);
  if (tree === undefined) {
    tree = new ExtentTree(volume, inode);
    trees.set(inode, tree);
  }
  return tree;
}

/** Calls `visit` for each segment of [offset, offset + length), which the caller has cut to the file's size. */
export function forSegments(
  volume: Volume,
  inode: Inode,
  offset: number,
  length: number,
  visit: Segment,
): void {
  const { blockSize } = volume.geometry;
  const tree = extentsOf(volume, inode);
  const end = offset + length;
  let at = offset;
  while (at < end) {
    const block = Math.floor(at / blockSize);
    const run = tree.find(block, Math.floor((end - 1) / blockSize) - block + 1);
    const stop = Math.min(end, (run.logical + run.length) * blockSize);
    const position =
      run.physical === 0 || run.unwritten ? -1 : run.physical * blockSize + (at - block * blockSize);
    visit(position, at, stop - at);
    at = stop;
  }
}

/** Reads into `into`; returns the bytes that the file has there. Throws DeviceError, DamageError, NeedRead. */
export function readContent(volume: Volume, inode: Inode, offset: number, into: Uint8Array): number {
  const length = Math.max(0, Math.min(into.length, inode.size - offset));
  if (length === 0) return 0;
  forSegments(volume, inode, offset, length, (position, at, bytes) => {
    const window = into.subarray(at - offset, at - offset + bytes);
    if (position < 0) window.fill(0);
    else volume.store.read(position, window);
  });
  return length;
}

/** Zeros what lies on disk between the end of the file and `upTo` in the file's last block. */
function zeroTail(volume: Volume, inode: Inode, upTo: number): void {
  const { blockSize } = volume.geometry;
  const { size } = inode;
  const within = size % blockSize;
  if (within === 0 || upTo <= size) return;
  const length = Math.min(blockSize - within, upTo - size);
  forSegments(volume, inode, size, length, (position, _at, bytes) => {
    if (position >= 0) volume.device.write(position, new Uint8Array(bytes));
  });
}

/** Runs of [offset, offset + length) that are taken but not written, cut to the blocks that it touches. */
export function unwrittenRuns(volume: Volume, inode: Inode, offset: number, length: number): Run[] {
  const { blockSize } = volume.geometry;
  const tree = extentsOf(volume, inode);
  const found: Run[] = [];
  const end = Math.floor((offset + length - 1) / blockSize) + 1;
  for (let block = Math.floor(offset / blockSize); block < end; ) {
    const run = tree.find(block, end - block);
    if (run.unwritten) found.push(run);
    block += run.length;
  }
  return found;
}

/** Holes in [offset, offset + length), in blocks, as [first, count] pairs. */
export function holes(volume: Volume, inode: Inode, offset: number, length: number): Array<[number, number]> {
  const { blockSize } = volume.geometry;
  const tree = extentsOf(volume, inode);
  const found: Array<[number, number]> = [];
  const end = Math.floor((offset + length - 1) / blockSize) + 1;
  for (let block = Math.floor(offset / blockSize); block < end; ) {
    const run = tree.find(block, end - block);
    if (run.physical === 0) found.push([block, run.length]);
    block += run.length;
  }
  return found;
}

/**
 * Writes all of `data`, or as much of its front as there is space for, or as one transaction can note, and returns the bytes
 * written: what is left is written by another call, after the commit when the transaction is crowded. Grows the file; times are the
 * caller's business. Data goes to the device at once, extents with the running transaction, so a crash leaves each block old or
 * new. Throws ENOSPC (nothing fits), EFBIG, NeedCommit, DeviceError.
 */
export function writeContent(volume: Volume, inode: Inode, offset: number, data: Uint8Array): number {
  if (data.length === 0) return 0;
  if (offset + data.length > MAX_FILE_SIZE) throw new FsError(EFBIG);
  finishTruncate(volume, inode);
  let length = fitting(volume, inode, offset, data.length);
  const chunk = length === data.length ? data : data.subarray(0, length);
  if (offset > inode.size) zeroTail(volume, inode, offset);
  const gaps = holes(volume, inode, offset, length);
  const waiting = unwrittenRuns(volume, inode, offset, length);
  if (waiting.length > 0) requireTail(volume, inode, offset, length);
  for (const run of waiting) writeFresh(volume, run.physical, run.logical, run.length, offset, chunk);
  const fresh: Run[] = [];
  if (gaps.length === 0) {
    forSegments(volume, inode, offset, length, (position, at, bytes) => {
      if (position >= 0) volume.device.write(position, chunk.subarray(at - offset, at - offset + bytes));
    });
  } else {
    length = fillHoles(volume, inode, offset, chunk, gaps, fresh);
  }
  try {
    for (const run of waiting) {
      if (run.logical * volume.geometry.blockSize >= offset + length) break;
      becomeWritten(volume, inode, run, Math.max(inode.size, offset + length));
    }
  } catch (error) {
    unmap(volume, inode, fresh);
    throw error;
  }
  if (offset + length > inode.size) {
    inode.size = offset + length;
    inode.markDirty();
  }
  return length;
}

/**
 * A write to blocks that are taken and not written does without space for its extents by giving back what lies behind the end of the
 * file. While that is set aside for others it waits for them: throws NeedCommit.
 */
function requireTail(volume: Volume, inode: Inode, offset: number, length: number): void {
  const isAside = volume.aside.has(inode.number);
  if (isAside && volume.blocks.available < blocksToWrite(volume, inode, offset, length))
    throw new NeedCommit();
}

/** Blocks to require so that all of [offset, offset + length) can be written. */
export function blocksToWrite(volume: Volume, inode: Inode, offset: number, length: number): number {
  if (length === 0) return 0;
  const gaps = holes(volume, inode, offset, length);
  let wanted = 0;
  for (const [, count] of gaps) wanted += count;
  const splits = unwrittenRuns(volume, inode, offset, length).length * 2;
  const { worstInsert } = extentsOf(volume, inode);
  return wanted + overheadFor(volume, inode, gaps.length, wanted) + splits * worstInsert;
}

/**
 * Tree blocks that may be needed to map `wanted` blocks in so many holes: every block could become an extent of its own.
 * At each hole the nodes may be full; a leaf of 1 KiB that was split then takes 20 more.
 */
export function overheadFor(volume: Volume, inode: Inode, gaps: number, wanted: number): number {
  const tree = extentsOf(volume, inode);
  return gaps === 0 || tree.fitsInRoot(wanted) ? 0 : tree.worstInsert * gaps + Math.ceil(wanted / 16);
}

/** How many of `length` bytes can be written with the blocks that there are. */
function fitting(volume: Volume, inode: Inode, offset: number, length: number): number {
  const gaps = holes(volume, inode, offset, length);
  if (gaps.length === 0) return length;
  let wanted = 0;
  for (const [, count] of gaps) wanted += count;
  try {
    volume.blocks.require(wanted + overheadFor(volume, inode, gaps.length, wanted));
    return length;
  } catch (error) {
    if (error instanceof NeedCommit) throw error;
  }
  let before = 0;
  for (let i = 0; i < gaps.length; i++) {
    const [first, count] = gaps[i]!;
    const most = mostOf(count, (some) => {
      return before + some + overheadFor(volume, inode, i + 1, before + some) <= volume.blocks.available;
    });
    before += most;
    if (most === count) continue;
    const end = (first + most) * volume.geometry.blockSize;
    if (end <= offset) throw new FsError(ENOSPC);
    return Math.min(length, end - offset);
  }
  return length;
}

/** The largest number up to `limit` that fits, where less than what fits does too; 0 when nothing does. */
function mostOf(limit: number, fits: (count: number) => boolean): number {
  let low = 0;
  let high = limit;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Takes back what was mapped last. */
export function unmap(volume: Volume, inode: Inode, runs: readonly Run[]): void {
  for (const { logical, length } of [...runs].reverse()) {
    extentsOf(volume, inode).remove(logical, logical + length, length, (physical, count) => {
      volume.blocks.give({ start: physical, length: count });
      inode.blocks -= count;
      inode.markDirty();
    });
  }
}

/**
 * Takes blocks for the holes, writes everything, then maps the new blocks and adds them to `fresh`; on a device error they are given
 * back. Returns the bytes written: less than there are when more blocks are too much for the transaction.
 */
function fillHoles(
  volume: Volume,
  inode: Inode,
  offset: number,
  data: Uint8Array,
  gaps: ReadonlyArray<readonly [number, number]>,
  fresh: Run[],
): number {
  const tree = extentsOf(volume, inode);
  const { blockSize } = volume.geometry;
  let mapped = 0;
  try {
    let end = takeBlocks(volume, inode, gaps, fresh, (run) => {
      writeFresh(volume, run.physical, run.logical, run.length, offset, data);
    });
    // Before the new blocks are mapped: these are the blocks that the file had.
    const reached = Math.min(data.length, end * blockSize - offset);
    forSegments(volume, inode, offset, reached, (position, at, bytes) => {
      if (position >= 0) volume.device.write(position, data.subarray(at - offset, at - offset + bytes));
    });
    for (; mapped < fresh.length; mapped++) {
      const run = fresh[mapped]!;
      if (mapped > 0 && !volume.hasRoom(tree.worstInsert)) {
        end = run.logical;
        break;
      }
      tree.insert(run.logical, run.physical, run.length);
      inode.blocks += run.length;
      inode.markDirty();
    }
    for (const { physical, length } of fresh.splice(mapped)) volume.blocks.give({ start: physical, length });
    return Math.min(data.length, end * blockSize - offset);
  } catch (error) {
    for (const { physical, length } of fresh.splice(mapped)) volume.blocks.give({ start: physical, length });
    unmap(volume, inode, fresh);
    throw error;
  }
}

/** Takes blocks for holes, adds them to `fresh` and has them written. Returns the first block for which the transaction has no room. */
function takeBlocks(
  volume: Volume,
  inode: Inode,
  gaps: ReadonlyArray<readonly [number, number]>,
  fresh: Run[],
  write: (run: Run) => void,
): number {
  for (const [first, count] of gaps) {
    for (let block = first; block < first + count; ) {
      // Each may lie in a group of its own, whose bitmap the transaction notes then, and fills the leaves of the tree.
      if (fresh.length > 0 && !volume.hasRoom(Math.ceil(fresh.length / 16))) return block;
      const taken = volume.blocks.take(goalAt(volume, inode, fresh, block), first + count - block);
      const run = { logical: block, physical: taken.start, length: taken.length, unwritten: false };
      fresh.push(run);
      write(run);
      block += taken.length;
    }
  }
  return Number.MAX_SAFE_INTEGER;
}

/** Writes the part of `data` that falls on new blocks, with zeros around it in the first and the last of them. */
function writeFresh(
  volume: Volume,
  physical: number,
  logical: number,
  length: number,
  offset: number,
  data: Uint8Array,
): void {
  const { blockSize } = volume.geometry;
  const start = logical * blockSize;
  const stop = (logical + length) * blockSize;
  const from = Math.max(start, offset);
  const to = Math.min(stop, offset + data.length);
  const position = physical * blockSize;
  if (from > start) volume.device.write(position, new Uint8Array(from - start));
  volume.device.write(position + (from - start), data.subarray(from - offset, to - offset));
  if (to < stop) volume.device.write(position + (to - start), new Uint8Array(stop - to));
}

export function goalAt(volume: Volume, inode: Inode, fresh: readonly Run[], block: number): number {
  const last = fresh[fresh.length - 1];
  if (last !== undefined) return last.physical + last.length;
  const before = extentsOf(volume, inode).lastBefore(block);
  if (before === undefined) return volume.goalFor(inode.number, inode.isHidden);
  return before.physical + before.length;
}

/**
 * Sets the size. Growing leaves a hole; anything else frees the blocks behind. A file with more extents than one
 * transaction may free joins the orphan list and NeedCommit is thrown: called again after the commit, it goes on.
 */
export function truncateContent(volume: Volume, inode: Inode, size: number): void {
  if (size > MAX_FILE_SIZE) throw new FsError(EFBIG);
  finishTruncate(volume, inode);
  // Blocks that fallocate(2) has put behind the end go also when the size is the same, as on ext4.
  if (size === inode.size && !hasTail(volume, inode)) return;
  if (size > inode.size) {
    zeroTail(volume, inode, size);
    inode.size = size;
    inode.markDirty();
    return;
  }
  inode.size = size;
  inode.markDirty();
  if (inode.links > 0) volume.orphans.add(inode);
  volume.cutting.add(inode.number);
  finishTruncate(volume, inode);
}

/** Whether a file has blocks behind its end. */
function hasTail(volume: Volume, inode: Inode): boolean {
  const last = extentsOf(volume, inode).lastBefore(Number.MAX_SAFE_INTEGER);
  return last !== undefined && (last.logical + last.length - 1) * volume.geometry.blockSize >= inode.size;
}

/** Frees what lies behind the size of an inode whose truncation has not ended. Throws NeedCommit to go on later. */
export function finishTruncate(volume: Volume, inode: Inode): void {
  if (!volume.cutting.has(inode.number)) return;
  if (!freeContent(volume, inode, inode.size)) throw new NeedCommit();
  volume.cutting.delete(inode.number);
  if (inode.links > 0) volume.orphans.remove(inode);
}

/** Frees the blocks from byte `size` on, at most one transaction's worth. Returns whether all is done. */
export function freeContent(volume: Volume, inode: Inode, size: number): boolean {
  const first = Math.ceil(size / volume.geometry.blockSize);
  const tree = extentsOf(volume, inode);
  const { done } = tree.remove(first, Number.MAX_SAFE_INTEGER, volume.freeBudget, (physical, length) => {
    volume.blocks.give({ start: physical, length });
    inode.blocks -= length;
    inode.markDirty();
  });
  if (done) tree.pullUp();
  return done;
}
