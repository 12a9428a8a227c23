/** An insert that waits for an index which is further behind than searches compare. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { INDEX_MOST_BEHIND } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';
import { getStats, insert, search } from '../client/vector_calls.js';

const { test, backend, vectorFile, open, closeAll } = paritySuite({ size: '96M' });
const INSERTER = fileURLToPath(new URL('../client/held_inserter.js', import.meta.url));
const D = 64;

test('a signal ends an insert that is held with EINTR, and nothing of it is there', async (t) => {
  const rows = randomRows(4200, D, 1);
  const { path, fd } = vectorFile({ dimensions: D }, rows);
  // Slow enough that it stays behind for as long as this takes.
  t.is(createIndex(fd, { m: 32, ef_construction: 600 }), 'ok');
  while (indexInfo(fd).lag! > 0) await sleep(20);
  t.is(insert(fd, randomRows(INDEX_MOST_BEHIND, D, 2), { dimensions: D }), 'ok');
  const { rows: had, next_id, log_records, insert_calls } = getStats(fd).stats;
  const child = spawn(process.execPath, [INSERTER, path, String(D), String(INDEX_MOST_BEHIND)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ended = once(child, 'close');
  while (!text.includes('inserting') && child.exitCode === null) await sleep(5);
  while (!text.includes('{') && child.exitCode === null) {
    await sleep(100);
    child.kill('SIGINT');
  }
  await ended;
  const { outcome, took } = JSON.parse(text.slice(text.indexOf('{'))) as { outcome: string; took: number };
  const { lag } = indexInfo(fd);
  t.true(lag! > 0, 'the index had caught up');
  t.is(outcome, 'EINTR');
  t.log(`after ${took.toFixed(0)} ms, ${lag} changes behind`);
  const after = getStats(fd).stats;
  t.deepEqual(
    [after.rows, after.next_id, after.log_records, after.insert_calls],
    [had, next_id, log_records, insert_calls],
  );
  t.deepEqual(search(fd, rows.subarray(0, D), { k: 1 }).hits, [{ id: 0n, distance: 0 }]);
  closeAll();
  await backend.remount();
  t.is(getStats(open(path)).stats.rows, 4200 + INDEX_MOST_BEHIND);
});
