import { RECORD_DELETE, RECORD_TRUNCATE } from '@vexfs/shared';
import type { Memory } from '../../system/index.js';
import type { IndexDescription, LogPosition, RecordFollower, Snapshot } from '../../volume/index.js';
import type { VectorFile } from '../vector_files.js';
import { ChangeQueue } from './change_queue.js';
import { Pace } from './pace.js';

/** What the engine last told of an index. */
export interface IndexFacts {
  readonly rows: number;
  readonly generation: number;
  readonly memoryBytes: number;
  readonly snapshotBytes: number;
  readonly levels: number;
}

const NOTHING: IndexFacts = { rows: 0, generation: 0, memoryBytes: 0, snapshotBytes: 0, levels: 0 };

/** Where the rows of a file lie, for the engine. */
export interface RowExtents {
  readonly memory: Memory;
  readonly version: number;
  readonly size: number;
}

/** The index of a vector file on the FUSE thread: what it is, what it has not taken yet, and what is under way. */
export class FileIndex implements RecordFollower {
  readonly file: VectorFile;
  description: IndexDescription;
  readonly queue: ChangeQueue;
  /** Of the engine; 0 until it is opened or made. */
  handle = 0;
  facts = NOTHING;
  /** The errno that made it rest: searches are exact; 0. */
  error = 0;
  /** A job works on it. */
  isBusy = false;
  /** It is no longer the file's. */
  isGone = false;
  /** What it is opened from, and where that lies as long as the engine may read it. */
  snapshot: Snapshot | undefined;
  source: Memory | undefined;
  rowExtents: RowExtents | undefined;
  /** Changes taken since the last snapshot, and how many of them ask for another one although it failed. */
  unsaved = 0;
  saveAt = 0;
  /** All that stood in the file when it was made has been taken: a snapshot is due. */
  isBuilt = false;
  searches = 0;
  /** Calls that wait until everything is taken, by request. */
  readonly waiters = new Map<number, (code: number) => void>();
  /** Insertions that wait for it. */
  readonly pace = new Pace();
  /** Told that there is something to do. */
  private readonly onWork: (index: FileIndex) => void;

  constructor(
    file: VectorFile,
    description: IndexDescription,
    at: LogPosition,
    onWork: (index: FileIndex) => void,
  ) {
    this.file = file;
    this.description = description;
    this.queue = new ChangeQueue(at);
    this.onWork = onWork;
  }

  record(type: number, slot: number, idLow: number, idHigh: number, count: number, end: LogPosition): void {
    this.queue.push(type, slot, idLow, idHigh, count, end);
    this.onWork(this);
  }

  /** While the log is read: its record `record`, of which the snapshot may have a part. */
  replayed(record: number, type: number, slot: number, idLow: number, idHigh: number, count: number): void {
    if (this.snapshot === undefined) return;
    const { log } = this.snapshot.position;
    const taken = record < log.record ? count : record === log.record ? Math.min(count, log.slots) : 0;
    if (taken === count && type !== RECORD_TRUNCATE) {
      if (type !== RECORD_DELETE) this.queue.mayKnow(slot + count);
      return;
    }
    if (record < log.record) return;
    this.queue.push(type, slot, idLow, idHigh, count, { record, slots: count }, taken);
  }

  compacted(): void {
    this.queue.compacted(this.file.set.logEnd);
    // The snapshot on the volume is of another log.
    this.isBuilt = true;
    this.unsaved += 1;
    this.onWork(this);
  }

  /** Whether it may be let go of without losing what it has done. */
  get isStored(): boolean {
    return !this.isBusy && this.queue.length === 0 && this.unsaved === 0 && this.waiters.size === 0;
  }

  /** Whether it has taken every change, or does not go on: what is changed behind the scenes waits for that. */
  get isQuiet(): boolean {
    return this.error !== 0 || (this.handle !== 0 && this.isReady);
  }

  get isReady(): boolean {
    return this.queue.length === 0 && !this.isBusy;
  }

  /** Nothing of the engine is left. */
  forget(): void {
    this.handle = 0;
    this.facts = NOTHING;
    this.snapshot = undefined;
    this.unsaved = 0;
    this.saveAt = 0;
    this.isBuilt = false;
  }

  answerWaiters(code: number): void {
    const waiting = [...this.waiters.values()];
    this.waiters.clear();
    for (const answer of waiting) answer(code);
  }
}
