import { RECORD_DELETE, RECORD_TRUNCATE } from '@vexfs/shared';
import type { Memory } from '../../system/index.js';
import type { IndexDescription, LogPosition, RecordFollower, Snapshot } from '../../volume/index.js';
import type { VectorFile } from '../vector_file.js';
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

/**
 * Milliseconds without another change after which changes are taken, and for which the first of them waits at most: a burst of
 * inserts goes at its own speed, and gets the processors. Until they are taken, searches compare these rows one by one.
 */
const QUIET = 10;
const PATIENCE = 100;

const NOTHING: IndexFacts = { rows: 0, generation: 0, memoryBytes: 0, snapshotBytes: 0, levels: 0 };

/** Where the rows of a file lie, for the engine. */
export interface RowExtents {
  readonly memory: Memory;
  readonly version: number;
  readonly size: number;
}

/** A call that waits for an index. */
interface Waiter {
  /** With 0 or what keeps the index from going on. */
  readonly answer: (code: number) => void;
  /** Changes that had come, and those that calls had made, when it began to wait. */
  readonly pushed: number;
  readonly ofCalls: number;
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
  /** There is no memory for it: searches read the records of its snapshot, and it takes no changes. */
  isOnVolume = false;
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
  /** When the first change came that waits, and the last (performance.now()). */
  private firstChange = 0;
  private lastChange = 0;
  /** Calls that wait until everything is taken, by request. */
  private readonly waiters = new Map<number, Waiter>();
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
    this.lastChange = performance.now();
    if (this.queue.length === 0) this.firstChange = this.lastChange;
    this.queue.push(type, slot, idLow, idHigh, count, end);
    this.onWork(this);
  }

  /** From when on it takes what has changed (performance.now()): at once when somebody waits for that. */
  get dueAt(): number {
    if (this.queue.isScanning || this.isAwaited || this.pace.isHolding) return 0;
    return Math.min(this.lastChange + QUIET, this.firstChange + PATIENCE);
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
    const isSaved = this.isOnVolume || (this.queue.length === 0 && this.unsaved === 0);
    return !this.isBusy && isSaved && !this.isAwaited;
  }

  /** Whether it has taken every change, or does not go on: what is changed behind the scenes waits for that. */
  get isQuiet(): boolean {
    return this.error !== 0 || (this.handle !== 0 && (this.isReady || this.isOnVolume));
  }

  get isReady(): boolean {
    return this.queue.length === 0 && !this.isBusy;
  }

  /** Nothing of the engine is left. */
  forget(): void {
    this.handle = 0;
    this.isOnVolume = false;
    this.facts = NOTHING;
    this.snapshot = undefined;
    this.unsaved = 0;
    this.saveAt = 0;
    this.isBuilt = false;
  }

  get isAwaited(): boolean {
    return this.waiters.size > 0;
  }

  /** Request `unique` waits until `answer` is called. */
  await(unique: number, answer: (code: number) => void): void {
    this.waiters.set(unique, { answer, pushed: this.queue.pushed, ofCalls: this.queue.ofCalls });
    this.onWork(this);
  }

  /** It waits no more. */
  leave(unique: number): void {
    this.waiters.delete(unique);
  }

  /** There is nothing left to do, or it cannot go on. */
  answerWaiters(code: number): void {
    const waiting = [...this.waiters.values()];
    this.waiters.clear();
    for (const { answer } of waiting) answer(code);
  }

  /**
   * Who waits has been promised what had changed by then: while others go on with changes there would be no end to waiting for
   * these too, nor for what follows when nothing is left.
   */
  answerOutrun(): void {
    const { isScanning, taken, ofCalls } = this.queue;
    if (isScanning) return;
    for (const [unique, waiter] of [...this.waiters]) {
      if (taken < waiter.pushed || ofCalls === waiter.ofCalls) continue;
      this.waiters.delete(unique);
      waiter.answer(0);
    }
  }
}
