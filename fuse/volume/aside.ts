import { constants } from 'node:os';
import { extentsOf, finishTruncate, goalAt, MAX_FILE_SIZE, overheadFor } from './content.js';
import { FsError } from './errors.js';
import type { Run } from './extent_lookup.js';
import type { Inode } from './inode.js';
import { becomeWritten } from './unwritten.js';
import type { Volume } from './volume.js';

const { EFBIG } = constants.errno;

/** Blocks of a file that it has not got yet, or (fallocate) has got unwritten. */
export interface AsideRun extends Run {
  /** Set aside in the allocator; in no extent. */
  readonly reserved: boolean;
}

/** Blocks behind the end of a file that get their content before anybody can see it. */
export interface AsideBlocks {
  /** The number of the file. */
  readonly inode: number;
  /** In the order of the file. */
  readonly runs: readonly AsideRun[];
  /** Holes between the blocks that the file has there. */
  readonly gaps: number;
  /** So many of the runs are the file's already. */
  joined: number;
}

/**
 * Finds blocks for [offset, offset + length), which begins with a block and lies behind the end of the file. Nothing on the
 * volume changes. Until `joinAside` or `dropAside` the file must keep its size and its extents there. Throws EFBIG, ENOSPC,
 * NeedCommit.
 */
export function setAside(volume: Volume, inode: Inode, offset: number, length: number): AsideBlocks {
  if (offset + length > MAX_FILE_SIZE) throw new FsError(EFBIG);
  finishTruncate(volume, inode);
  const { blockSize } = volume.geometry;
  const tree = extentsOf(volume, inode);
  const end = Math.ceil((offset + length) / blockSize);
  const found: Run[] = [];
  let wanted = 0;
  let gaps = 0;
  let splits = 0;
  for (let block = offset / blockSize; block < end; ) {
    const run = tree.find(block, end - block);
    found.push(run);
    if (run.physical === 0) {
      wanted += run.length;
      gaps += 1;
    } else if (run.unwritten) {
      splits += 1;
    }
    block += run.length;
  }
  volume.requireBlocks(wanted + treeBlocks(volume, inode, gaps, wanted, splits));
  const runs: AsideRun[] = [];
  const aside = { inode: inode.number, runs, gaps, joined: 0 };
  try {
    for (const run of found) {
      if (run.physical === 0) reserveHole(volume, inode, runs, run);
      else runs.push({ ...run, reserved: false });
    }
  } catch (error) {
    dropAside(volume, aside);
    throw error;
  }
  volume.aside.add(inode.number);
  return aside;
}

function reserveHole(volume: Volume, inode: Inode, runs: AsideRun[], { logical, length }: Run): void {
  const end = logical + length;
  for (let block = logical; block < end; ) {
    const range = volume.blocks.reserve(goalAt(volume, inode, runs, block), end - block);
    runs.push({
      logical: block,
      physical: range.start,
      length: range.length,
      unwritten: false,
      reserved: true,
    });
    block += range.length;
  }
}

/** Each run that was taken unwritten may be split in two places. */
function treeBlocks(volume: Volume, inode: Inode, gaps: number, wanted: number, splits: number): number {
  const { worstInsert } = extentsOf(volume, inode);
  return overheadFor(volume, inode, wanted === 0 ? 0 : gaps, wanted) + 2 * splits * worstInsert;
}

/** Blocks that `joinAside` may still need for the extent tree. */
export function blocksToJoin(volume: Volume, inode: Inode, { runs, gaps, joined }: AsideBlocks): number {
  let wanted = 0;
  let splits = 0;
  for (let i = joined; i < runs.length; i++) {
    const { reserved, unwritten, length } = runs[i]!;
    if (reserved) wanted += length;
    else if (unwritten) splits += 1;
  }
  return treeBlocks(volume, inode, gaps, wanted, splits);
}

/**
 * The blocks have their content: they become the file's, which is going to end at `size`. Many pieces are too much for one
 * transaction, or with the `more` blocks that the last one has to note: then the inode joins the orphan list, so that a crash takes
 * back what lies behind its end, and the result is false: called again after the commit, it goes on. The caller has called
 * `requireBlocks`; `endAside` or `dropAside` follows.
 */
export function joinAside(volume: Volume, inode: Inode, aside: AsideBlocks, size: number, more = 0): boolean {
  const tree = extentsOf(volume, inode);
  const { runs } = aside;
  const first = aside.joined;
  while (aside.joined < runs.length) {
    if (aside.joined > first && volume.transactionBlocks > volume.crowdedAt) {
      volume.orphans.add(inode);
      return false;
    }
    const run = runs[aside.joined]!;
    aside.joined += 1;
    if (run.reserved) {
      volume.blocks.takeReserved({ start: run.physical, length: run.length });
      tree.insert(run.logical, run.physical, run.length);
      inode.blocks += run.length;
      inode.markDirty();
    } else if (run.unwritten) {
      becomeWritten(volume, inode, run, size);
    }
  }
  if (!volume.hasRoom(more)) {
    volume.orphans.add(inode);
    return false;
  }
  return true;
}

/** All blocks have become the file's: it ends behind them from now on. */
export function endAside(volume: Volume, inode: Inode, size: number): void {
  volume.aside.delete(inode.number);
  if (inode.links > 0) volume.orphans.remove(inode);
  inode.size = size;
  inode.markDirty();
}

/** The blocks get no content: what was set aside is free again. */
export function dropAside(volume: Volume, { inode, runs, joined }: AsideBlocks): void {
  volume.aside.delete(inode);
  for (let i = joined; i < runs.length; i++) {
    const { physical, length, reserved } = runs[i]!;
    if (reserved) volume.blocks.unreserve({ start: physical, length });
  }
}

/** What has become the file's though it was dropped is cut off. Throws NeedCommit, DeviceError: the inode stays on the orphan list then. */
export function cutAside(volume: Volume, inode: Inode, { joined }: AsideBlocks): void {
  if (joined === 0) return;
  if (inode.links > 0) volume.orphans.add(inode);
  volume.cutting.add(inode.number);
  finishTruncate(volume, inode);
}
