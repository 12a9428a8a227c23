import { fsyncSync, ftruncateSync, statSync, writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { getMeta, insert, nearestIds, setMeta } from '../client/vector_calls.js';

const { test, vectorFile, open, fresh, closeAll, backend } = paritySuite({ size: '64M' });

/** More rows of one byte than any machine that runs this has memory for, times 30 bytes each. */
const ABSURD = 2 ** 32 - 2;

test('a size whose rows no memory can name is refused, and the file stays as it was', async (t) => {
  const { fd, path } = vectorFile({ dimensions: 1, elementType: 3 }, [1, 2, 3]);
  t.throws(() => ftruncateSync(fd, ABSURD), { code: 'ENOMEM' });
  t.throws(() => writeSync(fd, 'x', ABSURD), { code: 'ENOMEM' });
  t.is(statSync(path).size, 3);
  t.is(insert(fd, [4], { dimensions: 1 }), 'ok');
  t.deepEqual(nearestIds(fd, [0]), [0n, 1n, 2n, 3n]);
  closeAll();
  await backend.remount();
  t.is(getMeta(open(path)).vectorCount, 4);
});

test('a layout that would make such rows of a sparse file is refused, and leaves no trace', (t) => {
  const path = fresh();
  const fd = open(path);
  ftruncateSync(fd, ABSURD);
  t.is(setMeta(fd, { dimensions: 1, elementType: 3 }), 'ENOMEM');
  t.is(getMeta(fd).outcome, 'ENODATA');
  fsyncSync(fd);
  t.is(setMeta(fd, { dimensions: 65536, elementType: 1 }), 'ok');
  t.is(getMeta(fd).vectorCount, Math.floor(ABSURD / 65536 / 4));
});
