import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SLOWNESS } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';
import type { ThreadTask } from './client/thread_caller.js';
import { getMeta, getStats, nearestIds } from './client/vector_calls.js';

const { test, open, vectorFile } = paritySuite({ size: '32M' });
const CALLS = fileURLToPath(new URL('./client/vector_calls.js', import.meta.url));

function thread(task: ThreadTask): Promise<unknown[]> {
  return once(
    new Worker(new URL('./client/thread_caller.js', import.meta.url), { workerData: task }),
    'message',
  );
}

test('threads of one process insert and search at the same time, each with buffers of its own', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 48 });
  const tasks = [1, 2, 3, 4].map((value) => thread({ path, dimensions: 48, value: value * 100, rounds: 60 }));
  t.deepEqual((await Promise.all(tasks)).flat(), [60, 60, 60, 60]);
  t.is(getMeta(fd).vectorCount, 240);
  t.is(new Set(nearestIds(fd, new Float32Array(48))).size, 240);
});

test('threads that work on files of their own do not mix them up', async (t) => {
  const files = [1, 2, 3].map(() => vectorFile({ dimensions: 5 }));
  const tasks = files.map(({ path }, i) => thread({ path, dimensions: 5, value: i + 1, rounds: 40 }));
  t.deepEqual((await Promise.all(tasks)).flat(), [40, 40, 40]);
  for (const { fd } of files) {
    const { rows, next_id, searches } = getStats(fd).stats;
    t.deepEqual([rows, next_id, searches], [40, 40, 40]);
  }
});

test('a descriptor that a child process inherits works there', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 1, 2, 2]);
  const script = `import { insert, nearestIds } from ${JSON.stringify(CALLS)};
    if (insert(3, [9, 9], { dimensions: 2 }) !== 'ok') throw new Error('insert');
    console.log(nearestIds(3, [9, 9]).join());`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe', fd],
    encoding: 'utf8',
    timeout: 20_000 * SLOWNESS,
  });
  t.is(stdout.trim(), '2,1,0', stderr);
  t.deepEqual(nearestIds(open(path, 'r'), [9, 9]), [2n, 1n, 0n]);
});
