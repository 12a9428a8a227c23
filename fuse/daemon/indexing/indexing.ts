import { VectorIndex } from '../../engine/index.js';
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
import { anyJob, indexJob, JOB } from '../jobs.js';
import { Park } from '../park.js';
import type { VectorFile } from '../vector_file.js';
import { FileIndex } from './file_index.js';
import { followLog } from './follow.js';
import { openIndex } from './open.js';
import { isSaveDue, saveSnapshot, WITH_COMMIT } from './save.js';

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
  /** When the next index that bides its time is due (performance.now()). */
  private nextDue = Number.POSITIVE_INFINITY;

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
    this.forgetRows(index);
    this.rebuild(index);
  }

  /** Where the rows lay: by the layout that they had, as far as the engine was told. */
  private forgetRows(index: FileIndex): void {
    const { rowExtents } = index;
    index.rowExtents = undefined;
    if (rowExtents !== undefined) this.fs.vectors.retire(index.file, () => freeMemory(rowExtents.memory));
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
    this.forgetRows(index);
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
      slot.fields[anyJob.kind] = JOB.INDEX_CLOSE;
      slot.fields[anyJob.unique] = 0;
      slot.fields[indexJob.hnswlib] = 1;
      slot.fields[indexJob.handle] = handle;
      this.fs.submit(INDEX_QUEUE, slot, 0);
    }
  }

  /** After operations: gives jobs to the indexing thread where there is something to do. */
  tend(): void {
    if (this.closing.length > 0) this.close();
    this.nextDue = Number.POSITIVE_INFINITY;
    for (const index of [...this.awake]) {
      this.awake.delete(index);
      try {
        this.advance(index);
      } catch (error) {
        this.failed(index, error);
      }
    }
  }

  /** A step of an index has not begun: it is tried again, or the device fails and the index rests. */
  private failed(index: FileIndex, error: unknown): void {
    const code = this.fs.errnoOf(error);
    if (code !== undefined) {
      this.rest(index, code);
      this.lookAgain(index);
      return;
    }
    this.wake(index);
    // An operation that would have to wait for the device is done again, and comes by here once more.
    if (!(error instanceof Park)) throw error;
  }

  /** It has come to rest by no job, whose end would be looked at: what is to be packed has waited for that. */
  lookAgain(index: FileIndex): void {
    this.wake(index);
    this.nextDue = 0;
  }

  /** Milliseconds until `tend` is to be called though nothing else happens, or -1. */
  timeout(now: number): number {
    return this.nextDue === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.ceil(this.nextDue - now));
  }

  /** The next step of an index. Throws Park, NeedRead, FsError, DeviceError: it has not begun. */
  private advance(index: FileIndex): void {
    if (index.isBusy || index.isGone || this.isStopped) return;
    if (index.error !== 0) {
      index.answerWaiters(index.error);
      return;
    }
    if (index.handle === 0) {
      openIndex(this.fs, this, index);
      return;
    }
    if (index.isOnVolume) {
      this.answerOnVolume(index);
      return;
    }
    index.answerOutrun();
    if (this.memoryInUse > this.options.memory && index.queue.position !== undefined) {
      if (!this.leaveMemory(index)) this.rest(index, errno.ENOMEM);
      return;
    }
    const { fs } = this;
    if (this.mayWrite && isSaveDue(index) && saveSnapshot(fs, this, index)) return;
    if (index.queue.length > 0) this.followWhenDue(index);
    else if (!fs.packing.isPending(index.file)) index.answerWaiters(0);
  }

  /** What waits for an index that takes nothing more. */
  private answerOnVolume(index: FileIndex): void {
    if (index.queue.length > 0) index.answerWaiters(errno.ENOMEM);
    else if (!this.fs.packing.isPending(index.file)) index.answerWaiters(0);
  }

  /**
   * An index that has all rows goes on by its snapshot, once that has everything that it took. False: it cannot. Throws Park.
   */
  private leaveMemory(index: FileIndex): boolean {
    const { fs } = this;
    const { queue, file } = index;
    if (queue.isScanning || this.options.hnswlib) return false;
    if (index.unsaved > 0) {
      if (!this.mayWrite) return false;
      const hasBegun = index.unsaved >= index.saveAt && saveSnapshot(fs, this, index);
      return hasBegun || index.saveAt === WITH_COMMIT;
    }
    const snapshot = snapshotOf(fs.volume, file.set);
    const at = queue.position?.log;
    if (snapshot === undefined || snapshot.position.scan > 0) return false;
    const { log } = snapshot.position;
    if (log.record !== at?.record || log.slots !== at.slots) return false;
    this.release(index);
    index.snapshot = snapshot;
    index.isOnVolume = true;
    this.wake(index);
    return true;
  }

  /** Whether snapshots can be written. */
  private get mayWrite(): boolean {
    return !this.fs.readOnly && this.fs.commits.failed === 0 && !this.options.hnswlib;
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
    for (const { facts, isOnVolume } of this.all)
      bytes += isOnVolume ? facts.memoryBytes : Math.max(facts.memoryBytes, facts.snapshotBytes);
    return bytes;
  }

  /** Bytes that an index takes now: searches read parts of its snapshot into memory. */
  memoryOf({ handle, facts }: FileIndex): number {
    return handle === 0 || this.options.hnswlib
      ? facts.memoryBytes
      : VectorIndex.at(handle).info().memoryBytes;
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
    fields[anyJob.unique] = 0;
    fields[anyJob.result] = 0;
    fields[indexJob.handle] = index.handle;
    fields[indexJob.hnswlib] = this.options.hnswlib ? 1 : 0;
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
          const made = fields[indexJob.handle]!;
          if (handle === 0 && made !== 0) this.destroy(made);
        } else {
          if (fields[indexJob.handle] !== 0) this.note(index, fields);
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
      rows: fields[indexJob.rows]!,
      generation: fields[indexJob.generation]!,
      memoryBytes: fields[indexJob.memory]!,
      snapshotBytes: fields[indexJob.snapshot]!,
      levels: fields[indexJob.levels]! + 1,
    };
  }

  private followWhenDue(index: FileIndex): void {
    const due = index.dueAt;
    if (due <= performance.now()) {
      followLog(this.fs, this, index);
      return;
    }
    this.nextDue = Math.min(this.nextDue, due);
    this.wake(index);
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
        fields[anyJob.kind] = JOB.INDEX_VERIFY;
      },
      ({ fields }) => {
        code = fields[anyJob.result]!;
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
      if (!this.mayWrite || index.isOnVolume || index.unsaved === 0 || index.handle === 0) continue;
      try {
        if (saveSnapshot(fs, this, index)) waitFor(index);
      } catch (error) {
        // The snapshot before stays.
        if (!(error instanceof Park) && fs.errnoOf(error) === undefined) throw error;
      }
    }
  }
}
