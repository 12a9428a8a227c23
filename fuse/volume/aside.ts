import { constants } from 'node:os';
import { extentsOf, finishTruncate, goalAt, MAX_FILE_SIZE, overheadFor } from './content.js';
import { FsError } from './errors.js';
import type { Run } from './extents.js';
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
  /** In the order of the file. */
  readonly runs: readonly AsideRun[];
  /** Blocks that `joinAside` may need for the extent tree. */
  readonly treeBlocks: number;
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
      splits += 2;
    }
    block += run.length;
  }
  const treeBlocks = overheadFor(volume, inode, gaps, wanted) + splits * tree.worstInsert;
  volume.requireBlocks(wanted + treeBlocks);
  const runs: AsideRun[] = [];
  for (const run of found) {
    if (run.physical !== 0) {
      runs.push({ ...run, reserved: false });
      continue;
    }
    for (let block = run.logical; block < run.logical + run.length; ) {
      const range = volume.blocks.reserve(
        goalAt(volume, inode, runs, block),
        run.logical + run.length - block,
      );
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
  return { runs, treeBlocks };
}

/** The blocks have their content: they become the file's, which ends at `size` now. The caller has called `requireBlocks`. */
export function joinAside(volume: Volume, inode: Inode, aside: AsideBlocks, size: number): void {
  const tree = extentsOf(volume, inode);
  for (const run of aside.runs) {
    if (run.reserved) {
      volume.blocks.takeReserved({ start: run.physical, length: run.length });
      tree.insert(run.logical, run.physical, run.length);
      inode.blocks += run.length;
    } else if (run.unwritten) {
      becomeWritten(volume, inode, run, size);
    }
  }
  inode.size = size;
  inode.markDirty();
}

/** The blocks get no content: what was set aside is free again. */
export function dropAside(volume: Volume, aside: AsideBlocks): void {
  for (const { physical, length, reserved } of aside.runs)
    if (reserved) volume.blocks.unreserve({ start: physical, length });
}
