import { RowHistory } from '@vexfs/mkfs/fsck';
import test from 'ava';
import fc from 'fast-check';

const [PUT, RANGE, DELETE, TRUNCATE] = [1, 2, 3, 4];

const record = fc.record({
  type: fc.constantFrom(PUT, RANGE, RANGE, DELETE, DELETE, TRUNCATE),
  slot: fc.integer({ min: 0, max: 60 }),
  id: fc.bigInt({ min: 0n, max: 90n }),
  length: fc.integer({ min: 1, max: 9 }),
});

/** Applies a record to slots and their ids, one by one; false when it contradicts them. */
function apply(rows: Map<number, bigint>, type: number, slot: number, id: bigint, count: number): boolean {
  if (type === TRUNCATE) {
    for (const at of [...rows.keys()]) if (at >= slot) rows.delete(at);
    return true;
  }
  for (let i = 0; i < count; i++) {
    if (type === DELETE) {
      if (!rows.delete(slot + i)) return false;
    } else {
      if (rows.has(slot + i) || [...rows.values()].includes(id + BigInt(i))) return false;
      rows.set(slot + i, id + BigInt(i));
    }
  }
  return true;
}

test('a record contradicts those before it when it says so slot by slot', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(record, { maxLength: 60 }), (records) => {
        const history = new RowHistory();
        const rows = new Map<number, bigint>();
        for (const { type, slot, id, length } of records) {
          const count = type === PUT ? 1 : type === TRUNCATE ? 0 : length;
          // Most random records would contradict: those that do are asked for once, at the end.
          const copy = new Map(rows);
          const follows = apply(copy, type, slot, id, count);
          if (!follows) {
            t.false(history.add(type, slot, id, count));
            return;
          }
          t.true(history.add(type, slot, id, count));
          rows.clear();
          for (const [at, one] of copy) rows.set(at, one);
        }
      }),
      { numRuns: 2000, seed: 11 },
    ),
  );
});

test('a long log without contradictions is followed, in pieces that come and go', (t) => {
  const history = new RowHistory();
  for (let i = 0; i < 30_000; i++) t.true(history.add(PUT, ((i * 7919) % 30_000) * 3, BigInt(i) * 5n, 1));
  for (let i = 0; i < 30_000; i += 2) t.true(history.add(DELETE, ((i * 7919) % 30_000) * 3, 0n, 1));
  for (let i = 0; i < 30_000; i += 2)
    t.true(history.add(PUT, ((i * 7919) % 30_000) * 3 + 1, BigInt(i) * 5n, 1));
  t.true(history.add(TRUNCATE, 1000, 0n, 0));
  t.true(history.add(RANGE, 1000, 2n ** 40n, 2 ** 30));
  t.false(history.add(PUT, 2 ** 30 + 999, 2n ** 50n, 1));
});
