import { RECORD_DELETE, RECORD_PUT, RECORD_RANGE } from '@vexfs/shared';
import { IntervalMap } from './interval_map.js';

/** No slot is as large. */
const SLOTS_END = 2 ** 32;

/**
 * Follows the records of a row log in their order: a row goes to a free slot under an id that no other row has, and only
 * live slots are freed. A mount refuses a log in which that is not so. Memory goes by the number of records.
 */
export class RowHistory {
  private readonly slots = new IntervalMap<number>();
  private readonly ids = new IntervalMap<bigint>();

  /** False when the record contradicts those before it; nothing more can be followed then. The record itself is possible. */
  add(type: number, slot: number, id: bigint, count: number): boolean {
    if (type === RECORD_PUT || type === RECORD_RANGE) {
      const end = id + BigInt(count);
      if (this.slots.overlaps(slot, slot + count) || this.ids.overlaps(id, end)) return false;
      this.slots.insert(slot, slot + count, id);
      this.ids.insert(id, end, id);
      return true;
    }
    const isDelete = type === RECORD_DELETE;
    let freed = 0;
    this.slots.remove(slot, isDelete ? slot + count : SLOTS_END, (from, to, first) => {
      freed += to - from;
      this.ids.remove(first, first + BigInt(to - from), () => {});
    });
    return !isDelete || freed === count;
  }
}
