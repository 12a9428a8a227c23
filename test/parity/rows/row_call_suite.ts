import type { SerialFn } from 'ava';
import type { VolumeChoice } from '../backend/backend.js';
import { paritySuite, type Suite } from '../backend/suite.js';
import { addRow, getRows, updateRow } from '../client/row_calls.js';

/** Takes tests, hooks and whatever else there is to declare, and forgets them. */
const forgets: SerialFn = new Proxy(() => {}, {
  get: (_target, _name, self) => self,
  apply: () => undefined,
}) as unknown as SerialFn;

/** paritySuite() for tests of ADD_EMBEDDING, UPDATE_EMBEDDING and BATCH_GET: a backend without them is held to ENOTTY instead. */
export function rowCallSuite(choice: VolumeChoice): Suite {
  const suite = paritySuite(choice);
  if (suite.backend.hasRowCalls) return suite;
  suite.test('single rows and many rows by id are commands that are not known', (t) => {
    const { fd } = suite.vectorFile({ dimensions: 2 }, [1, 2, 3, 4]);
    const put = { id: 9, dimensions: 2, vector: Float32Array.of(1, 2) };
    t.is(addRow(fd, put).outcome, 'ENOTTY');
    t.is(updateRow(fd, { ...put, id: 1 }).outcome, 'ENOTTY');
    t.is(getRows(fd, { ids: [1], dimensions: 2, room: 8 }).outcome, 'ENOTTY');
  });
  return { ...suite, test: forgets };
}
