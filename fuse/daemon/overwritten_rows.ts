import { memoryAt } from '../system/index.js';
import {
  bytesOfRow,
  DamageError,
  FsError,
  type Inode,
  indexOf,
  NeedCommit,
  type RowLayout,
  strideOf,
  VectorSet,
} from '../volume/index.js';
import type { Filesystem } from './filesystem.js';
import type { VectorFile } from './vector_file.js';

/** Runs of rows that a call may tell of one by one; with more the index is built anew. */
const MOST_RUNS = 4096;

/** Live slots in a row whose ids follow each other. */
interface Run {
  readonly slot: number;
  readonly idLow: number;
  readonly idHigh: number;
  count: number;
}

/**
 * Rows of an indexed file that a call changes where they lie. The log names them again, so that the index takes them anew, after a
 * crash too. Made before the bytes change, because it may have to read the log or wait for a commit; `told` follows when they have.
 */
export class OverwrittenRows {
  private readonly fs: Filesystem;
  private readonly file: VectorFile;
  /** Undefined: there are too many, or no space to name them. */
  private readonly runs: readonly Run[] | undefined;

  private constructor(fs: Filesystem, file: VectorFile, runs: readonly Run[] | undefined) {
    this.fs = fs;
    this.file = file;
    this.runs = runs;
  }

  /** Of bytes `offset` to `offset` + `length` - 1; undefined when no live row of an index is among them. Throws NeedCommit. */
  static of(fs: Filesystem, inode: Inode, offset: number, length: number): OverwrittenRows | undefined {
    if (inode.vectorSet === 0 || length <= 0) return undefined;
    let file: VectorFile | undefined;
    try {
      file = indexedFile(fs, inode);
    } catch (error) {
      // Nobody can search its rows; its bytes may be changed all the same.
      if (error instanceof DamageError) return undefined;
      throw error;
    }
    if (file === undefined) return undefined;
    const runs = runsWithin(file, offset, offset + length);
    if (runs?.length === 0) return undefined;
    return new OverwrittenRows(fs, file, runs !== undefined && hasSpace(fs, file, runs) ? runs : undefined);
  }

  /** The bytes have changed, or those from `from` to `end` - 1 of them. */
  told(from = 0, end = Number.MAX_SAFE_INTEGER): void {
    const { fs, file } = this;
    if (file.index === undefined || file.isGone) return;
    const runs = this.runs && within(this.runs, file.set.layout, from, end);
    if (runs === undefined) {
      fs.indexing.outdated(file);
      return;
    }
    fs.vectors.whole(() => {
      // The same rows in the same slots: the tables stay as they are.
      for (const { slot, idLow, idHigh, count } of runs) {
        file.set.appendDelete(slot, count);
        file.set.appendPut(slot, idLow, idHigh, count);
      }
      fs.vectors.compactIfDue(file);
    });
  }
}

/** The parts of runs that have bytes from `from` to `end` - 1. */
function within(runs: readonly Run[], layout: RowLayout, from: number, end: number): Run[] {
  const stride = strideOf(layout);
  const low = Math.floor((from - layout.dataOffset) / stride);
  const high = Math.ceil((end - layout.dataOffset) / stride);
  return runs.flatMap(({ slot, idLow, idHigh, count }) => {
    const first = Math.max(slot, low);
    const left = Math.min(slot + count, high) - first;
    return left > 0 ? [{ slot: first, idLow: idLow + (first - slot), idHigh, count: left }] : [];
  });
}

/** The rows of an inode when they have an index. A set that nobody uses is not loaded to find that it has none. */
function indexedFile(fs: Filesystem, inode: Inode): VectorFile | undefined {
  if (!fs.vectors.holds(inode.number) && indexOf(VectorSet.open(fs.volume, inode)) === undefined)
    return undefined;
  const file = fs.vectors.get(inode);
  return file?.index === undefined ? undefined : file;
}

function runsWithin(file: VectorFile, from: number, end: number): Run[] | undefined {
  const { layout } = file.set;
  const stride = strideOf(layout);
  const { ids, live, slots } = file.ids.info();
  let slot = Math.max(0, Math.floor((from - layout.dataOffset) / stride));
  // Bytes between rows mean nothing.
  if (layout.dataOffset + slot * stride + bytesOfRow(layout) <= from) slot += 1;
  const stop = Math.min(slots, Math.ceil((end - layout.dataOffset) / stride));
  if (slot >= stop) return [];
  const liveBytes = memoryAt(live, Math.ceil(slots / 64) * 8).bytes;
  const idView = memoryAt(ids, slots * 8).view;
  const runs: Run[] = [];
  for (; slot < stop; slot++) {
    if ((liveBytes[slot >> 3]! & (1 << (slot & 7))) === 0) continue;
    const idLow = idView.getUint32(slot * 8, true);
    const idHigh = idView.getUint32(slot * 8 + 4, true);
    const last = runs[runs.length - 1];
    const follows =
      last !== undefined &&
      last.slot + last.count === slot &&
      last.idLow + last.count === idLow &&
      last.idHigh === idHigh;
    if (follows) last.count += 1;
    else if (runs.length === MOST_RUNS) return undefined;
    else runs.push({ slot, idLow, idHigh, count: 1 });
  }
  return runs;
}

/** Whether the log has room for them, and the transaction for the log. What is missing may come free with a commit: NeedCommit. */
function hasSpace(fs: Filesystem, file: VectorFile, runs: readonly Run[]): boolean {
  try {
    fs.volume.requireBlocks(file.set.blocksFor(2 * runs.length));
    // Behind the bytes that the call writes.
    return file.set.notesFor(2 * runs.length) <= fs.volume.crowdedAt / 2;
  } catch (error) {
    if (error instanceof FsError && !(error instanceof NeedCommit)) return false;
    throw error;
  }
}
