import { fsyncSync, statSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { getMeta, insert, search } from '../client/vector_calls.js';

const { test, vectorFile, backend } = paritySuite({ size: '96M' });

test('overwriting 400,000 rows in one call frees their slots for the next', (t) => {
  const rows = 400_000;
  const { fd, path } = vectorFile({ dimensions: 4, elementType: 3 }, new Float32Array(rows * 4).fill(1));
  const ids = BigUint64Array.from({ length: rows }, (_, i) => BigInt(i));
  for (let round = 2; round < 6; round++) {
    t.is(insert(fd, new Float32Array(rows * 4).fill(round), { dimensions: 4, ids, flags: 1 }), 'ok');
    fsyncSync(fd);
    fsyncSync(fd);
    const { hits } = search(fd, new Float32Array(4), { k: 10 });
    t.deepEqual(
      hits.map((hit) => hit.distance),
      new Array(10).fill(2 * round),
    );
  }
  t.is(getMeta(fd).vectorCount, rows);
  t.true(statSync(path).size <= 3 * rows * 4, 'the file has room for the rows and one batch more');
  t.true(backend.isMounted);
});
