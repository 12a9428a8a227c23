import {
  INODE_IMMUTABLE,
  IndexOperation,
  IndexState,
  MAX_RECALL_SAMPLE,
  manageIndex,
  RECALL_UNIT,
  RECALL_UNKNOWN,
} from '@vexfs/shared';
import { Connection } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import {
  automaticRows,
  describeIndex,
  FsError,
  type IndexDescription,
  type IndexPosition,
  isPossibleEf,
  possibleIndex,
  setAutomaticRows,
  snapshotOf,
} from '../../volume/index.js';
import { announce } from '../announcements.js';
import { CAP_FOWNER, hasCapability } from '../credentials.js';
import type { Filesystem } from '../filesystem.js';
import type { FileIndex } from '../indexing/file_index.js';
import { DEFAULT_INDEX, guideOf } from '../indexing/guide.js';
import type { VectorFile } from '../vector_file.js';
import { type Call, ioctlReply, requireReading, requireSet } from './ioctl.js';
import { ownArgument } from './own_argument.js';
import { measureRecall } from './search.js';

const AT = Connection.PAYLOAD_AT;
const SIZE = manageIndex.$.size;

/** Fields that an operation reads; the others have to be 0. */
const READ_BY: Readonly<Record<number, ReadonlySet<string>>> = {
  [IndexOperation.CREATE]: new Set(['type', 'metric', 'm', 'ef_construction', 'ef_search']),
  [IndexOperation.TUNE]: new Set(['ef_search', 'automatic_rows']),
  [IndexOperation.WAIT]: new Set(),
  [IndexOperation.VERIFY]: new Set(),
  [IndexOperation.REBUILD]: new Set(),
  [IndexOperation.DROP]: new Set(),
  [IndexOperation.INFO]: new Set(['sample']),
};

const CHANGES: ReadonlySet<number> = new Set([
  IndexOperation.CREATE,
  IndexOperation.TUNE,
  IndexOperation.REBUILD,
  IndexOperation.DROP,
]);

/** MANAGE_INDEX. What changes an index is for the owner of the file, as chmod(2) is. */
export function manage(fs: Filesystem, call: Call): void {
  const { at } = call;
  const { view } = call.request;
  const operation = manageIndex.operation.get(view, at);
  if (CHANGES.has(operation)) requireOwner(fs, call);
  else requireReading(call);
  const file = requireSet(fs, call);
  requireFields(view, at, operation);
  switch (operation) {
    case IndexOperation.CREATE:
      create(fs, call, file);
      return;
    case IndexOperation.TUNE:
      tune(fs, call, file);
      return;
    case IndexOperation.WAIT:
      wait(fs, call, requireIndex(file));
      return;
    case IndexOperation.VERIFY:
      verify(fs, call, requireIndex(file));
      return;
    case IndexOperation.REBUILD:
      fs.indexing.rebuild(requireIndex(file));
      answer(fs, call, file);
      return;
    case IndexOperation.DROP:
      fs.indexing.drop(requireIndex(file));
      changed(fs, call);
      answer(fs, call, file);
      return;
    default:
      info(fs, call, file);
  }
}

/** INFO: with a sample, what the index finds is compared with what is there. */
function info(fs: Filesystem, call: Call, file: VectorFile): void {
  const sample = manageIndex.sample.get(call.request.view, call.at);
  if (sample > MAX_RECALL_SAMPLE) throw new FsError(errno.E2BIG);
  const { index } = file;
  // The graphs of hnswlib live in one thread, which has no other way to search.
  if (sample === 0 || index === undefined || fs.indexing.options.hnswlib) {
    answer(fs, call, file);
    return;
  }
  const guide = guideOf(fs, file, index.description.metric, 1);
  if (guide === undefined) {
    // Every row is compared.
    answer(fs, call, file, RECALL_UNIT);
    return;
  }
  const { unique } = call.request;
  const copy = ownArgument(call);
  measureRecall(fs, unique, guide, sample, (code, recall) => {
    if (code === 0) answer(fs, copy, file, recall);
    else fs.connection.fail(unique, code);
  });
}

function requireOwner(fs: Filesystem, { inode, request }: Call): void {
  fs.requireWritable();
  if ((inode.flags & INODE_IMMUTABLE) !== 0) throw new FsError(errno.EPERM);
  if (request.uid !== inode.uid && !hasCapability(request.pid, CAP_FOWNER)) throw new FsError(errno.EPERM);
}

function requireFields(view: DataView, at: number, operation: number): void {
  const read = READ_BY[operation];
  if (read === undefined) throw new FsError(errno.EINVAL);
  for (const [name, field] of manageIndex.$.fields) {
    if (name === 'operation' || read.has(name)) continue;
    for (let i = 0; i < field.size; i++)
      if (view.getUint8(at + field.offset + i) !== 0) throw new FsError(errno.EINVAL);
  }
}

function requireIndex(file: VectorFile): FileIndex {
  if (file.index === undefined) throw new FsError(errno.ENOENT);
  return file.index;
}

/** What CREATE asks for, with defaults filled in. */
function descriptionAt(view: DataView, at: number): IndexDescription {
  const description = possibleIndex(
    manageIndex.type.get(view, at),
    manageIndex.metric.get(view, at),
    manageIndex.m.get(view, at) || DEFAULT_INDEX.m,
    manageIndex.ef_construction.get(view, at) || DEFAULT_INDEX.efConstruction,
    manageIndex.ef_search.get(view, at) || DEFAULT_INDEX.efSearch,
  );
  if (description === undefined) throw new FsError(errno.EINVAL);
  return description;
}

function create(fs: Filesystem, call: Call, file: VectorFile): void {
  const description = descriptionAt(call.request.view, call.at);
  if (file.index !== undefined) throw new FsError(errno.EEXIST);
  fs.indexing.create(file, description);
  changed(fs, call);
  answer(fs, call, file);
}

function tune(fs: Filesystem, call: Call, file: VectorFile): void {
  const { at } = call;
  const { view } = call.request;
  const efSearch = manageIndex.ef_search.get(view, at);
  const automatic = manageIndex.automatic_rows.get(view, at);
  if (efSearch === 0 && automatic === 0) throw new FsError(errno.EINVAL);
  if (efSearch !== 0) {
    if (!isPossibleEf(efSearch)) throw new FsError(errno.EINVAL);
    const index = requireIndex(file);
    index.description = { ...index.description, efSearch };
    describeIndex(file.set, index.description);
  }
  if (automatic !== 0) setAutomaticRows(file.set, automatic);
  changed(fs, call);
  answer(fs, call, file);
}

function changed(fs: Filesystem, { inode }: Call): void {
  inode.ctime = fs.now();
  inode.markDirty();
  announce(fs, inode, { unique: 0, from: -1, end: -1, sync: false });
}

/** WAIT: answered when everything that was published before has been taken, and nothing is left to do or others have changed more. */
function wait(fs: Filesystem, call: Call, index: FileIndex): void {
  const { unique } = call.request;
  const copy = ownArgument(call);
  const end = (code: number): void => {
    fs.waiting.delete(unique);
    if (code === 0) answer(fs, copy, index.file);
    else fs.connection.fail(unique, code);
  };
  index.await(unique, end);
  fs.waiting.set(unique, () => {
    index.leave(unique);
    end(errno.EINTR);
  });
}

function verify(fs: Filesystem, call: Call, index: FileIndex): void {
  const { unique } = call.request;
  const copy = ownArgument(call);
  fs.indexing.verify(index, (code) => {
    if (code === 0) answer(fs, copy, index.file);
    else fs.connection.fail(unique, code);
  });
}

function packed({ log }: IndexPosition): bigint {
  return (BigInt(log.record) << 32n) + BigInt(log.slots);
}

/** Sends the argument back, filled in. */
export function answer(fs: Filesystem, call: Call, file: VectorFile, recall = RECALL_UNKNOWN): void {
  const { output } = fs.connection;
  const { view, bytes } = output;
  const at = ioctlReply(view);
  bytes.fill(0, at, at + SIZE);
  manageIndex.operation.set(view, at, manageIndex.operation.get(call.request.view, call.at));
  manageIndex.sample.set(view, at, manageIndex.sample.get(call.request.view, call.at));
  manageIndex.recall.set(view, at, recall);
  manageIndex.automatic_rows.set(view, at, automaticRows(file.set));
  manageIndex.rows.set(view, at, file.set.liveRows);
  const { index } = file;
  if (index !== undefined) fill(fs, view, at, index);
  fs.connection.send(call.request.unique, at - AT + SIZE);
}

function stateOf(index: FileIndex): number {
  if (index.error !== 0) return IndexState.RESTING;
  if (index.isOnVolume) return IndexState.ON_VOLUME;
  return index.isReady ? IndexState.READY : IndexState.BEHIND;
}

function fill(fs: Filesystem, view: DataView, at: number, index: FileIndex): void {
  const { description, facts, queue, file } = index;
  manageIndex.type.set(view, at, description.type);
  manageIndex.metric.set(view, at, description.metric);
  manageIndex.m.set(view, at, description.m);
  manageIndex.ef_construction.set(view, at, description.efConstruction);
  manageIndex.ef_search.set(view, at, description.efSearch);
  manageIndex.state.set(view, at, stateOf(index));
  manageIndex.error.set(view, at, index.isOnVolume ? errno.ENOMEM : index.error);
  manageIndex.levels.set(view, at, facts.levels);
  manageIndex.indexed_rows.set(view, at, facts.rows);
  manageIndex.lag.set(view, at, queue.length);
  manageIndex.memory_bytes.set(view, at, fs.indexing.memoryOf(index));
  manageIndex.generation.set(view, at, facts.generation);
  manageIndex.searches.set(view, at, index.searches);
  manageIndex.log_position.setBig(view, at, packed({ log: file.set.logEnd, scan: 0 }));
  const snapshot = snapshotOf(fs.volume, file.set);
  if (snapshot === undefined) return;
  manageIndex.snapshot_bytes.set(view, at, snapshot.bytes);
  manageIndex.snapshot_position.setBig(view, at, packed(snapshot.position));
}
