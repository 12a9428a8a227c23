import {
  IndexOperation,
  VEXFS_IOC_BATCH_DELETE,
  VEXFS_IOC_BATCH_SEARCH,
  VEXFS_IOC_DELETE_EMBEDDING,
  VEXFS_IOC_MANAGE_INDEX,
} from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { WILD } from '../client/caller_memory.js';
import { deleteRow, deleteRows } from '../client/delete_calls.js';
import { createIndex, manage, searchBatch } from '../client/index_calls.js';
import { call, nearestIds } from '../client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '64M' });

test('MANAGE_INDEX, BATCH_SEARCH and deletion are served', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [1, 0, 0, 1]);
  t.is(createIndex(fd), 'ok');
  for (const operation of [IndexOperation.INFO, IndexOperation.WAIT, IndexOperation.DROP])
    t.is(manage(fd, operation).outcome, 'ok');
  t.is(searchBatch(fd, Float32Array.of(1, 0), { dimensions: 2, k: 1 }).outcome, 'ok');
  t.deepEqual(nearestIds(fd, [1, 0]), [0n, 1n]);
  t.is(deleteRow(fd, 0), 'ok');
  t.is(deleteRows(fd, [1]), 'ok');
  t.deepEqual(nearestIds(fd, [1, 0]), []);
});

test('an argument of theirs that cannot be read is EFAULT first', (t) => {
  const { fd } = vectorFile({ dimensions: 2 });
  for (const command of [
    VEXFS_IOC_MANAGE_INDEX,
    VEXFS_IOC_BATCH_SEARCH,
    VEXFS_IOC_DELETE_EMBEDDING,
    VEXFS_IOC_BATCH_DELETE,
  ])
    t.is(call(fd, command, WILD), 'EFAULT');
});
