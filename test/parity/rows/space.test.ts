import { fstatSync, fsyncSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ElementType, InsertFlag } from '@vexfs/shared';
import { expectOk, paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';
import {
  getEmbedding,
  getStats,
  insert,
  nearestIds,
  rowOf,
  search,
  setMeta,
} from '../client/vector_calls.js';
import { sift10k } from '../index/sift.js';

const suite = paritySuite({ size: '128M' });
const { backend, vectorFile, open, closeAll } = suite;
const D = 128;

/** What slots and blocks have come to when nothing has changed for a while; a deletion is committed within a second. */
async function settled(fd: number): Promise<{ slots: number; free: number; blocks: number }> {
  for (let i = 0; i < 200 && (getStats(fd).stats.free_slots ?? 0) > 0; i++) {
    fsyncSync(fd);
    await sleep(25);
  }
  fsyncSync(fd);
  const { slots = -1, free_slots = -1 } = getStats(fd).stats;
  return { slots, free: free_slots, blocks: fstatSync(fd).blocks };
}

/** Ids whose rows are not those of `rows` any more. */
function changed(fd: number, rows: Float32Array, ids: readonly number[]): number[] {
  return ids.filter((id) => {
    const row = rowOf(fd, id, D);
    const expected = rows.subarray(id * D, (id + 1) * D);
    return typeof row === 'string' || row.some((value, i) => value !== expected[i]);
  });
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
/** Half of so many ids, in an order and a choice of their own. */
const scattered = (count: number): number[] => range(count / 2).map((i) => (i * 7919 * 2 + 1) % count);

for (const [which, ids] of [
  ['every second row', range(1000).map((i) => 2 * i)],
  ['the first half', range(1000)],
  ['rows from all over the file', [...new Set(scattered(2000))]],
] as const) {
  suite.test(`deleting ${which} gives the space back, and the others are what they were`, async (t) => {
    const rows = randomRows(2000, D, 3);
    const { fd, path } = vectorFile({ dimensions: D }, rows);
    fsyncSync(fd);
    const before = fstatSync(fd).blocks;
    t.is(deleteRows(fd, ids), 'ok');
    const left = 2000 - ids.length;
    const after = await settled(fd);
    t.is(after.slots, left);
    t.is(fstatSync(fd).size, left * D * 4);
    t.true(after.blocks <= before * (left / 2000) + 64, `${after.blocks} of ${before} blocks`);
    const gone = new Set(ids);
    const check = (file: number): void => {
      t.deepEqual(
        ids.filter((id) => rowOf(file, id, D) !== 'ENOENT'),
        [],
      );
      t.deepEqual(
        changed(
          file,
          rows,
          range(2000).filter((id) => !gone.has(id)),
        ),
        [],
      );
      for (const id of range(2000).filter((one) => one % 97 === 1 && !gone.has(one)))
        t.deepEqual(nearestIds(file, rows.subarray(id * D, (id + 1) * D), 1), [BigInt(id)]);
    };
    check(fd);
    closeAll();
    await backend.remount();
    check(open(path));
  });
}

suite.test('WAIT returns when the space is given back and the index knows where the rows are', async (t) => {
  const sift = sift10k();
  const { fd, path } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const before = fstatSync(fd);
  const gone = range(5000).map((i) => 2 * i + 1);
  t.is(deleteRows(fd, gone), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(fstatSync(fd).size, 5000 * D * 4);
  // Ids that do not follow each other take a record each, at most twice.
  const { blocks } = fstatSync(fd);
  t.true(blocks <= before.blocks - (5000 * D * 4) / 512 + 640, `${blocks} of ${before.blocks} blocks`);
  t.is(getStats(fd).stats.free_slots ?? -1, 0);
  t.is(indexInfo(fd).indexed_rows ?? -1, 5000);
  t.is(indexInfo(fd).lag ?? -1, 0);
  const kept = vectorFile({ dimensions: D });
  const ids = range(5000).map((i) => 2 * i);
  const half = new Float32Array(5000 * D);
  for (const [i, id] of ids.entries()) half.set(sift.rows.subarray(id * D, (id + 1) * D), i * D);
  t.is(insert(kept.fd, half, { dimensions: D, ids }), 'ok');
  let hits = 0;
  for (const query of sift.queries.slice(0, 50)) {
    const exact = new Set(nearestIds(kept.fd, query, 10));
    const found = search(fd, query, { k: 10 }).hits;
    t.is(found.length, 10);
    hits += found.filter(({ id }) => exact.has(id)).length;
  }
  t.true(hits >= 0.95 * 500, `${hits} of 500 neighbours`);
  closeAll();
  await backend.remount();
  const again = open(path);
  t.is(waitForIndex(again), 'ok');
  t.is(indexInfo(again).indexed_rows ?? -1, 5000);
  t.is(search(again, sift.rows.subarray(0, D), { k: 1 }).hits[0]?.id ?? -1n, 0n);
});

for (const [name, elementType, alignment, dimensions] of [
  ['padded int8', ElementType.INT8, 64, 100],
  ['float16', ElementType.FLOAT16, 0, 75],
  ['binary', ElementType.BINARY, 0, 1024],
] as const) {
  suite.test(`rows of ${name} keep their bytes when they move, behind a data offset too`, async (t) => {
    const rows = randomRows(4000, dimensions, 5).map((value) => Math.round(value * 100));
    const path = suite.fresh();
    const fd = open(path);
    expectOk(setMeta(fd, { dimensions, elementType, alignment, dataOffset: 128 }), 'SET_VECTOR_META');
    t.is(insert(fd, rows, { dimensions }), 'ok');
    const stored = range(4000).map((id) => getEmbedding(fd, { id, room: dimensions * 2 }).bytes);
    t.is(
      deleteRows(
        fd,
        range(3000).map((i) => i + 500),
      ),
      'ok',
    );
    t.is((await settled(fd)).slots, 1000);
    for (const id of [...range(500), ...range(500).map((i) => i + 3500)])
      t.is(Buffer.compare(getEmbedding(fd, { id, room: dimensions * 2 }).bytes, stored[id]!), 0, `${id}`);
  });
}

suite.test('few free places stay where they are and take the next rows', async (t) => {
  const { fd } = vectorFile({ dimensions: D }, randomRows(2000, D, 7));
  const slot = getEmbedding(fd, { id: 1999, room: 0 }).slot;
  t.is(
    deleteRows(
      fd,
      range(400).map((i) => i * 3),
    ),
    'ok',
  );
  for (let i = 0; i < 5; i++) {
    fsyncSync(fd);
    await sleep(25);
  }
  t.is(getStats(fd).stats.slots ?? -1, 2000);
  t.is(getEmbedding(fd, { id: 1999, room: 0 }).slot, slot);
  t.is(insert(fd, randomRows(400, D, 8), { dimensions: D }), 'ok');
  t.is(getStats(fd).stats.slots ?? -1, 2000);
});

suite.test('a crash while rows move loses none of them, and the next mount goes on', async (t) => {
  const rows = randomRows(12_000, D, 9);
  const { fd, path } = vectorFile({ dimensions: D }, rows);
  t.is(
    deleteRows(
      fd,
      range(6000).map((i) => 2 * i),
    ),
    'ok',
  );
  fsyncSync(fd);
  await sleep(20);
  closeAll();
  await backend.crash();
  await backend.mount();
  const again = open(path);
  const right = (): void => {
    for (const id of range(200).map((i) => i * 59 + 1)) {
      const expected = id % 2 === 0 ? 'ENOENT' : rows.subarray(id * D, (id + 1) * D);
      t.deepEqual(rowOf(again, id, D), expected, `${id}`);
    }
  };
  right();
  const { slots, free } = await settled(again);
  t.true(free * 4 <= slots, `${free} of ${slots} slots are free`);
  right();
});

suite.test('searches and inserts go on while rows move', async (t) => {
  const rows = randomRows(8000, D, 13);
  const { fd } = vectorFile({ dimensions: D }, rows);
  t.is(
    deleteRows(
      fd,
      range(4000).map((i) => 2 * i),
    ),
    'ok',
  );
  let added = 0;
  for (let i = 0; i < 60; i++) {
    const id = ((i * 131) % 4000) * 2 + 1;
    t.deepEqual(nearestIds(fd, rows.subarray(id * D, (id + 1) * D), 1), [BigInt(id)]);
    const vector = new Float32Array(D).fill(100 + i);
    t.is(insert(fd, vector, { dimensions: D, ids: [id], flags: InsertFlag.OVERWRITE }), 'ok');
    t.is(insert(fd, vector, { dimensions: D, ids: [100_000 + i] }), 'ok');
    added += 1;
    t.is(search(fd, vector, { k: 2 }).hits.length, 2);
    t.is(search(fd, vector, { k: 2 }).hits[1]?.distance ?? -1, 0);
    t.is(
      insert(fd, rows.subarray(id * D, (id + 1) * D), {
        dimensions: D,
        ids: [id],
        flags: InsertFlag.OVERWRITE,
      }),
      'ok',
    );
    if (i % 10 === 0) fsyncSync(fd);
  }
  const { free, slots } = await settled(fd);
  t.true(free * 4 <= slots);
  t.is((getStats(fd).stats.rows ?? -1) - added, 4000);
  t.deepEqual(
    changed(
      fd,
      rows,
      range(4000).map((i) => 2 * i + 1),
    ),
    [],
  );
});

suite.test('read(2) shows the rows where they have moved', async (t) => {
  const rows = randomRows(2000, D, 15);
  const { fd } = vectorFile({ dimensions: D }, rows);
  const page = new Uint8Array(2000 * D * 4);
  readSync(fd, page, 0, page.length, 0);
  t.is(
    deleteRows(
      fd,
      range(1000).map((i) => 2 * i),
    ),
    'ok',
  );
  t.is((await settled(fd)).slots, 1000);
  t.is(readSync(fd, page, 0, page.length, 0), 1000 * D * 4);
  const matrix = new Float32Array(page.buffer, 0, 1000 * D);
  for (const id of range(1000).map((i) => 2 * i + 1)) {
    const { slot } = getEmbedding(fd, { id, room: 0 });
    const read = Buffer.from(matrix.slice(slot * D, (slot + 1) * D).buffer);
    t.is(Buffer.compare(read, Buffer.from(rows.slice(id * D, (id + 1) * D).buffer)), 0, `${id}`);
  }
});
