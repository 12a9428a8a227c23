import { IndexOperation } from '@vexfs/shared';
import type { SerialFn } from 'ava';
import type { VolumeChoice } from '../backend/backend.js';
import { paritySuite, type Suite } from '../backend/suite.js';
import { manage } from '../client/index_calls.js';
import { search } from '../client/vector_calls.js';

/** Takes tests, hooks and whatever else there is to declare, and forgets them. */
const forgets: SerialFn = new Proxy(() => {}, {
  get: (_target, _name, self) => self,
  apply: () => undefined,
}) as unknown as SerialFn;

/** paritySuite() for tests of the index: a backend without one is held to its refusal instead. */
export function indexSuite(choice: VolumeChoice): Suite {
  const suite = paritySuite(choice);
  if (suite.backend.hasIndex) return suite;
  suite.test('every operation on an index is EOPNOTSUPP, and searches stay exact', (t) => {
    const { fd } = suite.vectorFile({ dimensions: 2 }, [1, 2, 3, 4]);
    for (const [name, operation] of Object.entries(IndexOperation))
      t.is(manage(fd, operation, { type: 1 }).outcome, 'EOPNOTSUPP', name);
    t.deepEqual(search(fd, [3, 4], { k: 1 }).hits, [{ id: 1n, distance: 0 }]);
  });
  return { ...suite, test: forgets };
}
