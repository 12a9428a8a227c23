import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { numberedRows } from '../client/stored_rows.js';
import { getMeta, insert, rowOf } from '../client/vector_calls.js';

const { test, vectorFile, fresh, backend } = paritySuite({
  size: '96M',
  blockSize: 1024,
  mkfs: ['--journal', 'size=1M'],
});
const BLOCK = 1024;
const D = 256;
const ROWS = 24_000;

test('a batch of rows in more pieces than a transaction can note is taken, and what comes after it', (t) => {
  t.timeout(120_000);
  const { fd } = vectorFile({ dimensions: D }, numberedRows(1, D));
  const [kept, gone] = [fresh('.kept'), fresh('.gone')];
  const files = [openSync(kept, 'w'), openSync(gone, 'w')];
  const block = Buffer.alloc(BLOCK, 1);
  t.throws(
    () => {
      for (;;) for (const file of files) writeSync(file, block);
    },
    { code: 'ENOSPC' },
  );
  for (const file of files) closeSync(file);
  unlinkSync(gone);
  fsyncSync(fd);
  const outcome = insert(fd, numberedRows(ROWS, D, 1), { dimensions: D });
  // No two free blocks lie together. It may be refused, alone; a FUSE mount takes it over several transactions.
  t.true(outcome === 'ok' || (outcome === 'ENOSPC' && !backend.isProcess), outcome);
  fsyncSync(fd);
  t.is(insert(fd, numberedRows(1, D, 70_000), { dimensions: D, ids: [70_000] }), 'ok');
  fsyncSync(fd);
  t.is(getMeta(fd).vectorCount, outcome === 'ok' ? ROWS + 2 : 2);
  t.deepEqual(rowOf(fd, 70_000, D), numberedRows(1, D, 70_000));
  unlinkSync(kept);
});
