import type { SerialFn } from 'ava';
import type { VolumeChoice } from '../backend/backend.js';
import { paritySuite, type Suite } from '../backend/suite.js';
import { deleteRow, deleteRows } from '../client/delete_calls.js';
import { search } from '../client/vector_calls.js';

/** Takes tests, hooks and whatever else there is to declare, and forgets them. */
const forgets: SerialFn = new Proxy(() => {}, {
  get: (_target, _name, self) => self,
  apply: () => undefined,
}) as unknown as SerialFn;

/** paritySuite() for tests that delete rows: a backend that does not is held to its refusal instead. */
export function deletionSuite(choice: VolumeChoice): Suite {
  const suite = paritySuite(choice);
  if (suite.backend.hasDeletion) return suite;
  suite.test('deletion is EOPNOTSUPP, and the rows stay', (t) => {
    const { fd } = suite.vectorFile({ dimensions: 2 }, [1, 2, 3, 4]);
    t.is(deleteRow(fd, 1), 'EOPNOTSUPP');
    t.is(deleteRows(fd, [0, 1]), 'EOPNOTSUPP');
    t.deepEqual(search(fd, [3, 4], { k: 1 }).hits, [{ id: 1n, distance: 0 }]);
  });
  return { ...suite, test: forgets };
}
