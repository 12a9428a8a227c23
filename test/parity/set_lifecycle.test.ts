import { fstatSync, fsyncSync, readFileSync, statSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_ROWS_PER_CALL } from '@vexfs/shared';
import { paritySuite } from './backend/suite.js';
import { floatBytes } from './client/npy_file.js';
import { numberedRows, randomRows, randomSource } from './client/stored_rows.js';
import { getEmbedding, getMeta, getStats, insert, nearestIds, rowOf, search } from './client/vector_calls.js';

const { test, open, close, closeAll, vectorFile, backend } = paritySuite({ size: '128M' });
const OVERWRITE = 1;

test('the slot of an overwritten row reads as zeros once the change is durable, and takes the next row', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 1, 2, 2, 3, 3]);
  t.is(insert(fd, [20, 20], { dimensions: 2, ids: [1], flags: OVERWRITE }), 'ok');
  const grown = fstatSync(fd).size;
  fsyncSync(fd);
  const slot = (): number[] => [...new Float32Array(new Uint8Array(readFileSync(path)).buffer).slice(2, 4)];
  for (let i = 0; i < 100 && slot()[0] !== 0; i++) await sleep(20);
  t.deepEqual(slot(), [0, 0]);
  t.is(insert(fd, [9, 9], { dimensions: 2 }), 'ok');
  t.is(getEmbedding(fd, { id: 3, room: 0 }).slot, 1);
  t.is(fstatSync(fd).size, grown);
  t.deepEqual(slot(), [9, 9]);
  t.deepEqual(nearestIds(fd, [0, 0]), [0n, 2n, 3n, 1n]);
});

test('free slots at the end are cut off, which leaves the times alone', async (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, numberedRows(100, 2));
  const ids = Array.from({ length: 50 }, (_, i) => 50 + i);
  const changed = (): number[] => [fstatSync(fd).mtimeMs, fstatSync(fd).ctimeMs];
  let inserted: number[] = [];
  // Twice: the rows go behind the end, and then back into the slots that the first call freed.
  for (let round = 1; round <= 2; round++) {
    t.is(insert(fd, numberedRows(50, 2, 1000 * round), { dimensions: 2, ids, flags: OVERWRITE }), 'ok');
    inserted = changed();
    fsyncSync(fd);
    await sleep(100);
  }
  for (let i = 0; i < 100 && fstatSync(fd).size > 800; i++) {
    fsyncSync(fd);
    await sleep(20);
  }
  t.is(fstatSync(fd).size, 800);
  t.deepEqual(changed(), inserted);
  t.deepEqual([getStats(fd).stats.slots, getStats(fd).stats.rows], [100, 100]);
  t.deepEqual(rowOf(fd, 99, 2), Float32Array.of(2049, 2049));
});

test('a row log that changes filled is written anew, and says the same', async (t) => {
  const random = randomSource(3);
  const { path, fd } = vectorFile({ dimensions: 1 }, numberedRows(500, 1));
  const model = new Map<number, number>(Array.from({ length: 500 }, (_, i) => [i, i]));
  for (let round = 0; round < 200; round++) {
    const ids = [...new Set(Array.from({ length: 40 }, () => Math.floor(random() * 500)))];
    t.is(
      insert(
        fd,
        ids.map((id) => id + round * 1000),
        { dimensions: 1, ids, flags: OVERWRITE },
      ),
      'ok',
    );
    for (const id of ids) model.set(id, id + round * 1000);
  }
  t.true(getStats(fd).stats.log_compactions! > 0, 'the log was compacted');
  const expected = [...model].sort(([a, x], [b, y]) => x - y || a - b).map(([id]) => BigInt(id));
  t.deepEqual(nearestIds(fd, [0]), expected);
  close(fd);
  await backend.remount();
  const again = open(path);
  t.deepEqual(nearestIds(again, [0]), expected);
  t.true(getStats(again).stats.log_records! < 4000);
});

test('bytes before data_offset belong to nobody: writing them changes no row', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2, dataOffset: 128 }, [1, 2, 3, 4]);
  writeSync(fd, Buffer.alloc(128, 0x55), 0, 128, 0);
  t.deepEqual(nearestIds(fd, [3, 4]), [1n, 0n]);
  t.is(insert(fd, [5, 6], { dimensions: 2 }), 'ok');
  t.true(
    readFileSync(path)
      .subarray(0, 128)
      .every((byte) => byte === 0x55),
  );
});

test('padding behind a row belongs to nobody: writing it changes no row', (t) => {
  const { fd } = vectorFile({ dimensions: 3, alignment: 64 }, [1, 2, 3, 4, 5, 6]);
  writeSync(fd, Buffer.alloc(52, 0x7f), 0, 52, 12);
  t.deepEqual(search(fd, [1, 2, 3], { k: 2 }).hits[0], { id: 0n, distance: 0 });
  t.deepEqual(rowOf(fd, 1, 3), Float32Array.of(4, 5, 6));
});

test('a hundred vector files, used in turns, keep their rows apart', async (t) => {
  const files = Array.from({ length: 100 }, (_, i) => {
    const { path, fd } = vectorFile({ dimensions: 4 }, numberedRows(10, 4, i * 100));
    close(fd);
    return path;
  });
  const check = (): void => {
    for (const [i, path] of files.entries()) {
      const fd = open(path);
      const { hits } = search(fd, new Float32Array(4).fill(i * 100 + 3), { k: 1 });
      t.deepEqual(hits, [{ id: 3n, distance: 0 }], path);
      close(fd);
    }
  };
  check();
  for (const path of files) {
    const fd = open(path);
    t.is(insert(fd, new Float32Array(4).fill(-1), { dimensions: 4 }), 'ok');
    close(fd);
  }
  check();
  await backend.remount();
  check();
  for (const path of files) t.is(statSync(path).size, 176);
});

test('2^20 rows in one call are stored and found', (t) => {
  const rows = Float32Array.from({ length: MAX_ROWS_PER_CALL }, (_, i) => i);
  const { path, fd } = vectorFile({ dimensions: 1 }, rows);
  t.is(getMeta(fd).vectorCount, MAX_ROWS_PER_CALL);
  t.is(Buffer.compare(readFileSync(path), floatBytes(rows)), 0);
  const { hits } = search(fd, [777_777.25], { k: 3 });
  t.deepEqual(hits, [
    { id: 777_777n, distance: 0.25 },
    { id: 777_778n, distance: 0.75 },
    { id: 777_776n, distance: 1.25 },
  ]);
  t.is(search(fd, [-1], { k: 10_000 }).hits[9999]?.id, 9999n);
});

test('200,000 explicit ids in no order are stored and found, and survive a remount', async (t) => {
  const n = 200_000;
  const ids = BigUint64Array.from(
    { length: n },
    (_, i) => (BigInt(i) * 11_400_714_819_323_198_485n) & 0x7fff_ffff_ffff_ffffn,
  );
  const { path, fd } = vectorFile({ dimensions: 1 });
  t.is(
    insert(
      fd,
      Float32Array.from({ length: n }, (_, i) => i),
      { dimensions: 1, ids },
    ),
    'ok',
  );
  t.is(insert(fd, [1], { dimensions: 1, ids: [ids[150_000]!] }), 'EEXIST');
  const sample = [0, 1, 99_999, 150_000, 199_999];
  for (const i of sample) t.deepEqual(rowOf(fd, ids[i]!, 1), Float32Array.of(i));
  closeAll();
  await backend.remount();
  const again = open(path);
  for (const i of sample) t.deepEqual(rowOf(again, ids[i]!, 1), Float32Array.of(i));
  t.is(insert(again, [1], { dimensions: 1, ids: [ids[150_000]!] }), 'EEXIST');
});

test('overwriting 50,000 rows in one call gives all of their new values', (t) => {
  const n = 50_000;
  const { fd } = vectorFile({ dimensions: 4 }, randomRows(n, 4, 1));
  const ids = BigUint64Array.from({ length: n }, (_, i) => BigInt(n - 1 - i));
  for (let round = 1; round <= 2; round++) {
    t.is(insert(fd, numberedRows(n, 4, round), { dimensions: 4, ids, flags: OVERWRITE }), 'ok');
    t.is(getMeta(fd).vectorCount, n);
    const { hits } = search(fd, new Float32Array(4).fill(round), { k: 2 });
    t.deepEqual(hits, [
      { id: BigInt(n - 1), distance: 0 },
      { id: BigInt(n - 2), distance: 2 },
    ]);
    t.deepEqual(rowOf(fd, 0, 4), new Float32Array(4).fill(n - 1 + round));
  }
});
