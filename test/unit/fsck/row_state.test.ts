import { RowState, withoutRepeatedIds } from '@vexfs/mkfs/fsck';
import test from 'ava';
import fc from 'fast-check';

const SLOTS = 40;

const record = fc.record({
  type: fc.integer({ min: 1, max: 4 }),
  slot: fc.integer({ min: 0, max: SLOTS - 1 }),
  id: fc.bigInt({ min: 0n, max: 60n }),
  count: fc.integer({ min: 1, max: 12 }),
});

/** What the records say when they are read one after the other. */
function naive(records: ReadonlyArray<{ type: number; slot: number; id: bigint; count: number }>) {
  const ids = new Map<number, bigint>();
  for (const { type, slot, id, count } of records) {
    const length = type === 1 ? 1 : count;
    if (type === 4) for (const at of [...ids.keys()]) if (at >= slot) ids.delete(at);
    if (type === 4) continue;
    for (let i = 0; i < length; i++) {
      if (type === 3) ids.delete(slot + i);
      else ids.set(slot + i, id + BigInt(i));
    }
  }
  return ids;
}

function spread(rows: { slots: readonly number[]; lengths: readonly number[]; ids: readonly bigint[] }) {
  const ids: Array<[number, bigint]> = [];
  rows.slots.forEach((slot, i) => {
    for (let k = 0; k < rows.lengths[i]!; k++) ids.push([slot + k, rows.ids[i]! + BigInt(k)]);
  });
  return ids;
}

test('the rows that records leave live are those that reading them in order leaves', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(record, { maxLength: 30 }), (records) => {
        const state = new RowState();
        for (const { type, slot, id, count } of records) {
          const rows = type === 1 ? 1 : type === 4 ? 0 : count;
          t.true(state.add(type, slot, id, rows));
        }
        const { rows, past } = state.live(SLOTS);
        const expected = [...naive(records)].sort((a, b) => a[0] - b[0]);
        const below = expected.filter(([slot]) => slot < SLOTS);
        t.deepEqual(spread(rows), below);
        t.is(past, expected.length - below.length);
        const unique = spread(withoutRepeatedIds(rows));
        t.is(new Set(unique.map(([, id]) => id)).size, unique.length);
        t.true(below.every(([, id]) => unique.some(([, kept]) => kept === id)));
        for (const [slot, id] of unique) t.true(below.some(([s, i]) => s === slot && i === id));
      }),
      { numRuns: 300, seed: 7 },
    ),
  );
});

test('records that cannot be are refused', (t) => {
  const state = new RowState();
  for (const [type, slot, id, count] of [
    [0, 0, 0n, 1],
    [5, 0, 0n, 1],
    [1, 0, 0n, 2],
    [2, 0, 0n, 0],
    [2, 2 ** 32 - 3, 0n, 2],
    [2, 0, 2n ** 64n - 2n, 2],
    [1, 0, 2n ** 64n - 1n, 1],
    [3, 0, 0n, 0],
    [4, 0, 0n, 1],
  ] as const) {
    t.false(state.add(type, slot, id, count), `${type} ${slot} ${id} ${count}`);
  }
  t.is(state.idsEnd, 0n);
});

test('a log that speaks of every slot there can be takes memory by its records', (t) => {
  const state = new RowState();
  t.true(state.add(2, 0, 0n, 2 ** 32 - 2));
  for (let i = 0; i < 20_000; i++) t.true(state.add(1, i * 200_000, 2n ** 40n + BigInt(i), 1));
  const { rows } = state.live(2 ** 32 - 2);
  t.is(rows.slots.length, 40_000);
  t.is(
    rows.lengths.reduce((sum, length) => sum + length, 0),
    2 ** 32 - 2,
  );
});
