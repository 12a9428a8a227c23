import { readFileSync } from 'node:fs';
import {
  IndexOperation,
  IndexState,
  IndexType,
  manageIndex,
  SearchType,
  VEXFS_IOC_MANAGE_INDEX,
} from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { withMemory } from '../client/caller_memory.js';
import { createIndex, type IndexFields, indexInfo, manage, waitForIndex } from '../client/index_calls.js';
import { call, getStats, insert, nearestIds, search } from '../client/vector_calls.js';

const { test, backend, vectorFile, open, close, closeAll, fresh } = paritySuite({ size: '64M' });
const { CREATE, TUNE, WAIT, VERIFY, REBUILD, DROP, INFO } = IndexOperation;

const refused: ReadonlyArray<readonly [string, number, IndexFields]> = [
  ['operation 0', 0, {}],
  ['operation 8', 8, {}],
  ['a graph of metric 3', CREATE, { type: 1, metric: 3 }],
  ['type 0', CREATE, { type: 0 }],
  ['type 3', CREATE, { type: 3 }],
  ['a flat index of Euclidean distances', CREATE, { type: 2 }],
  ['M 3', CREATE, { type: 1, m: 3 }],
  ['M 65', CREATE, { type: 1, m: 65 }],
  ['M 2^32 - 1', CREATE, { type: 1, m: 0xffffffff }],
  ['ef_construction 10001', CREATE, { type: 1, ef_construction: 10_001 }],
  ['ef_search 10001', CREATE, { type: 1, ef_search: 10_001 }],
  ['flags', CREATE, { type: 1, flags: 1 }],
  ['reserved', CREATE, { type: 1, reserved: 1 }],
  ['a field that CREATE does not read', CREATE, { type: 1, sample: 1 }],
  ['a field that is only answered', INFO, { rows: 1 }],
  ['TUNE of nothing', TUNE, {}],
  ['TUNE to ef_search 10001', TUNE, { ef_search: 10_001 }],
  ['WAIT with a type', WAIT, { type: 1 }],
];
for (const [what, operation, fields] of refused) {
  test(`MANAGE_INDEX refuses ${what} with EINVAL and changes nothing`, (t) => {
    const { fd } = vectorFile({ dimensions: 3 }, [1, 0, 0]);
    t.is(manage(fd, operation, fields).outcome, 'EINVAL');
    t.is(indexInfo(fd).state, IndexState.NONE);
    t.deepEqual(nearestIds(fd, [1, 0, 0]), [0n]);
  });
}

test('MANAGE_INDEX with an argument that cannot be written is EFAULT, and on the module changes nothing', (t) => {
  const { fd } = vectorFile({ dimensions: 3 }, [1, 0, 0]);
  withMemory((memory) => {
    const { view, address } = memory.room(manageIndex.$.size);
    manageIndex.operation.set(view, 0, CREATE);
    manageIndex.type.set(view, 0, IndexType.GRAPH);
    memory.seal(address);
    t.is(call(fd, VEXFS_IOC_MANAGE_INDEX, address), 'EFAULT');
  });
  // The kernel tells the daemon of no argument that cannot travel back (docs/differences.md).
  t.is(indexInfo(fd).type, backend.name === 'kernel' ? 0 : IndexType.GRAPH);
});

test('without an index WAIT, VERIFY, REBUILD, DROP and TUNE of ef_search are ENOENT, without vectors everything is ENODATA', (t) => {
  const { fd } = vectorFile({ dimensions: 3 }, [1, 0, 0]);
  for (const operation of [WAIT, VERIFY, REBUILD, DROP]) t.is(manage(fd, operation).outcome, 'ENOENT');
  t.is(manage(fd, TUNE, { ef_search: 10 }).outcome, 'ENOENT');
  const plain = open(fresh());
  for (const operation of [INFO, WAIT, VERIFY, REBUILD, DROP])
    t.is(manage(plain, operation).outcome, 'ENODATA');
  t.is(createIndex(plain), 'ENODATA');
});

test('a second index is EEXIST, also while the first is built; after DROP there can be another', (t) => {
  const { fd } = vectorFile({ dimensions: 3 }, [1, 0, 0]);
  t.is(createIndex(fd), 'ok');
  t.is(createIndex(fd), 'EEXIST');
  t.is(createIndex(fd, { type: 2, metric: 1 }), 'EEXIST');
  t.is(waitForIndex(fd), 'ok');
  t.is(createIndex(fd), 'EEXIST');
  t.is(manage(fd, DROP).outcome, 'ok');
  t.is(createIndex(fd, { type: 2, metric: 1, ef_search: 7 }), 'ok');
  const { type, metric, ef_search } = indexInfo(fd);
  t.deepEqual({ type, metric, ef_search }, { type: 2, metric: 1, ef_search: 7 });
});

test('a descriptor that is open for writing only can make an index, and not ask for it', (t) => {
  const { path, fd } = vectorFile({ dimensions: 3 }, [1, 0, 0]);
  close(fd);
  const writing = open(path, 'a');
  t.is(createIndex(writing), 'ok');
  for (const operation of [INFO, WAIT, VERIFY]) t.is(manage(writing, operation).outcome, 'EBADF');
});

test('an empty file takes an index, and its first rows are found', (t) => {
  const { fd } = vectorFile({ dimensions: 2 });
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.deepEqual(search(fd, [1, 1], { k: 3 }).hits, []);
  t.is(insert(fd, [1, 0, 0, 1], { dimensions: 2 }), 'ok');
  t.deepEqual(nearestIds(fd, [1, 0]), [0n, 1n]);
  t.is(waitForIndex(fd), 'ok');
  t.is(getStats(fd).stats.indexed_rows ?? -1, 2);
});

test('a read-only mount tells of an index and changes none', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 0, 0, 1]);
  const other = vectorFile({ dimensions: 2 }, [1, 0, 0, 1]).path;
  t.is(createIndex(fd, { metric: SearchType.COSINE }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  closeAll();
  await backend.remount(['ro']);
  const reading = open(path, 'r');
  for (const [operation, fields] of [
    [CREATE, { type: 1 }],
    [TUNE, { ef_search: 5 }],
    [REBUILD, {}],
    [DROP, {}],
  ] as const)
    t.is(manage(reading, operation, fields).outcome, 'EROFS');
  t.is(createIndex(open(other, 'r')), 'EROFS');
  t.is(waitForIndex(reading), 'ok');
  t.is(manage(reading, VERIFY).outcome, 'ok');
  t.is(indexInfo(reading).metric ?? -1, SearchType.COSINE);
  t.deepEqual(nearestIds(reading, [1, 0]), [0n, 1n]);
  t.is(readFileSync(path).length, 16);
  closeAll();
  await backend.remount();
});
