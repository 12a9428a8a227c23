import { constants } from 'node:os';
import { extentsOf, finishTruncate, forSegments, goalAt, holes, MAX_FILE_SIZE, unmap } from './content.js';
import { FsError, NeedCommit } from './errors.js';
import type { Run } from './extent_lookup.js';
import type { Inode } from './inode.js';
import { writeZeros } from './unwritten.js';
import type { Volume } from './volume.js';

const { EFBIG, ENOSPC } = constants.errno;

/** The whole blocks of a range, in blocks, and the rest before and behind them, in bytes. */
interface Parts {
  readonly first: number;
  readonly end: number;
  readonly edges: ReadonlyArray<readonly [from: number, to: number]>;
}

/** A block that the file ends in is whole when the range goes to the end: what lies behind means nothing. */
function partsOf(volume: Volume, inode: Inode, offset: number, length: number): Parts {
  const { blockSize } = volume.geometry;
  const stop = offset + length;
  const first = Math.ceil(offset / blockSize);
  const end = stop >= inode.size ? Math.ceil(stop / blockSize) : Math.floor(stop / blockSize);
  if (first >= end) return { first, end: first, edges: [[offset, stop]] };
  return {
    first,
    end,
    edges: [
      [offset, first * blockSize],
      [end * blockSize, stop],
    ],
  };
}

/** Zeros what is written in [from, to), up to the end of the file. */
function zeroWritten(volume: Volume, inode: Inode, from: number, to: number): void {
  const length = Math.min(to, inode.size) - from;
  if (length <= 0) return;
  forSegments(volume, inode, from, length, (position, _at, bytes) => {
    if (position >= 0) writeZeros(volume, position, bytes);
  });
}

function requireInside(offset: number, length: number): void {
  if (offset + length > MAX_FILE_SIZE) throw new FsError(EFBIG);
}

/** What a caller of fallocate(2) follows while its range is made, so that a failure amid it leaves nothing untold. */
export interface Following {
  /** Blocks that must be left for what comes behind. */
  readonly spare?: number;
  /** The range has blocks up to this byte. */
  readonly filled?: (end: number) => void;
  /** Bytes [from, to) read as zeros from now on, or some of them do. */
  readonly zeroed?: (from: number, to: number) => void;
}

/**
 * Takes blocks for the holes of a range, which go on reading as zeros, also past the end of the file; the size stays. Throws EFBIG,
 * ENOSPC and DeviceError (nothing has changed since the last commit), NeedCommit: called again after the commit, it goes on.
 */
export function preallocate(
  volume: Volume,
  inode: Inode,
  offset: number,
  length: number,
  following: Following = {},
): void {
  requireInside(offset, length);
  finishTruncate(volume, inode);
  fill(volume, inode, offset, length, following);
}

function fill(
  volume: Volume,
  inode: Inode,
  offset: number,
  length: number,
  { spare = 0, filled }: Following,
): void {
  const tree = extentsOf(volume, inode);
  const gaps = holes(volume, inode, offset, length);
  let wanted = 0;
  for (const [, count] of gaps) wanted += count;
  if (wanted === 0) return;
  volume.requireBlocks(wanted + tree.worstInsert + spare);
  const added: Run[] = [];
  try {
    for (const [first, count] of gaps) {
      for (let block = first; block < first + count; ) {
        // Each piece may lie in a group of its own, whose bitmap the transaction has to hold.
        if (added.length === volume.freeBudget) {
          filled?.(block * volume.geometry.blockSize);
          throw new NeedCommit();
        }
        if (volume.blocks.available < wanted + tree.worstInsert + spare) throw new FsError(ENOSPC);
        const run = mapUnwritten(volume, inode, added, block, first + count - block);
        added.push(run);
        block += run.length;
        wanted -= run.length;
      }
    }
  } catch (error) {
    if (!(error instanceof NeedCommit)) unmap(volume, inode, added);
    throw error;
  }
}

/** Maps up to `length` blocks of a hole from `block` on. */
function mapUnwritten(
  volume: Volume,
  inode: Inode,
  before: readonly Run[],
  block: number,
  length: number,
): Run {
  const taken = volume.blocks.take(goalAt(volume, inode, before, block), length);
  try {
    extentsOf(volume, inode).insert(block, taken.start, taken.length, true);
  } catch (error) {
    volume.blocks.give(taken);
    throw error;
  }
  inode.blocks += taken.length;
  inode.markDirty();
  return { logical: block, physical: taken.start, length: taken.length, unwritten: true };
}

/** Whether there are so many blocks. Those that were freed, as by a hole before, are when they are committed: NeedCommit. */
function hasSpace(volume: Volume, blocks: number): boolean {
  try {
    volume.requireBlocks(blocks);
    return true;
  } catch (error) {
    if (error instanceof FsError && !(error instanceof NeedCommit)) return false;
    throw error;
  }
}

/**
 * Frees the whole blocks of a range and zeros the rest of it; the size stays. Without the block that a split of an extent
 * needs the content is zeroed where it is. Throws NeedCommit: called again after the commit, it goes on.
 */
export function punchHole(
  volume: Volume,
  inode: Inode,
  offset: number,
  length: number,
  { zeroed }: Following = {},
): void {
  finishTruncate(volume, inode);
  const { blockSize } = volume.geometry;
  const { first, end, edges } = partsOf(volume, inode, offset, length);
  for (const [from, to] of edges) {
    zeroed?.(from, to);
    zeroWritten(volume, inode, from, to);
  }
  if (first === end) return;
  const tree = extentsOf(volume, inode);
  if (!hasSpace(volume, tree.blocksToRemove(first, end))) {
    zeroed?.(first * blockSize, end * blockSize);
    zeroWritten(volume, inode, first * blockSize, end * blockSize);
    return;
  }
  const { done } = tree.remove(first, end, volume.freeBudget, (start, count, logical) => {
    volume.blocks.give({ start, length: count });
    inode.blocks -= count;
    inode.markDirty();
    zeroed?.(logical * blockSize, (logical + count) * blockSize);
  });
  if (!done) throw new NeedCommit();
  tree.pullUp();
}

/**
 * Makes a range read as zeros, with blocks for all of it, also past the end of the file; the size stays. Throws EFBIG, ENOSPC
 * (the range may be zeros in part), NeedCommit: called again after the commit, it goes on.
 */
export function zeroRange(
  volume: Volume,
  inode: Inode,
  offset: number,
  length: number,
  following: Following = {},
): void {
  requireInside(offset, length);
  finishTruncate(volume, inode);
  const { blockSize } = volume.geometry;
  const tree = extentsOf(volume, inode);
  fill(volume, inode, offset, length, following);
  const { first, end, edges } = partsOf(volume, inode, offset, length);
  for (const [from, to] of edges) {
    following.zeroed?.(from, to);
    zeroWritten(volume, inode, from, to);
  }
  let marked = 0;
  for (let block = first; block < end; ) {
    const run = tree.find(block, end - block);
    block += run.length;
    if (run.physical === 0 || run.unwritten) continue;
    if (marked === volume.freeBudget) throw new NeedCommit();
    following.zeroed?.(run.logical * blockSize, (run.logical + run.length) * blockSize);
    const isWhole = tree.extentAt(run.logical).length === run.length;
    if (isWhole || volume.blocks.available >= 2 * tree.worstInsert) {
      tree.mark(run.logical, run.length, true);
      inode.markDirty();
      marked += 1;
    } else {
      writeZeros(volume, run.physical * blockSize, run.length * blockSize);
    }
  }
}

/** What a byte of a file is for lseek(2). */
export type Sought = 'data' | 'hole';

/**
 * The first byte at or behind `offset` that is data, or a hole; the end of the file counts as a hole, and -1 says that
 * there is none. Blocks that are not written count as holes, as on ext4.
 */
export function seek(volume: Volume, inode: Inode, offset: number, what: Sought): number {
  const { size } = inode;
  if (offset < 0 || offset >= size) return -1;
  const { blockSize } = volume.geometry;
  const tree = extentsOf(volume, inode);
  const end = Math.ceil(size / blockSize);
  for (let block = Math.floor(offset / blockSize); block < end; ) {
    const run = tree.find(block, end - block);
    const isData = run.physical !== 0 && !run.unwritten;
    if (isData === (what === 'data')) return Math.max(offset, block * blockSize);
    block += run.length;
  }
  return what === 'hole' ? size : -1;
}
