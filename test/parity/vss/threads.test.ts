import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CallerTask } from './caller.js';
import { mustAdd, query, stats } from './calls.js';
import { vssSuite } from './suite.js';

const { test, backend, start } = vssSuite();
const CALLER = new URL('./caller.js', import.meta.url);
const DIMENSION = 100;
const ROUNDS = 1500;

async function thread(task: Omit<CallerTask, 'path' | 'dimension'>): Promise<Record<string, number>> {
  const workerData = { ...task, path: backend.path, dimension: DIMENSION };
  return (await once(new Worker(CALLER, { workerData }), 'message'))[0];
}

test('threads add, replace and query at once: each answer is whole, and nothing is lost', async (t) => {
  t.timeout(100_000);
  const fd = await start();
  mustAdd(fd, 0, new Float32Array(DIMENSION).fill(1));
  const writers = [1, 2].map((n) => thread({ role: 'writer', rounds: ROUNDS, first: n * 1_000_000 }));
  const readers = [1, 2].map(() => thread({ role: 'reader', rounds: ROUNDS }));
  for (const counts of await Promise.all(writers)) t.deepEqual(counts, { ok: 2 * ROUNDS });
  // The root of 100 times 1 or 4: a vector of which one half is old has another distance.
  for (const counts of await Promise.all(readers)) {
    t.deepEqual(
      Object.keys(counts).filter((answer) => answer !== '0 at 10' && answer !== '0 at 20'),
      [],
    );
    t.is(
      Object.values(counts).reduce((sum, n) => sum + n),
      ROUNDS,
    );
  }
  t.like(stats(fd), { vectors: 1 + 2 * ROUNDS, queries: 2 * ROUNDS });
  const { ids, distances } = query(fd, new Float32Array(DIMENSION).fill(1000 + ROUNDS), 2);
  t.deepEqual(ids.slice(0, 2), [1_000_000 + ROUNDS - 1, 2_000_000 + ROUNDS - 1]);
  t.deepEqual(distances.slice(0, 2), [10, 10]);
});

test('SIGINT ends a query with EINTR, and the store goes on', async (t) => {
  t.timeout(100_000);
  const fd = await start();
  const row = new Float32Array(128);
  for (let id = 0; id < 20_000; id++) mustAdd(fd, id, row.fill(id));
  const task: CallerTask = { path: backend.path, role: 'searcher', dimension: 128, rounds: 1_000_000 };
  const child = spawn(process.execPath, [fileURLToPath(CALLER), JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (text: Buffer) => {
    output += text.toString();
  });
  let isOver = false;
  const closed = once(child, 'close').then(() => {
    isOver = true;
  });
  while (!output.includes('searching') && !isOver) await sleep(5);
  // Not while it ends: then a signal is no longer caught.
  while (!output.includes('{') && !isOver) {
    child.kill('SIGINT');
    await sleep(23);
  }
  await closed;
  const { EINTR, ...others } = JSON.parse(output.trim().split('\n').at(-1)!) as Record<string, number>;
  t.is(EINTR, 1, output);
  t.deepEqual(Object.keys(others), ['0 at 0']);
  t.is(query(fd, row.fill(5), 1).ids[0], 5);
  t.is(stats(fd).queries, others['0 at 0']! + 1, 'a query that a signal ended is not counted');
});
