import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { getMeta, getStats, insert, nearestIds } from '../client/vector_calls.js';

const { test, fresh, vectorFile, open, close, backend } = paritySuite({
  size: '32M',
  mkfs: ['--journal', 'size=8M'],
});
const BLOCK = 4096;
/** Each is a record of its own, and a block of the log holds 149. */
const ROWS = 3000;

test('a batch whose records go to many blocks is taken where no two free blocks lie together', async (t) => {
  t.timeout(60_000);
  const { path, fd } = vectorFile({ dimensions: 1, elementType: 3 }, [1]);
  // Written in turn: what the second leaves when it goes are single blocks between those of the first.
  const [kept, gone] = [fresh('.kept'), fresh('.gone')];
  const files = [openSync(kept, 'w'), openSync(gone, 'w')];
  const block = Buffer.alloc(BLOCK, 1);
  const isFull = t.throws(() => {
    for (;;) for (const file of files) writeSync(file, block);
  }) as NodeJS.ErrnoException;
  t.is(isFull.code, 'ENOSPC');
  for (const file of files) closeSync(file);
  unlinkSync(gone);
  fsyncSync(fd);
  const ids = Array.from({ length: ROWS }, (_, i) => 10 + ((i * 7919) % ROWS) * 2);
  t.is(insert(fd, new Float32Array(ROWS), { dimensions: 1, ids }), 'ok');
  t.true(getStats(fd).stats.log_bytes! > 10 * BLOCK);
  close(fd);
  await backend.remount();
  const again = open(path);
  t.is(getMeta(again).vectorCount, ROWS + 1);
  t.deepEqual(
    nearestIds(again, [0], ROWS),
    ids.toSorted((a, b) => a - b).map((id) => BigInt(id)),
  );
  unlinkSync(kept);
});
