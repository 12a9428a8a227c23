import { ftruncateSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { getStats, insert, nearestIds } from '../client/vector_calls.js';

const { test, vectorFile, open, closeAll, backend } = paritySuite({ size: '64M' });
/** Slots of one byte: a sparse file that costs nothing has as many as one likes. */
const SLOTS = 40_000_000;
const LAST_ID = 2n ** 64n - 2n;

test('slots that no id is left for are free, however many, and the daemon lives on', async (t) => {
  t.timeout(90_000);
  const layout = { dimensions: 8, elementType: 4 };
  const { fd, path } = vectorFile(layout);
  t.is(insert(fd, [1, 0, 0, 0, 0, 0, 0, 0], { dimensions: 8, ids: [LAST_ID] }), 'ok');
  ftruncateSync(fd, SLOTS);
  t.is(getStats(fd).stats.rows, 1);
  t.is(getStats(fd).stats.slots, SLOTS);
  // A free slot takes a row under an id that is named.
  t.is(insert(fd, [1, 1, 1, 1, 1, 1, 1, 1], { dimensions: 8, ids: [7] }), 'ok');
  t.is(getStats(fd).stats.slots, SLOTS);
  closeAll();
  await backend.remount();
  const again = open(path);
  t.is(getStats(again).stats.rows, 2);
  t.deepEqual(nearestIds(again, [1, 1, 1, 1, 1, 1, 1, 1], 1), [7n]);
  ftruncateSync(again, 0);
});
