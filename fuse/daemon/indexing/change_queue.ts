import { RECORD_DELETE, RECORD_PUT, RECORD_RANGE } from '@vexfs/shared';
import { ChangeOp, type IdTable, indexChange } from '../../engine/index.js';
import { memoryAt } from '../../system/index.js';
import type { IndexPosition, LogPosition } from '../../volume/index.js';

/** Slots that took rows with ids that follow each other, or that were freed. */
interface Entry {
  readonly op: number;
  readonly slot: number;
  readonly idLow: number;
  readonly idHigh: number;
  readonly count: number;
  /** Where the log ended then; undefined when that log has been written anew since. */
  end: LogPosition | undefined;
  /** Whether its slots are those of the record at `end`, so that a part of it is a position too. */
  readonly isRecord: boolean;
}

/**
 * What an index has not taken yet, in the order in which it has to: first, after the index was made, the rows that stood there
 * then, by slots; then the changes of the log.
 */
export class ChangeQueue {
  private entries: Entry[] = [];
  /** Entries before it are taken, and so many slots of it. */
  private head = 0;
  private headTaken = 0;
  private scanNext = 0;
  private scanEnd = 0;
  /** Slots written by the last `fill` from the scan. */
  private scanned: number[] = [];
  private at: LogPosition | undefined;
  private puts = 0;
  private others = 0;
  /** Changes that have ever come, and those of them that nobody's call has made. */
  private came = 0;
  private ownCame = 0;
  /** Slots that some row may have had. */
  private high = 0;

  constructor(at: LogPosition) {
    this.at = at;
  }

  /** Changes that wait; rows of the scan count by slots. */
  get length(): number {
    return this.scanEnd - this.scanNext + this.puts + this.others;
  }

  /** Rows among them. */
  get rows(): number {
    return this.scanEnd - this.scanNext + this.puts;
  }

  /** Changes that have ever come, and how many of them wait no more. */
  get pushed(): number {
    return this.came;
  }

  get taken(): number {
    return this.came - this.length;
  }

  /** Changes that calls have made. */
  get ofCalls(): number {
    return this.came - this.ownCame;
  }

  /** What comes while `work` runs is made by no call. */
  behindTheScenes(work: () => void): void {
    const before = this.came;
    try {
      work();
    } finally {
      this.ownCame += this.came - before;
    }
  }

  get isScanning(): boolean {
    return this.scanNext < this.scanEnd;
  }

  /** Up to where everything is taken; undefined while no place of the log says that. */
  get position(): IndexPosition | undefined {
    if (this.at === undefined) return undefined;
    return { log: this.at, scan: this.isScanning ? this.scanNext : 0 };
  }

  /** Slots from `next` on that hold rows come before all changes of the log. */
  scan(next: number, end: number): void {
    this.scanNext = next;
    this.scanEnd = Math.max(next, end);
    this.high = Math.max(this.high, end);
    this.came += this.scanEnd - next;
    this.ownCame += this.scanEnd - next;
  }

  /** Forgets everything: the log ends at `at` and the index is empty. */
  reset(at: LogPosition): void {
    this.entries = [];
    this.head = 0;
    this.headTaken = 0;
    this.puts = 0;
    this.others = 0;
    this.scanNext = 0;
    this.scanEnd = 0;
    this.at = at;
  }

  /** Slots below `slots` may be known to the index though no change that waits names them. */
  mayKnow(slots: number): void {
    this.high = Math.max(this.high, slots);
  }

  /** A change of the log, whose newest record ends at `end`. `taken`: so many of its slots have been taken before. */
  push(
    type: number,
    slot: number,
    idLow: number,
    idHigh: number,
    count: number,
    end: LogPosition,
    taken = 0,
  ): void {
    if (type === RECORD_PUT || type === RECORD_RANGE) {
      this.high = Math.max(this.high, slot + count);
      // Ids of a run share their upper half, so the lower one does not overflow.
      this.add({ op: ChangeOp.PUT, slot, idLow, idHigh, count, end, isRecord: true }, taken);
    } else if (type === RECORD_DELETE) {
      this.add({ op: ChangeOp.DELETE, slot, idLow: 0, idHigh: 0, count, end, isRecord: true }, taken);
    } else {
      const gone = Math.max(0, this.high - slot);
      this.high = Math.min(this.high, slot);
      this.scanEnd = Math.max(this.scanNext, Math.min(this.scanEnd, slot));
      this.add({ op: ChangeOp.DELETE, slot, idLow: 0, idHigh: 0, count: gone, end, isRecord: false }, 0);
    }
  }

  private add(entry: Entry, taken: number): void {
    const left = entry.count - taken;
    if (left <= 0) {
      if (this.head === this.entries.length && this.at !== undefined) this.at = entry.end;
      return;
    }
    if (this.head === this.entries.length) {
      this.entries = [];
      this.head = 0;
      this.headTaken = taken;
    }
    this.entries.push(entry);
    this.came += left;
    if (entry.op === ChangeOp.PUT) this.puts += left;
    else this.others += left;
  }

  /** The log was written anew and ends at `end`. */
  compacted(end: LogPosition): void {
    for (let i = this.head; i < this.entries.length; i++) this.entries[i]!.end = undefined;
    const last = this.entries[this.entries.length - 1];
    if (this.head < this.entries.length) {
      last!.end = end;
      this.at = undefined;
    } else {
      this.at = end;
    }
  }

  /**
   * Writes the next changes, at most `most`, and returns how many. A row whose slot lies behind `slots` is gone already: its
   * place in the order is kept by a deletion, which the log has too.
   */
  fill(view: DataView, most: number, ids: IdTable, slots: number): number {
    let count = this.fillScan(view, most, ids);
    if (this.scanNext < this.scanEnd && count < most) {
      // The scan has found its last row.
      const last = this.scanned[count - 1];
      if (last === undefined) this.scanNext = this.scanEnd;
      else this.scanEnd = last + 1;
    }
    let skip = this.headTaken;
    for (let i = this.head; i < this.entries.length && count < most; i++) {
      const entry = this.entries[i]!;
      for (let k = skip; k < entry.count && count < most; k++) {
        const at = count * indexChange.$.size;
        const slot = entry.slot + k;
        const isPut = entry.op === ChangeOp.PUT && slot < slots;
        view.setUint32(at, isPut ? (entry.idLow + k) >>> 0 : 0, true);
        const carry = isPut && entry.idLow + k > 0xffff_ffff ? 1 : 0;
        view.setUint32(at + 4, isPut ? entry.idHigh + carry : 0, true);
        indexChange.slot.set(view, at, slot);
        indexChange.op.set(view, at, isPut ? ChangeOp.PUT : ChangeOp.DELETE);
        count += 1;
      }
      skip = 0;
    }
    return count;
  }

  private fillScan(view: DataView, most: number, ids: IdTable): number {
    this.scanned = [];
    if (!this.isScanning) return 0;
    const info = ids.info();
    const end = Math.min(this.scanEnd, info.slots);
    if (end <= this.scanNext) return 0;
    const live = memoryAt(info.live, Math.ceil(info.slots / 64) * 8).bytes;
    const table = memoryAt(info.ids, info.slots * 8).view;
    for (let slot = this.scanNext; slot < end && this.scanned.length < most; slot++) {
      if ((live[slot >> 3]! & (1 << (slot & 7))) === 0) continue;
      const at = this.scanned.length * indexChange.$.size;
      view.setBigUint64(at, table.getBigUint64(slot * 8, true), true);
      indexChange.slot.set(view, at, slot);
      indexChange.op.set(view, at, ChangeOp.PUT);
      this.scanned.push(slot);
    }
    return this.scanned.length;
  }

  /** Whether `filled` changes are all that there are. */
  isAll(filled: number): boolean {
    const ofLog = filled - this.scanned.length;
    const scanIsDone = !this.isScanning || this.scanned[this.scanned.length - 1] === this.scanEnd - 1;
    return scanIsDone && ofLog === this.puts + this.others;
  }

  /** The first `count` of what `fill` wrote are taken. */
  take(count: number): void {
    const ofScan = Math.min(count, this.scanned.length);
    if (ofScan > 0) this.scanNext = Math.min(this.scanEnd, this.scanned[ofScan - 1]! + 1);
    this.scanned = [];
    for (let left = count - ofScan; left > 0; ) {
      const entry = this.entries[this.head]!;
      const part = Math.min(left, entry.count - this.headTaken);
      this.headTaken += part;
      left -= part;
      if (entry.op === ChangeOp.PUT) this.puts -= part;
      else this.others -= part;
      const { end } = entry;
      if (this.headTaken === entry.count) {
        this.at = end;
        this.head += 1;
        this.headTaken = 0;
      } else if (end === undefined) {
        this.at = undefined;
      } else if (entry.isRecord) {
        const before = end.slots - (entry.count - this.headTaken);
        if (before >= 0) this.at = { record: end.record, slots: before };
      }
    }
    if (this.head > 1024 && this.head * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
  }

  /** Writes the slots of rows that wait, `rows` of them at most. Some may be named twice, or hold nothing. */
  slots(out: Uint32Array): number {
    let count = 0;
    for (let slot = this.scanNext; slot < this.scanEnd; slot++) out[count++] = slot;
    let skip = this.headTaken;
    for (let i = this.head; i < this.entries.length; i++) {
      const entry = this.entries[i]!;
      if (entry.op === ChangeOp.PUT) for (let k = skip; k < entry.count; k++) out[count++] = entry.slot + k;
      skip = 0;
    }
    return count;
  }
}
