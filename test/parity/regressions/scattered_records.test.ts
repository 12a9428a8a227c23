import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { getMeta, insert } from '../client/vector_calls.js';

const { test, fresh, open, close, vectorFile, backend } = paritySuite({
  size: '64M',
  blockSize: 1024,
  mkfs: ['--journal', 'size=1M'],
});
const BLOCK = 1024;
/** Each takes a record of its own, 21 of which fill a block: their blocks need more leaves than a transaction can note. */
const ROWS = 310_000;

test.before('no two free blocks lie together', () => {
  const [kept, gone] = [fresh('.kept'), fresh('.gone')];
  const files = [openSync(kept, 'w'), openSync(gone, 'w')];
  const block = Buffer.alloc(BLOCK, 1);
  try {
    for (;;) for (const file of files) writeSync(file, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  for (const file of files) fsyncSync(file);
  for (const file of files) closeSync(file);
  unlinkSync(gone);
  const fd = openSync(kept, 'r');
  fsyncSync(fd);
  closeSync(fd);
});

test('records in more pieces than a transaction can note are ENOSPC, and fewer are taken', async (t) => {
  t.timeout(120_000);
  const { path, fd } = vectorFile({ dimensions: 1, elementType: 3 });
  // 7 has no factor in common with the number of rows: no id follows the one before.
  const ids = BigUint64Array.from({ length: ROWS }, (_, i) => BigInt(((i * 7) % ROWS) * 2));
  t.is(insert(fd, new Float32Array(ROWS), { dimensions: 1, ids }), 'ENOSPC');
  fsyncSync(fd);
  t.is(getMeta(fd).vectorCount, 0);
  t.is(insert(fd, new Float32Array(500), { dimensions: 1, ids: ids.subarray(0, 500) }), 'ok');
  fsyncSync(fd);
  t.is(insert(fd, new Float32Array(ROWS), { dimensions: 1, ids: ids.map((id) => id + 1n) }), 'ENOSPC');
  close(fd);
  await backend.remount();
  t.is(getMeta(open(path)).vectorCount, 500);
});

test('a deletion with records in more pieces than a transaction can note is ENOSPC, and smaller ones are done', (t) => {
  t.timeout(120_000);
  const { fd } = vectorFile({ dimensions: 1, elementType: 3 }, new Float32Array(2 * ROWS));
  const every = (step: number): bigint[] =>
    Array.from({ length: (2 * ROWS) / step }, (_, i) => BigInt(i * step));
  t.is(deleteRows(fd, every(2)), 'ENOSPC');
  fsyncSync(fd);
  t.is(getMeta(fd).vectorCount, 2 * ROWS);
  t.is(deleteRows(fd, every(1000)), 'ok');
  fsyncSync(fd);
  t.is(getMeta(fd).vectorCount, 2 * ROWS - (2 * ROWS) / 1000);
});
