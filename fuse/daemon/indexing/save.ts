import { INDEX_LEAST_UNSAVED } from '@vexfs/shared';
import { errno, freeMemory } from '../../system/index.js';
import {
  EUCLEAN,
  FsError,
  isSwappable,
  NeedCommit,
  swapBlocks,
  swapSnapshot,
  type WrittenRun,
} from '../../volume/index.js';
import { announce } from '../announcements.js';
import type { JobSlot } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import { anyJob, indexJob, JOB } from '../jobs.js';
import { extentsInMemory } from './extents.js';
import type { FileIndex } from './file_index.js';
import type { Indexing } from './indexing.js';

/** `saveAt` of an index whose snapshot waits for a commit, which wakes it. */
export const WITH_COMMIT = Number.MAX_SAFE_INTEGER;

/** After a build, and when more than a quarter of the rows has changed since the last one. */
export function isSaveDue(index: FileIndex): boolean {
  if (index.queue.position === undefined || index.unsaved === 0) return false;
  if (index.unsaved < index.saveAt) return false;
  if (index.isBuilt && index.queue.length === 0) return true;
  return index.unsaved > Math.max(INDEX_LEAST_UNSAVED, index.file.set.liveRows / 4);
}

/** A snapshot that could not be written is tried again when there is twice as much to save. */
function postpone(index: FileIndex): void {
  index.saveAt = Math.max(INDEX_LEAST_UNSAVED, index.unsaved * 2);
}

/**
 * Writes the index as it is now into fresh blocks and swaps them in by one transaction. Without space, or where it lies in too many
 * pieces, the snapshot before stays. Whether a job has begun. Throws Park.
 */
export function saveSnapshot(fs: Filesystem, indexing: Indexing, index: FileIndex): boolean {
  const { position } = index.queue;
  if (position === undefined) return false;
  const { unsaved, file } = index;
  const { blockSize } = fs.volume.geometry;
  const bytes = index.facts.snapshotBytes;
  const runs = reserve(fs, indexing, index, Math.ceil(bytes / blockSize));
  if (runs === undefined) return false;
  const pairs = runs.flatMap(({ start, length }) => [start * blockSize, length * blockSize]);
  const memory = extentsInMemory({ fd: fs.device.fd, first: 0, stride: 0, rowBytes: 0, slots: 0, pairs });
  const compactions = file.set.logCompactions;
  let isSwapped = false;
  const end = (): void => {
    freeMemory(memory);
    if (!isSwapped) giveBack(fs, runs);
  };
  const begin = ({ fields }: JobSlot): void => {
    fields[anyJob.kind] = JOB.INDEX_SAVE;
    fields[indexJob.extents] = memory.address;
    fields[indexJob.record] = position.log.record;
    fields[indexJob.slots] = position.log.slots;
  };
  const done = ({ fields }: JobSlot): void => {
    const code = fields[anyJob.result]!;
    if (code === EUCLEAN) {
      indexing.rebuild(index);
      return;
    }
    // The position is of the log that was; there will be another snapshot.
    if (file.set.logCompactions !== compactions) return;
    try {
      if (code !== 0) throw new FsError(code);
      requireSpace(fs, index, swapBlocks(runs.length));
      isSwapped = true;
      fs.vectors.whole(() => {
        const rest = swapSnapshot(fs.volume, file.set, runs, bytes, position);
        if (rest !== undefined) fs.vectors.onOrphan(rest);
      });
    } catch (error) {
      if (fs.errnoOf(error) === undefined && !(error instanceof NeedCommit)) throw error;
      postpone(index);
      return;
    }
    index.unsaved -= unsaved;
    index.saveAt = 0;
    index.isBuilt = false;
    const { source } = index;
    index.source = undefined;
    // To be saved it was loaded whole.
    if (source !== undefined) fs.vectors.retire(file, () => freeMemory(source));
    announce(fs, file.inode, { unique: 0, from: -1, end: -1, sync: false });
  };
  try {
    indexing.run(index, begin, done, end);
  } catch (error) {
    end();
    throw error;
  }
  return true;
}

function requireSpace(fs: Filesystem, index: FileIndex, blocks: number): void {
  const { inode } = index.file;
  fs.actFor(inode.uid, inode.gid);
  fs.volume.inodes.requireOne();
  fs.volume.requireBlocks(blocks);
}

/** Blocks for a snapshot; undefined when there are none now. */
function reserve(
  fs: Filesystem,
  indexing: Indexing,
  index: FileIndex,
  blocks: number,
): WrittenRun[] | undefined {
  const { volume } = fs;
  const runs: WrittenRun[] = [];
  try {
    requireSpace(fs, index, blocks + swapBlocks(0));
    for (let left = blocks; left > 0; ) {
      const last = runs[runs.length - 1];
      const goal =
        last === undefined ? volume.goalFor(index.file.set.inode.number, true) : last.start + last.length;
      const run = volume.blocks.reserve(goal, left);
      runs.push(run);
      left -= run.length;
    }
    requireSpace(fs, index, swapBlocks(runs.length));
    if (!isSwappable(volume, runs)) throw new FsError(errno.ENOSPC);
    return runs;
  } catch (error) {
    giveBack(fs, runs);
    if (error instanceof NeedCommit && fs.canWait) {
      // What is needed comes free with the commit.
      index.saveAt = WITH_COMMIT;
      fs.commits.whenDurable(() => {
        index.saveAt = 0;
        if (!index.isGone) indexing.wake(index);
      });
      return undefined;
    }
    if (fs.errnoOf(error) === undefined && !(error instanceof NeedCommit)) throw error;
    postpone(index);
    return undefined;
  }
}

function giveBack(fs: Filesystem, runs: readonly WrittenRun[]): void {
  for (const run of runs) fs.volume.blocks.unreserve(run);
}
