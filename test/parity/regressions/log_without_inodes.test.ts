import { closeSync, fsyncSync, openSync, statfsSync, unlinkSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { numberedRows } from '../client/stored_rows.js';
import { getMeta, getStats, insert } from '../client/vector_calls.js';

const { test, vectorFile, fresh, backend } = paritySuite({ size: '48M', mkfs: ['-N', '256'] });
const D = 4;
const ROWS = 600;
/** Records of a block of the log. */
const BLOCK = 149;

test('a row log that is due to be written anew stays as it is where no inode is left for another, and takes changes', (t) => {
  const { fd } = vectorFile({ dimensions: D });
  // A log of its own, while there is an inode for it.
  const scattered = Array.from({ length: ROWS }, (_, i) => ((i * 7919) % ROWS) * 2);
  t.is(insert(fd, numberedRows(ROWS, D), { dimensions: D, ids: scattered }), 'ok');
  t.true(getStats(fd).stats.log_records! > BLOCK);
  const names: string[] = [];
  while (statfsSync(backend.mountpoint).ffree > 0) {
    const name = fresh();
    closeSync(openSync(name, 'w'));
    names.push(name);
  }
  for (let round = 0; round < 6; round++) {
    const rows = numberedRows(ROWS, D, 1000 * (round + 1));
    t.is(insert(fd, rows, { dimensions: D, ids: scattered, flags: 1 }), 'ok', `round ${round}`);
  }
  t.is(deleteRows(fd, scattered.slice(0, 10)), 'ok');
  fsyncSync(fd);
  t.is(getStats(fd).stats.log_compactions, 0);
  for (const name of names) unlinkSync(name);
  for (let round = 0; round < 6; round++) {
    t.is(insert(fd, numberedRows(ROWS, D), { dimensions: D, ids: scattered, flags: 1 }), 'ok');
    fsyncSync(fd);
  }
  t.true(getStats(fd).stats.log_compactions! > 0);
  t.is(getMeta(fd).vectorCount, ROWS);
});
