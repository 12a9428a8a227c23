/** Rows that come faster than the index takes them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fsyncSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { INDEX_MOST_BEHIND, SearchType } from '@vexfs/shared';
import { Seeded } from '../../unit/volume/seeded.js';
import { SLOWNESS } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { getMeta, insert, search } from '../client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '64M' });
const LOOPER = fileURLToPath(new URL('../client/looper.js', import.meta.url));
/** By then it has ended, whatever happens to this process. */
const LOOPER_SECONDS = 20 * SLOWNESS;
const D = 16;
const BATCH = 4096;
const random = new Seeded(7);
const someRows = (count: number): Float32Array =>
  Float32Array.from({ length: count * D }, () => random.below(1000) / 10);

test('past the bound it is the insert that becomes slow: every search between goes by the index', (t) => {
  const { fd } = vectorFile({ dimensions: D }, someRows(5000));
  t.is(createIndex(fd, { ef_construction: 100 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  let most = 0;
  for (let i = 0; i < 8; i++) {
    const batch = someRows(BATCH);
    t.is(insert(fd, batch, { dimensions: D }), 'ok');
    const before = indexInfo(fd);
    most = Math.max(most, before.lag!);
    t.true(before.lag! <= INDEX_MOST_BEHIND, `${before.lag} changes behind`);
    const found = search(fd, batch.subarray(0, D), { k: 1, type: SearchType.EUCLIDEAN }).hits[0]!;
    t.is(found.distance, 0);
    t.is(indexInfo(fd).searches! - before.searches!, 1);
  }
  t.log(`${most} rows behind at most`);
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).indexed_rows, 5000 + 8 * BATCH);
});

test('an index takes new rows though nobody asks for anything', async (t) => {
  const { fd } = vectorFile({ dimensions: D }, someRows(5000));
  t.is(createIndex(fd, { ef_construction: 100 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(insert(fd, someRows(10), { dimensions: D }), 'ok');
  // After this nothing waits to be committed, which would have the backend look at the index as well.
  fsyncSync(fd);
  await sleep(5000);
  // The first call since: by the second one it would have been told.
  t.is(indexInfo(fd).lag, 0);
});

test('WAIT is for what was changed before it: others who go on do not prolong it', async (t) => {
  const { fd, path } = vectorFile({ dimensions: D }, someRows(2000));
  t.is(createIndex(fd, { ef_construction: 100 }), 'ok');
  const words = [`${LOOPER_SECONDS}`, process.execPath, LOOPER, 'insert', path, `${D}`];
  const others = spawn('timeout', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(others, 'close');
  let said = '';
  others.stdout.on('data', (text: Buffer) => {
    said += text.toString();
  });
  try {
    await once(others.stdout, 'data');
    for (let round = 0; round < 3; round++) {
      const { vectorCount } = getMeta(fd);
      t.is(waitForIndex(fd), 'ok');
      t.true(indexInfo(fd).indexed_rows! >= vectorCount);
      await sleep(50);
    }
    t.deepEqual([others.exitCode, others.signalCode, said], [null, null, 'started\n']);
  } finally {
    others.kill();
    await closed;
  }
});
