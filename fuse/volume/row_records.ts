import {
  LOG_RECORD_SIZE,
  logRecord,
  MAX_ROWS_PER_FILE,
  RECORD_DELETE,
  RECORD_PUT,
  RECORD_RANGE,
  RECORD_TRUNCATE,
} from '@vexfs/shared';
import { DamageError } from './errors.js';

/** One record of the row log. `idLow` and `idHigh` are the halves of the first id. */
export type RecordVisitor = (
  type: number,
  slot: number,
  idLow: number,
  idHigh: number,
  count: number,
) => void;

/** Shows `count` records from byte `start` on. Throws DamageError for one that cannot be; `owner` is for its sentence. */
export function visitRecords(
  view: DataView,
  start: number,
  count: number,
  owner: number,
  visit: RecordVisitor,
): void {
  for (let i = 0; i < count; i++) {
    const base = start + i * LOG_RECORD_SIZE;
    const type = logRecord.type.get(view, base);
    const slot = logRecord.slot.get(view, base);
    const rows = logRecord.count.get(view, base);
    const bounded = slot + rows <= MAX_ROWS_PER_FILE;
    const known =
      (type === RECORD_PUT && rows === 1) ||
      ((type === RECORD_RANGE || type === RECORD_DELETE) && rows > 0) ||
      (type === RECORD_TRUNCATE && rows === 0);
    if (!known || !bounded)
      throw new DamageError(`the row log of inode ${owner} has a record that cannot be`);
    const id = base + logRecord.id.offset;
    visit(type, slot, view.getUint32(id, true), view.getUint32(id + 4, true), rows);
  }
}

/** Writes a record of 24 bytes at byte `base`; `low` and `high` are the halves of the first id. */
export function writeRecord(
  view: DataView,
  base: number,
  type: number,
  slot: number,
  low: number,
  high: number,
  count: number,
): void {
  logRecord.type.set(view, base, type);
  logRecord.slot.set(view, base, slot);
  view.setUint32(base + logRecord.id.offset, low, true);
  view.setUint32(base + logRecord.id.offset + 4, high, true);
  logRecord.count.set(view, base, count);
}

/** Rows from `row` on whose slots and ids follow each other, without a carry into the upper half of the id. */
export function runLength(slots: Uint32Array, ids: Uint32Array, row: number): number {
  const slot = slots[row]!;
  const low = ids[row * 2]!;
  const high = ids[row * 2 + 1]!;
  let count = 1;
  while (
    row + count < slots.length &&
    slots[row + count] === slot + count &&
    low + count <= 0xffffffff &&
    ids[(row + count) * 2] === low + count &&
    ids[(row + count) * 2 + 1] === high
  ) {
    count += 1;
  }
  return count;
}

/** Rows slot..slot+count-1 with ids from `id` on, as a visitor sees them. */
export function idOf(low: number, high: number): bigint {
  return (BigInt(high) << 32n) + BigInt(low);
}
