import { fsyncSync, unlinkSync, writeFileSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { getMeta, getStats, insert } from '../client/vector_calls.js';
import { fillVolume } from '../operations/fill_volume.js';

const { test, fresh, open, close, vectorFile, backend } = paritySuite({ size: '24M' });
const BLOCK = 4096;
/** Records that a block of the log has room for. */
const RECORDS = 149;
const ROWS = 4000;
/** Blocks of the log, one more than its inode names without a node. */
const RUNS = 4;

test('records that find single blocks, and none for the tree of the log, are ENOSPC: the volume goes on', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 }, new Float32Array(ROWS));
  // Single blocks, each between two that stay.
  const small = Array.from({ length: 20 }, () => fresh('.small'));
  for (const name of small) writeFileSync(name, Buffer.alloc(BLOCK, 1));
  const filling = fillVolume(fresh('.fill'));
  for (const name of small.slice(0, 2 * RUNS).filter((_, i) => i % 2 === 1)) unlinkSync(name);
  fsyncSync(fd);
  const ids = Array.from({ length: RECORDS * RUNS }, (_, i) => 2 * i);
  const outcomes = [deleteRows(fd, ids)];
  for (let more = RUNS; outcomes.at(-1) === 'ENOSPC' && more < small.length / 2; more++) {
    t.is(getMeta(fd).vectorCount, ROWS);
    t.is(getStats(fd).stats.log_records ?? -1, 1);
    unlinkSync(small[2 * more + 1]!);
    fsyncSync(fd);
    outcomes.push(deleteRows(fd, ids));
  }
  t.is(outcomes.at(-1), 'ok', outcomes.join());
  t.is(getMeta(fd).vectorCount, ROWS - ids.length);
  unlinkSync(filling);
  t.is(insert(fd, [1, 2], { dimensions: 1 }), 'ok', 'the volume is written to');
  close(fd);
  await backend.remount();
  t.is(getMeta(open(path)).vectorCount, ROWS - ids.length + 2);
});
