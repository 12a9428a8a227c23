import { writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { search, setMeta } from '../client/vector_calls.js';

const { test, fresh, open } = paritySuite({ size: '256M' });

const ROWS = 6000;
const DIMENSIONS = 1024;

test('many files in thousands of pieces are all searched, more than can be mapped at once', (t) => {
  // Written in turn, so that hardly a block follows its neighbour; more pieces than a process may have regions.
  const files = Array.from({ length: 8 }, () => open(fresh('.vec')));
  const row = new Float32Array(DIMENSIONS);
  for (let slot = 0; slot < ROWS; slot++) {
    for (const [i, fd] of files.entries()) {
      row.fill(slot + 10_000 * i);
      writeSync(fd, row);
    }
  }
  for (const fd of files) t.is(setMeta(fd, { dimensions: DIMENSIONS }), 'ok');
  for (let round = 0; round < 3; round++) {
    for (const [i, fd] of files.entries()) {
      const { outcome, hits } = search(fd, new Float32Array(DIMENSIONS).fill(10_000 * i + ROWS - 2), {
        k: 1,
      });
      t.is(outcome, 'ok');
      t.deepEqual(hits, [{ id: BigInt(ROWS - 2), distance: 0 }]);
    }
  }
});
