import { fsyncSync, ftruncateSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { numberedRows } from '../client/stored_rows.js';
import { insert, search } from '../client/vector_calls.js';

const { test, open, close, vectorFile, backend } = paritySuite({ size: '48M' });

test('rows that a crash brings back after a truncation are the rows that they were', async (t) => {
  for (let round = 0; round < 4; round++) {
    const { path, fd } = vectorFile({ dimensions: 4 }, numberedRows(200, 4));
    fsyncSync(fd);
    ftruncateSync(fd, 100 * 16);
    t.is(insert(fd, new Float32Array(40).fill(9000 + round), { dimensions: 4 }), 'ok');
    await backend.crash();
    try {
      close(fd);
    } catch {
      // The filesystem that the descriptor belongs to has ended.
    }
    await backend.mount();
    const again = open(path);
    for (const row of [0, 99, 100, 105, 199]) {
      const { hits } = search(again, numberedRows(1, 4, row), { k: 1 });
      const there = hits[0]?.distance === 0 ? hits[0].id : undefined;
      t.true(there === BigInt(row) || (row >= 100 && there === undefined), `row ${row} is ${there}`);
    }
    const { hits } = search(again, new Float32Array(4).fill(9000 + round), { k: 20 });
    for (const { id, distance } of hits) {
      t.is(distance === 0, id >= 200n, `id ${id} at ${distance}`);
    }
    close(again);
  }
});
