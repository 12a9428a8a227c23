import { closeSync, fsyncSync, openSync, statfsSync, unlinkSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { insert, nearestIds } from '../client/vector_calls.js';

const { test, vectorFile, close, backend } = paritySuite({ size: '48M' });
const D = 64;
const ROWS = 1000;

function free(): number {
  const root = openSync(backend.mountpoint, 'r');
  fsyncSync(root);
  closeSync(root);
  return statfsSync(backend.mountpoint).bfree;
}

test('rows that are inserted into a file without a name go with it, and their blocks are free again', async (t) => {
  const before = free();
  const { path, fd } = vectorFile({ dimensions: D }, new Float32Array(D));
  unlinkSync(path);
  for (let batch = 0; batch < 3; batch++)
    t.is(insert(fd, new Float32Array(ROWS * D).fill(batch), { dimensions: D }), 'ok');
  t.is(nearestIds(fd, new Float32Array(D)).length, 3 * ROWS + 1);
  t.true(free() < before);
  close(fd);
  await backend.remount();
  t.is(free(), before);
});
