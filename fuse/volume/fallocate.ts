import { constants } from 'node:os';
import { extentsOf, finishTruncate, forSegments, goalAt, holes, MAX_FILE_SIZE } from './content.js';
import { FsError, NeedCommit } from './errors.js';
import type { Run } from './extents.js';
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

/**
 * Takes blocks for the holes of a range, which go on reading as zeros, also past the end of the file; the size stays. Throws EFBIG, ENOSPC (nothing has changed), NeedCommit: called again after the commit, it goes on.
 */
export function preallocate(volume: Volume, inode: Inode, offset: number, length: number): void {
  requireInside(offset, length);
  finishTruncate(volume, inode);
  fill(volume, inode, offset, length);
}

function fill(volume: Volume, inode: Inode, offset: number, length: number): void {
  const tree = extentsOf(volume, inode);
  const gaps = holes(volume, inode, offset, length);
  let wanted = 0;
  for (const [, count] of gaps) wanted += count;
  if (wanted === 0) return;
  volume.requireBlocks(wanted + tree.worstInsert);
  const added: Run[] = [];
  for (const [first, count] of gaps) {
    for (let block = first; block < first + count; ) {
      // Each piece may lie in a group of its own, whose bitmap the transaction has to hold.
      if (added.length === volume.freeBudget) throw new NeedCommit();
      if (volume.blocks.available < wanted + tree.worstInsert) {
        giveBack(volume, inode, added);
        throw new FsError(ENOSPC);
      }
      const taken = volume.blocks.take(goalAt(volume, inode, added, block), first + count - block);
      tree.insert(block, taken.start, taken.length, true);
      inode.blocks += taken.length;
      inode.markDirty();
      added.push({ logical: block, physical: taken.start, length: taken.length, unwritten: true });
      block += taken.length;
      wanted -= taken.length;
    }
  }
}

function giveBack(volume: Volume, inode: Inode, runs: readonly Run[]): void {
  const tree = extentsOf(volume, inode);
  for (const { logical, length } of runs) {
    const { blocks } = tree.remove(logical, logical + length, length, (start, count) =>
      volume.blocks.give({ start, length: count }),
    );
    inode.blocks -= blocks;
  }
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
export function punchHole(volume: Volume, inode: Inode, offset: number, length: number): void {
  finishTruncate(volume, inode);
  const { blockSize } = volume.geometry;
  const { first, end, edges } = partsOf(volume, inode, offset, length);
  for (const [from, to] of edges) zeroWritten(volume, inode, from, to);
  if (first === end) return;
  const tree = extentsOf(volume, inode);
  if (!hasSpace(volume, tree.blocksToRemove(first, end))) {
    zeroWritten(volume, inode, first * blockSize, end * blockSize);
    return;
  }
  const { blocks, done } = tree.remove(first, end, volume.freeBudget, (start, count) =>
    volume.blocks.give({ start, length: count }),
  );
  if (blocks > 0) {
    inode.blocks -= blocks;
    inode.markDirty();
  }
  if (!done) throw new NeedCommit();
  tree.pullUp();
}

/**
 * Makes a range read as zeros, with blocks for all of it, also past the end of the file; the size stays. Throws EFBIG, ENOSPC
 * (the range may be zeros in part), NeedCommit: called again after the commit, it goes on.
 */
export function zeroRange(volume: Volume, inode: Inode, offset: number, length: number): void {
  requireInside(offset, length);
  finishTruncate(volume, inode);
  const { blockSize } = volume.geometry;
  const tree = extentsOf(volume, inode);
  fill(volume, inode, offset, length);
  const { first, end, edges } = partsOf(volume, inode, offset, length);
  for (const [from, to] of edges) zeroWritten(volume, inode, from, to);
  let marked = 0;
  for (let block = first; block < end; ) {
    const run = tree.find(block, end - block);
    block += run.length;
    if (run.physical === 0 || run.unwritten) continue;
    if (marked === volume.freeBudget) throw new NeedCommit();
    const isWhole = tree.extentAt(run.logical).length === run.length;
    if (isWhole || volume.blocks.available >= 2 * tree.worstInsert) {
      tree.mark(run.logical, run.length, true);
      marked += 1;
    } else {
      writeZeros(volume, run.physical * blockSize, run.length * blockSize);
    }
  }
  if (marked > 0) inode.markDirty();
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
