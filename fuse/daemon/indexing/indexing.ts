import { indexChange, VectorIndex } from '../../engine/index.js';
import { errno, freeMemory } from '../../system/index.js';
import {
  describeIndex,
  dropSnapshot,
  EUCLEAN,
  FsError,
  type IndexDescription,
  indexOf,
  type LogPosition,
  snapshotOf,
} from '../../volume/index.js';
import { INDEX_QUEUE, type JobSlot, SPARE } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import {
  INDEX_BYTES,
  INDEX_CHANGES,
  INDEX_COUNT,
  INDEX_DIMENSIONS,
  INDEX_EF_CONSTRUCTION,
  INDEX_ELEMENT,
  INDEX_EXTENTS,
  INDEX_GENERATION,
  INDEX_HANDLE,
  INDEX_HNSWLIB,
  INDEX_LAST,
  INDEX_LEVELS,
  INDEX_M,
  INDEX_MEMORY,
  INDEX_METRIC,
  INDEX_RECORD,
  INDEX_ROWS,
  INDEX_SLOTS,
  INDEX_SNAPSHOT,
  INDEX_TAKEN,
  INDEX_THREADS,
  INDEX_TYPE,
  JOB,
  KIND,
  RESULT,
  UNIQUE,
} from '../jobs.js';
import { Park } from '../park.js';
import type { VectorFile } from '../vector_files.js';
import { contentExtents, rowExtentsOf } from './extents.js';
import { FileIndex } from './file_index.js';
import { isSaveDue, saveSnapshot } from './save.js';

export interface IndexingOptions {
  /** Bytes that the indexes of a mount may take. */
  readonly memory: number;
  /** Rows from which on a search makes an index; 0: none does. */
  readonly automaticRows: number;
  /** Threads that build. */
  readonly threads: number;
  /** Whether graphs are hnswlib's, which are in memory alone. */
  readonly hnswlib: boolean;
}

/** Changes that a job is given; rounds do not depend on it. */
const PIECE = 1024;
/** The same with hnswlib, which is slower, and searched by the same thread. */
const HNSWLIB_PIECE = 64;

/** Keeps the indexes of a mount: opens them, lets them take what has changed, saves them. Lives on the FUSE thread. */
export class Indexing {
  readonly options: IndexingOptions;
  private readonly fs: Filesystem;
  /** Indexes that may have something to do. */
  private readonly awake = new Set<FileIndex>();
  private readonly all = new Set<FileIndex>();
  private readonly jobs = new Map<FileIndex, JobSlot>();
  /** Graphs of hnswlib that nothing uses any more. */
  private closing: number[] = [];
  private isStopped = false;

  constructor(fs: Filesystem, options: IndexingOptions) {
    this.fs = fs;
    this.options = options;
  }

  /** The index of a set that is being loaded; the caller shows it the log. */
  load(file: VectorFile): FileIndex | undefined {
    const description = indexOf(file.set);
    if (description === undefined) return undefined;
    const index = this.make(file, description, { record: 0, slots: 0 });
    const snapshot = this.options.hnswlib ? undefined : snapshotOf(this.fs.volume, file.set);
    if (snapshot !== undefined) {
      index.snapshot = snapshot;
      index.queue.reset(snapshot.position.log);
    }
    return index;
  }

  /** The log of a loaded set has been shown. */
  loaded(index: FileIndex): void {
    const { file, snapshot } = index;
    const { slots } = file.set;
    if (snapshot === undefined) this.startOver(index);
    else if (snapshot.position.scan > 0) index.queue.scan(snapshot.position.scan, slots);
    file.set.follower = index;
    this.wake(index);
  }

  private make(file: VectorFile, description: IndexDescription, at: LogPosition): FileIndex {
    const index = new FileIndex(file, description, at, (one) => this.wake(one));
    this.all.add(index);
    return index;
  }

  /** There may be something to do for it. */
  wake(index: FileIndex): void {
    this.awake.add(index);
  }

  /** Gives a set an index, in the running transaction. */
  create(file: VectorFile, description: IndexDescription): FileIndex {
    this.fs.vectors.whole(() => describeIndex(file.set, description));
    const index = this.make(file, description, file.set.logEnd);
    file.index = index;
    file.set.follower = index;
    this.startOver(index);
    return index;
  }

  /** The rows that are there now are taken from the first on. */
  private startOver(index: FileIndex): void {
    const { file } = index;
    index.queue.reset(file.set.logEnd);
    index.queue.scan(0, file.set.slots);
    index.error = 0;
    index.pace.release(this.fs, index);
    this.wake(index);
  }

  /** Builds an index anew from the rows. The snapshot on the volume stays until there is another. */
  rebuild(index: FileIndex): void {
    this.release(index);
    this.startOver(index);
  }

  /** The rows have another layout now, or more of them have changed than the log says: the snapshot is of others. */
  outdated(file: VectorFile): void {
    const { index } = file;
    if (index === undefined) return;
    this.dropStored(file);
    this.rebuild(index);
  }

  private dropStored(file: VectorFile): void {
    this.fs.vectors.whole(() => {
      const rest = dropSnapshot(this.fs.volume, file.set);
      if (rest !== undefined) this.fs.vectors.onOrphan(rest);
    });
  }

  /** Takes the index of a set away, in the running transaction. */
  drop(index: FileIndex): void {
    const { file } = index;
    this.fs.vectors.whole(() => describeIndex(file.set, undefined));
    this.dropStored(file);
    file.index = undefined;
    this.letGo(index);
    index.answerWaiters(errno.ENOENT);
  }

  /** The file is let go of, or its index is. */
  letGo(index: FileIndex): void {
    index.isGone = true;
    if (index.file.set.follower === index) index.file.set.follower = undefined;
    this.awake.delete(index);
    this.all.delete(index);
    index.pace.release(this.fs, index);
    this.release(index);
    const { rowExtents } = index;
    index.rowExtents = undefined;
    if (rowExtents !== undefined) this.fs.vectors.retire(index.file, () => freeMemory(rowExtents.memory));
  }

  /** Frees what the engine has of an index, when no search and no job uses it any more. */
  private release(index: FileIndex): void {
    const { handle, source, file } = index;
    const slot = this.jobs.get(index);
    if (slot !== undefined) this.fs.exchange.interrupt(slot);
    index.forget();
    index.source = undefined;
    // The job that is under way finds out by the handle that it was for the one before.
    this.fs.vectors.retire(file, () => {
      if (handle !== 0) this.destroy(handle);
      if (source !== undefined) freeMemory(source);
    });
  }

  /** No search and no job uses it any more. */
  private destroy(handle: number): void {
    if (!this.options.hnswlib) VectorIndex.at(handle).destroy();
    else this.closing.push(handle);
  }

  /** Has the thread that owns them forget graphs. */
  private close(): void {
    for (let handle = this.closing.pop(); handle !== undefined; handle = this.closing.pop()) {
      const slot = this.fs.exchange.take(SPARE.caller);
      if (slot === undefined) {
        this.closing.push(handle);
        return;
      }
      slot.fields[KIND] = JOB.INDEX_CLOSE;
      slot.fields[UNIQUE] = 0;
      slot.fields[INDEX_HNSWLIB] = 1;
      slot.fields[INDEX_HANDLE] = handle;
      this.fs.submit(INDEX_QUEUE, slot, 0);
    }
  }

  /** After operations: gives jobs to the indexing thread where there is something to do. */
  tend(): void {
    if (this.closing.length > 0) this.close();
    if (this.awake.size === 0) return;
    const awake = [...this.awake];
    this.awake.clear();
    for (const index of awake) {
      try {
        this.advance(index);
      } catch (error) {
        if (!(error instanceof Park)) throw error;
        this.wake(index);
      }
    }
  }

  /** The next step of an index. Throws Park. */
  private advance(index: FileIndex): void {
    if (index.isBusy || index.isGone || this.isStopped) return;
    if (index.error !== 0) {
      index.answerWaiters(index.error);
      return;
    }
    if (index.handle === 0) {
      this.open(index);
      return;
    }
    if (this.memoryInUse > this.options.memory) {
      this.rest(index, errno.ENOMEM);
      return;
    }
    const { fs } = this;
    const mayWrite = !fs.readOnly && fs.commits.failed === 0 && !this.options.hnswlib;
    if (mayWrite && isSaveDue(index) && saveSnapshot(fs, this, index)) return;
    if (index.queue.length > 0) this.follow(index);
    else if (!fs.packing.isPending(index.file)) index.answerWaiters(0);
  }

  /** Whether no more is begun. */
  get hasEnded(): boolean {
    return this.isStopped;
  }

  /** A search found too little by an index: a snapshot that turns out to be damaged is dropped. */
  suspect(index: FileIndex): void {
    if (index.isGone || index.handle === 0 || index.isBusy || this.options.hnswlib) return;
    if (VectorIndex.at(index.handle).info().damaged) this.rebuild(index);
  }

  /** Bytes that indexes take. */
  get memoryInUse(): number {
    let bytes = 0;
    // What of a snapshot has not been read yet will be.
    for (const { facts } of this.all) bytes += Math.max(facts.memoryBytes, facts.snapshotBytes);
    return bytes;
  }

  /** It cannot go on: its memory is given back, searches compare every row. */
  rest(index: FileIndex, code: number): void {
    this.release(index);
    this.startOver(index);
    index.error = code;
    index.answerWaiters(code);
    index.pace.release(this.fs, index);
  }

  /** A job for the indexing thread. `done` runs unless the index it was for is no more. Throws Park: nothing has begun. */
  run(
    index: FileIndex,
    fill: (slot: JobSlot) => void,
    done: (slot: JobSlot) => void,
    always: () => void = () => {},
  ): void {
    const { fs } = this;
    const slot = fs.exchange.take(SPARE.caller);
    if (slot === undefined) throw new Park();
    const { fields } = slot;
    fields[UNIQUE] = 0;
    fields[RESULT] = 0;
    fields[INDEX_HANDLE] = index.handle;
    fields[INDEX_HNSWLIB] = this.options.hnswlib ? 1 : 0;
    try {
      fill(slot);
    } catch (error) {
      fs.exchange.give(slot);
      throw error;
    }
    const { handle, source, file } = index;
    file.pins += 1;
    index.isBusy = true;
    this.jobs.set(index, slot);
    fs.pin(slot, () => {
      file.pins -= 1;
      index.isBusy = false;
      this.jobs.delete(index);
      try {
        if (index.isGone || index.handle !== handle || index.source !== source) {
          // An index that was made for nobody.
          const made = fields[INDEX_HANDLE]!;
          if (handle === 0 && made !== 0) this.destroy(made);
        } else {
          if (fields[INDEX_HANDLE] !== 0) this.note(index, fields);
          done(slot);
        }
      } finally {
        always();
      }
      index.pace.release(fs, index);
      if (!index.isGone) this.wake(index);
    });
    fs.submit(INDEX_QUEUE, slot, 0);
  }

  private note(index: FileIndex, fields: Float64Array): void {
    index.facts = {
      rows: fields[INDEX_ROWS]!,
      generation: fields[INDEX_GENERATION]!,
      memoryBytes: fields[INDEX_MEMORY]!,
      snapshotBytes: fields[INDEX_SNAPSHOT]!,
      levels: fields[INDEX_LEVELS]! + 1,
    };
  }

  private open(index: FileIndex): void {
    const { fs } = this;
    const { file, description, snapshot } = index;
    const { layout } = file.set;
    const source = snapshot === undefined ? undefined : contentExtents(fs, snapshot.inode, snapshot.bytes);
    index.source = source;
    this.run(
      index,
      ({ fields }) => {
        fields[KIND] = JOB.INDEX_OPEN;
        fields[INDEX_EXTENTS] = source?.address ?? 0;
        fields[INDEX_BYTES] = snapshot?.bytes ?? 0;
        fields[INDEX_RECORD] = snapshot?.position.log.record ?? 0;
        fields[INDEX_SLOTS] = snapshot?.position.log.slots ?? 0;
        fields[INDEX_TYPE] = description.type;
        fields[INDEX_METRIC] = description.metric;
        fields[INDEX_ELEMENT] = layout.elementType;
        fields[INDEX_DIMENSIONS] = layout.dimensions;
        fields[INDEX_M] = description.m;
        fields[INDEX_EF_CONSTRUCTION] = description.efConstruction;
      },
      ({ fields }) => {
        index.handle = fields[INDEX_HANDLE]!;
        if (index.handle !== 0) return;
        // A snapshot is a hint: what it lacks is taken from the rows.
        if (snapshot === undefined || fields[RESULT] === errno.ENOMEM) this.rest(index, fields[RESULT]!);
        else this.rebuild(index);
      },
    );
  }

  private follow(index: FileIndex): void {
    const { fs } = this;
    const { file, queue } = index;
    const memory = fs.transfer.take(PIECE * indexChange.$.size);
    try {
      const most = this.options.hnswlib ? HNSWLIB_PIECE : PIECE;
      const count = queue.fill(memory.view, most, file.ids, file.set.slots);
      if (count === 0) {
        fs.transfer.give(memory);
        this.wake(index);
        return;
      }
      const extents = rowExtentsOf(fs, index);
      this.run(
        index,
        ({ fields }) => {
          fields[KIND] = JOB.INDEX_FOLLOW;
          fields[INDEX_EXTENTS] = extents.address;
          fields[INDEX_CHANGES] = memory.address;
          fields[INDEX_COUNT] = count;
          fields[INDEX_LAST] = queue.isAll(count) ? 1 : 0;
          fields[INDEX_THREADS] = this.options.threads;
        },
        ({ fields }) => this.followed(index, fields),
        () => fs.transfer.give(memory),
      );
    } catch (error) {
      fs.transfer.give(memory);
      if (!(error instanceof FsError)) throw error;
      this.rest(index, error.errno);
    }
  }

  private followed(index: FileIndex, fields: Float64Array): void {
    const taken = fields[INDEX_TAKEN]!;
    const wasScanning = index.queue.isScanning;
    index.queue.take(taken);
    if (!this.options.hnswlib) index.unsaved += taken;
    if (wasScanning && !index.queue.isScanning) index.isBuilt = true;
    const code = fields[RESULT]!;
    if (code === 0 || code === errno.EINTR) return;
    if (code === EUCLEAN) this.rebuild(index);
    else this.rest(index, code);
  }

  /** Looks at every part of the snapshot that an index was opened from. Throws Park. */
  verify(index: FileIndex, done: (code: number) => void): void {
    if (this.isStopped) throw new FsError(errno.EINTR);
    if (index.error !== 0) throw new FsError(index.error);
    if (index.isBusy || index.handle === 0) {
      this.wake(index);
      this.tend();
      throw new Park();
    }
    let code: number = errno.ENOENT;
    this.run(
      index,
      ({ fields }) => {
        fields[KIND] = JOB.INDEX_VERIFY;
      },
      ({ fields }) => {
        code = fields[RESULT]!;
        if (code === EUCLEAN) this.rebuild(index);
      },
      () => done(code),
    );
  }

  /** Nothing new is begun; what is under way ends soon. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    for (const slot of this.jobs.values()) this.fs.exchange.interrupt(slot);
    for (const index of this.all) {
      index.answerWaiters(errno.EINTR);
      index.pace.release(this.fs, index);
    }
  }

  /** The mount has ended: what the indexes have taken is saved. `wait` returns when a job has come back. */
  finish(wait: () => void): void {
    this.stop();
    const { fs } = this;
    const waitFor = (index: FileIndex): void => {
      while (index.isBusy) wait();
    };
    for (const index of this.all) {
      waitFor(index);
      const mayWrite = !fs.readOnly && fs.commits.failed === 0 && !this.options.hnswlib;
      if (!mayWrite || index.unsaved === 0 || index.handle === 0) continue;
      try {
        if (saveSnapshot(fs, this, index)) waitFor(index);
      } catch (error) {
        if (!(error instanceof Park)) throw error;
      }
    }
  }
}
