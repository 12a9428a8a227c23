import { INDEX_NONE, IndexType, SearchType, setHeader } from '@vexfs/shared';
import { extentsOf } from './content.js';
import { FsError } from './errors.js';
import { entriesIn } from './extent_node.js';
import { discardHidden, hiddenInode, isHiddenOf } from './hidden_inode.js';
import type { Inode } from './inode.js';
import type { LogPosition, VectorSet } from './vector_set.js';
import type { Volume } from './volume.js';

/** What an index is made of, as MANAGE_INDEX was given it. */
export interface IndexDescription {
  readonly type: IndexType;
  readonly metric: SearchType;
  /** M and ef_construction of the paper. */
  readonly m: number;
  readonly efConstruction: number;
  /** Candidates that a search looks at unless it says otherwise. */
  readonly efSearch: number;
}

/** Up to where an index has taken the changes of its set. */
export interface IndexPosition {
  readonly log: LogPosition;
  /** While rows that stood there at the beginning are taken in the order of slots: the first that is not; else 0. */
  readonly scan: number;
}

/** A snapshot as the set header names it. */
export interface Snapshot {
  readonly inode: Inode;
  readonly bytes: number;
  readonly position: IndexPosition;
}

export function indexOf(set: VectorSet): IndexDescription | undefined {
  return readIndex(set.header().view);
}

/** The index that a set header describes; undefined when it has none, or one that cannot be. */
export function readIndex(view: DataView): IndexDescription | undefined {
  return possibleIndex(
    setHeader.index_type.get(view, 0),
    setHeader.index_metric.get(view, 0),
    setHeader.index_m.get(view, 0),
    setHeader.index_ef_construction.get(view, 0),
    setHeader.index_ef_search.get(view, 0),
  );
}

/** The index of these parameters; undefined when there can be none. */
export function possibleIndex(
  type: number,
  metric: number,
  m: number,
  efConstruction: number,
  efSearch: number,
): IndexDescription | undefined {
  const possible =
    (type === IndexType.GRAPH || (type === IndexType.FLAT && metric === SearchType.COSINE)) &&
    metric <= SearchType.DOT_PRODUCT &&
    isPossibleM(m) &&
    isPossibleEf(efConstruction) &&
    isPossibleEf(efSearch);
  return possible
    ? { type: type as IndexType, metric: metric as SearchType, m, efConstruction, efSearch }
    : undefined;
}

/** Bounds of the engine (VX_MIN_M, VX_MAX_M, VX_MAX_EF in vexfs_index.h). */
export const isPossibleM = (m: number): boolean => m >= 4 && m <= 64;
export const isPossibleEf = (ef: number): boolean => ef >= 1 && ef <= 10_000;

export function describeIndex(set: VectorSet, index: IndexDescription | undefined): void {
  const view = set.changed();
  setHeader.index_type.set(view, 0, index?.type ?? INDEX_NONE);
  setHeader.index_metric.set(view, 0, index?.metric ?? 0);
  setHeader.index_m.set(view, 0, index?.m ?? 0);
  setHeader.index_ef_construction.set(view, 0, index?.efConstruction ?? 0);
  setHeader.index_ef_search.set(view, 0, index?.efSearch ?? 0);
}

/** Rows from which on a search makes an index; 0: as the mount says. */
export function automaticRows(set: VectorSet): number {
  return setHeader.index_automatic.get(set.header().view, 0);
}

export function setAutomaticRows(set: VectorSet, rows: number): void {
  setHeader.index_automatic.set(set.changed(), 0, rows);
}

/** The snapshot of a set; undefined when there is none, or none of the log as it is. */
export function snapshotOf(volume: Volume, set: VectorSet): Snapshot | undefined {
  const { view } = set.header();
  const number = setHeader.graph_inode.get(view, 0);
  if (number === 0 || number === set.inode.number) return undefined;
  if (setHeader.graph_compactions.get(view, 0) !== set.logCompactions) return undefined;
  let inode: Inode;
  try {
    inode = volume.inodes.get(number);
  } catch (error) {
    if (error instanceof FsError) return undefined;
    throw error;
  }
  const bytes = setHeader.graph_bytes.get(view, 0);
  if (!isHiddenOf(inode, set.owner) || bytes === 0 || bytes > inode.size) return undefined;
  const record = setHeader.graph_records.get(view, 0);
  const slots = setHeader.graph_offset.get(view, 0);
  if (record > set.logRecords) return undefined;
  return { inode, bytes, position: { log: { record, slots }, scan: setHeader.graph_scan.get(view, 0) } };
}

/** Blocks that have been written and belong to nobody yet. */
export interface WrittenRun {
  readonly start: number;
  readonly length: number;
}

/** Blocks beside those of the snapshot that `swapSnapshot` may need. */
export function swapBlocks(runs: number): number {
  return 12 + Math.ceil(runs / 16);
}

/** Whether one transaction can note that so many pieces become a snapshot: nodes of its tree, bitmaps, descriptors. */
export function isSwappable({ geometry, crowdedAt }: Volume, runs: readonly WrittenRun[]): boolean {
  const tables = new Set<number>();
  for (const { start } of runs) geometry.noteTables(start, tables);
  return Math.ceil(runs.length / entriesIn(geometry.blockSize)) + tables.size <= crowdedAt;
}

/**
 * The reserved blocks `runs` hold a snapshot of `bytes` bytes: they become the set's, in the running transaction, and the one
 * before goes. Returns what is left of that to be deleted. The caller has required `swapBlocks` and an inode.
 */
export function swapSnapshot(
  volume: Volume,
  set: VectorSet,
  runs: readonly WrittenRun[],
  bytes: number,
  position: IndexPosition,
): Inode | undefined {
  const inode = hiddenInode(volume, set.owner);
  const tree = extentsOf(volume, inode);
  let logical = 0;
  for (const { start, length } of runs) {
    volume.blocks.takeReserved({ start, length });
    tree.insert(logical, start, length);
    inode.blocks += length;
    logical += length;
  }
  inode.size = logical * volume.geometry.blockSize;
  inode.markDirty();
  const left = dropSnapshot(volume, set);
  const view = set.changed();
  setHeader.graph_inode.set(view, 0, inode.number);
  setHeader.graph_bytes.set(view, 0, bytes);
  setHeader.graph_records.set(view, 0, position.log.record);
  setHeader.graph_offset.set(view, 0, position.log.slots);
  setHeader.graph_compactions.set(view, 0, set.logCompactions);
  setHeader.graph_scan.set(view, 0, position.scan);
  return left;
}

/** The set has no snapshot any more. Returns what is left of it to be deleted. */
export function dropSnapshot(volume: Volume, set: VectorSet): Inode | undefined {
  const number = setHeader.graph_inode.get(set.header().view, 0);
  const view = set.changed();
  for (const field of [setHeader.graph_inode, setHeader.graph_bytes, setHeader.graph_records])
    field.set(view, 0, 0);
  setHeader.graph_offset.set(view, 0, 0);
  setHeader.graph_compactions.set(view, 0, 0);
  setHeader.graph_scan.set(view, 0, 0);
  if (number === 0 || number === set.inode.number) return undefined;
  let inode: Inode;
  try {
    inode = volume.inodes.get(number);
  } catch (error) {
    if (error instanceof FsError) return undefined;
    throw error;
  }
  return isHiddenOf(inode, set.owner) ? discardHidden(volume, inode) : undefined;
}
