import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { ElementType, SearchType } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { floatBytes } from '../client/npy_file.js';
import { nearestOf, randomRows, rowsOf, storedValues } from '../client/stored_rows.js';
import { getMeta, getStats, insert, nearestIds, rowOf, search } from '../client/vector_calls.js';
import { testRefusal } from './refused.js';

/**
 * What must not depend on the size of a block. A block may be smaller than a page (rows cannot be mapped one block at a
 * time) or larger; rows then lie across blocks in other places.
 */
export function testBlockSize(blockSize: number, size: string): void {
  const suite = paritySuite({ size, blockSize });
  const { test, vectorFile, open, close, backend, fresh } = suite;
  if (blockSize > backend.largestBlock) {
    testRefusal(suite, blockSize);
    return;
  }

  for (const elementType of [ElementType.FLOAT32, ElementType.INT8]) {
    test(`rows of type ${elementType} are found bit for bit, whatever blocks they cross`, (t) => {
      for (const d of [3, 100, 1031]) {
        const rows = randomRows(500, d, d, 100);
        const { fd } = vectorFile({ dimensions: d, elementType, dataOffset: 128 }, rows);
        const stored = [...rowsOf(rows, d)].map(([id, row]) => [id, storedValues(elementType, row)] as const);
        const query = randomRows(1, d, 99, 100);
        const expected = nearestOf(stored, SearchType.COSINE, storedValues(elementType, query), 20);
        t.deepEqual(search(fd, query, { k: 20, type: SearchType.COSINE }).hits, expected, `${d} dimensions`);
      }
    });
  }

  test('the rows of files that grew in turns, block by block, are found and read', (t) => {
    const d = 64;
    const files = [0, 1, 2].map(() => vectorFile({ dimensions: d }));
    const rows = randomRows(600, d, 5);
    for (let row = 0; row < 600; row += 4) {
      for (const { fd, path } of files) {
        const part = rows.subarray(row * d, (row + 4) * d);
        if (row % 3 === 0) appendFileSync(path, floatBytes(part));
        else t.is(insert(fd, part, { dimensions: d }), 'ok');
      }
    }
    for (const { fd, path } of files) {
      t.is(Buffer.compare(readFileSync(path), floatBytes(rows)), 0);
      const query = rows.subarray(300 * d, 301 * d);
      const expected = nearestOf(rowsOf(rows, d), SearchType.EUCLIDEAN, query, 600);
      t.deepEqual(search(fd, query, { k: 600 }).hits, expected);
    }
  });

  test('overwriting, cutting and growing agree with a model, before and after a remount', async (t) => {
    const d = 20;
    const { path, fd } = vectorFile({ dimensions: d });
    const model = new Map<bigint, Float32Array>();
    const put = (ids: number[], seed: number): void => {
      const rows = randomRows(ids.length, d, seed);
      t.is(insert(fd, rows, { dimensions: d, ids, flags: 1 }), 'ok');
      for (const [i, row] of rowsOf(rows, d)) model.set(BigInt(ids[i]!), row);
    };
    for (let round = 0; round < 40; round++) {
      put(
        Array.from({ length: 30 }, (_, i) => (round * 17 + i * 13) % 400),
        round,
      );
    }
    const ids = [...model.keys()].toSorted((a, b) => (a < b ? -1 : 1));
    t.deepEqual(
      nearestIds(fd, new Float32Array(d)).toSorted((a, b) => (a < b ? -1 : 1)),
      ids,
    );
    for (const id of ids) t.deepEqual(rowOf(fd, id, d), model.get(id), `row ${id}`);
    close(fd);
    await backend.remount();
    const again = open(path);
    for (const id of ids) t.deepEqual(rowOf(again, id, d), model.get(id), `row ${id} after a remount`);
    truncateSync(path, d * 4 * 10);
    t.true(getMeta(again).vectorCount <= 10);
    t.is(getStats(again).stats.slots, 10);
  });

  test('a crash after a durable batch keeps it', async (t) => {
    const path = fresh();
    const fd = openSync(path, 'w+');
    closeSync(fd);
    const { path: vectors, fd: open1 } = vectorFile({ dimensions: 7 });
    const sync = open(vectors, 'as+');
    t.is(insert(sync, new Float32Array(700), { dimensions: 7 }), 'ok');
    t.is(getMeta(open1).vectorCount, 100);
    await backend.crash();
    for (const one of [sync, open1]) {
      try {
        close(one);
      } catch {
        // The filesystem under the descriptor is gone.
      }
    }
    await backend.mount();
    t.is(getMeta(open(vectors)).vectorCount, 100);
  });

  test('an index is built, stored and opened again, and takes what came after', async (t) => {
    const d = 24;
    const rows = randomRows(4600, d, 11);
    const { path, fd } = vectorFile({ dimensions: d, dataOffset: 128 }, rows.subarray(0, 4500 * d));
    t.is(createIndex(fd), 'ok');
    t.is(waitForIndex(fd), 'ok');
    t.is(insert(fd, rows.subarray(4500 * d), { dimensions: d }), 'ok');
    close(fd);
    await backend.remount();
    const again = open(path);
    for (let at = 0; at < 4600; at += 100) {
      const found = search(again, rows.subarray(at * d, at * d + d), { k: 1 }).hits;
      t.deepEqual(found, [{ id: BigInt(at), distance: 0 }]);
    }
    t.is(waitForIndex(again), 'ok');
    t.is(indexInfo(again).indexed_rows, 4600);
    t.true(indexInfo(again).searches! >= 46);
    close(again);
    unlinkSync(path);
  });

  test('small and large files and many names work', (t) => {
    const bytes = Buffer.from(randomRows(100_000, 1, 3).buffer);
    for (const length of [1, 1000, 65_537, 400_000]) {
      const path = fresh();
      writeFileSync(path, bytes.subarray(0, length));
      t.is(Buffer.compare(readFileSync(path), bytes.subarray(0, length)), 0);
      unlinkSync(path);
    }
    for (let i = 0; i < 300; i++) closeSync(openSync(fresh(`.${'n'.repeat(100)}`), 'wx'));
    t.true(statSync(backend.mountpoint).isDirectory());
  });
}
