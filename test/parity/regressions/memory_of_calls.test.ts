import { batchGet, GetFlag, VEXFS_IOC_BATCH_GET } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { withMemory } from '../client/caller_memory.js';
import { call } from '../client/vector_calls.js';
import { backendMemory } from '../index/backend_memory.js';

const { test, vectorFile, backend } = paritySuite({ size: '48M' });

const CALLS = 20_000;
/** More than what a garbage collector may leave for later; each view that is never freed takes 200 bytes. */
const MOST_GROWTH = 12 << 20;

/** The growth of the backend's memory while it answers so many calls that each ask for rows that there are not. */
function growth(fd: number, calls: number, missing: number): number {
  return withMemory((memory) => {
    const { view, address } = memory.room(batchGet.$.size);
    const data = memory.room(missing * 4);
    const ids = BigUint64Array.from({ length: missing }, (_, i) => BigInt(i + 10));
    const place = memory.place(ids);
    const before = backendMemory(backend);
    for (let i = 0; i < calls; i++) {
      batchGet.ids.setBig(view, 0, BigInt(place));
      batchGet.data.setBig(view, 0, BigInt(data.address));
      batchGet.data_size.set(view, 0, missing * 4);
      batchGet.count.set(view, 0, missing);
      batchGet.element_type.set(view, 0, 0);
      batchGet.dimensions.set(view, 0, 1);
      batchGet.flags.set(view, 0, GetFlag.MISSING_OK);
      const outcome = call(fd, VEXFS_IOC_BATCH_GET, address);
      if (outcome !== 'ok') throw new Error(outcome);
    }
    return backendMemory(backend) - before;
  });
}

test('many calls take no more memory than few', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [1, 2, 3]);
  growth(fd, CALLS / 10, 1);
  const grown = growth(fd, CALLS, 1) + growth(fd, CALLS, 1);
  t.true(grown < MOST_GROWTH, `${grown} bytes`);
});

test('rows that are missing take no memory', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [1, 2, 3]);
  growth(fd, 10, 10_000);
  const grown = growth(fd, 40, 10_000);
  t.true(grown < MOST_GROWTH, `${grown} bytes`);
});
