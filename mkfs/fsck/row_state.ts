import {
  MAX_ID,
  MAX_ROWS_PER_FILE,
  RECORD_DELETE,
  RECORD_PUT,
  RECORD_RANGE,
  RECORD_TRUNCATE,
} from '@vexfs/shared';
import { sweep } from './sweep.js';

/** Rows `slot` to `slot` + `length` - 1 with ids from `id` on, in columns. */
export interface LiveRows {
  readonly slots: readonly number[];
  readonly lengths: readonly number[];
  readonly ids: readonly bigint[];
}

/**
 * The records of a row log, and which rows are live when all of them have been read. Memory and time go by the number
 * of records, never by the slots that they speak of.
 */
export class RowState {
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  /** First id; -1 for records that take rows away. */
  private readonly ids: bigint[] = [];
  /** One more than the largest id of any record. */
  idsEnd = 0n;

  /** False, and nothing is added, when there can be no such record. */
  add(type: number, slot: number, id: bigint, count: number): boolean {
    if (slot + count > MAX_ROWS_PER_FILE) return false;
    let first = -1n;
    let end = slot + count;
    if (type === RECORD_PUT || type === RECORD_RANGE) {
      if (count < 1 || (type === RECORD_PUT && count !== 1)) return false;
      if (id + BigInt(count) - 1n > MAX_ID) return false;
      first = id;
      if (id + BigInt(count) > this.idsEnd) this.idsEnd = id + BigInt(count);
    } else if (type === RECORD_TRUNCATE) {
      if (count !== 0) return false;
      end = Number.POSITIVE_INFINITY;
    } else if (type !== RECORD_DELETE || count < 1) {
      return false;
    }
    this.starts.push(slot);
    this.ends.push(end);
    this.ids.push(first);
    return true;
  }

  /** Slots of a record, counted over those that were added; 0 for TRUNCATE. Undefined when there is none. */
  slotsOf(record: number): number | undefined {
    const end = this.ends[record];
    if (end === undefined) return undefined;
    return end === Number.POSITIVE_INFINITY ? 0 : end - this.starts[record]!;
  }

  /** Live rows below `slots`, and how many lie at or above it. */
  live(slots: number): { rows: LiveRows; past: number } {
    const rows = { slots: [] as number[], lengths: [] as number[], ids: [] as bigint[] };
    let past = 0;
    sweep<number>(this.starts, this.ends, (top, from, to) => {
      const base = this.ids[top]!;
      if (base < 0n) return;
      const end = Math.min(to, slots);
      past += to - Math.max(from, end);
      if (end <= from) return;
      const id = base + BigInt(from - this.starts[top]!);
      const last = rows.slots.length - 1;
      const joins =
        last >= 0 &&
        rows.slots[last]! + rows.lengths[last]! === from &&
        rows.ids[last]! + BigInt(rows.lengths[last]!) === id;
      if (joins) {
        rows.lengths[last]! += end - from;
        return;
      }
      rows.slots.push(from);
      rows.lengths.push(end - from);
      rows.ids.push(id);
    });
    return { rows, past };
  }
}

export function countRows(rows: LiveRows): number {
  return rows.lengths.reduce((sum, length) => sum + length, 0);
}

/** The same rows, but each id in the highest slot that has it alone. Returns `rows` itself when no id is there twice. */
export function withoutRepeatedIds(rows: LiveRows): LiveRows {
  const ends = rows.ids.map((id, i) => id + BigInt(rows.lengths[i]!));
  const kept = { slots: [] as number[], lengths: [] as number[], ids: [] as bigint[] };
  sweep<bigint>(rows.ids, ends, (top, from, to) => {
    kept.slots.push(rows.slots[top]! + Number(from - rows.ids[top]!));
    kept.lengths.push(Number(to - from));
    kept.ids.push(from);
  });
  if (countRows(kept) === countRows(rows)) return rows;
  const order = kept.slots.map((_, i) => i).sort((a, b) => kept.slots[a]! - kept.slots[b]!);
  return {
    slots: order.map((i) => kept.slots[i]!),
    lengths: order.map((i) => kept.lengths[i]!),
    ids: order.map((i) => kept.ids[i]!),
  };
}
