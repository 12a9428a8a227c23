import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { IndexState } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { numberedRows } from '../client/stored_rows.js';
import { getStats, search } from '../client/vector_calls.js';

// tmpfs cannot tell whether a read would have to wait (RWF_NOWAIT), as most filesystems can. The temporary files of a guest are in one anyway.
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const { test, vectorFile, backend } = paritySuite({ size: '64M', folder: MEMORY });
const D = 16;
const ROWS = 4000;

test('rows are packed and the volume is found again where the image lies in memory', async (t) => {
  const { fd } = vectorFile({ dimensions: D }, numberedRows(ROWS, D));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const gone = Array.from({ length: ROWS / 2 }, (_, row) => row * 2);
  t.is(deleteRows(fd, gone), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(getStats(fd).stats.free_slots, 0, 'the rows that are left stand behind each other');
  t.is(indexInfo(fd).state, IndexState.READY);
  t.is(search(fd, numberedRows(1, D, ROWS - 1), { k: 1 }).hits[0]?.id, BigInt(ROWS - 1));
  t.true(backend.isMounted);
});
