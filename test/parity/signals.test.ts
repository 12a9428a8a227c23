import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fsyncSync, ftruncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { paritySuite } from './backend/suite.js';
import { getMeta, getStats, insert, nearestIds, search, setMeta } from './client/vector_calls.js';

const { test, fresh, open, vectorFile } = paritySuite({ size: '64M' });
const SEARCHER = fileURLToPath(new URL('./client/searcher.js', import.meta.url));
const INSERTER = fileURLToPath(new URL('./client/inserter.js', import.meta.url));
const D = 128;
/** Enough that one search takes tens of milliseconds: the rows are a hole and cost no space. */
const ROWS = 500_000;

function largeFile(): { path: string; fd: number } {
  const path = fresh();
  const fd = open(path);
  ftruncateSync(fd, ROWS * D * 4);
  if (setMeta(fd, { dimensions: D }) !== 'ok') throw new Error('SET_VECTOR_META failed');
  return { path, fd };
}

interface Told {
  readonly output: () => string;
  readonly ended: Promise<unknown>;
}

function listen(child: ChildProcess): Told {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { output: () => text, ended: once(child, 'close') };
}

function start(script: string, ...words: string[]): ChildProcess {
  return spawn(process.execPath, [script, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  });
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await sleep(10);
}

test('a search over 500,000 rows finds what it should', (t) => {
  const { fd } = largeFile();
  const { outcome, hits } = search(fd, new Float32Array(D), { k: 5 });
  t.is(outcome, 'ok');
  t.deepEqual(
    hits.map((hit) => hit.id),
    [0n, 1n, 2n, 3n, 4n],
  );
});

test('SIGINT ends a long search with EINTR, and the backend goes on', async (t) => {
  const { path, fd } = largeFile();
  const child = start(SEARCHER, path, String(D), '15');
  const { output, ended } = listen(child);
  await waitFor(() => output().includes('searching'));
  const deadline = performance.now() + 10_000;
  while (child.exitCode === null && performance.now() < deadline) {
    await sleep(37);
    child.kill('SIGINT');
  }
  await ended;
  const { counts } = JSON.parse(output().trim().split('\n').at(-1)!) as { counts: Record<string, number> };
  t.is(counts.EINTR, 1, output());
  t.deepEqual(
    Object.keys(counts).filter((name) => name !== 'ok' && name !== 'EINTR'),
    [],
  );
  t.is(search(fd, new Float32Array(D), { k: 1 }).outcome, 'ok');
});

test('SIGKILL of a searching process ends it in its searches, and the backend goes on', async (t) => {
  const { path, fd } = largeFile();
  for (let i = 0; i < 3; i++) {
    const child = start(SEARCHER, path, String(D), '20');
    const { output, ended } = listen(child);
    await waitFor(() => output().includes('searching'));
    await sleep(50 + 30 * i);
    child.kill('SIGKILL');
    await ended;
    t.is(child.signalCode, 'SIGKILL', 'it did not end by itself first');
  }
  t.is(search(fd, new Float32Array(D), { k: 1 }).outcome, 'ok');
});

test('SIGKILL of an inserting process leaves whole batches', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 8 });
  for (let round = 0; round < 3; round++) {
    const child = start(INSERTER, path, '8', '100000', '100', '1');
    const { ended } = listen(child);
    const had = getStats(fd).stats.rows!;
    await waitFor(() => getStats(fd).stats.rows! > had + 500);
    child.kill('SIGKILL');
    await ended;
    t.is(getMeta(fd).vectorCount % 100, 0, `round ${round}`);
    ftruncateSync(fd, 0);
  }
  t.is(insert(fd, new Float32Array(8), { dimensions: 8 }), 'ok');
  fsyncSync(fd);
});

test('a process that is stopped in the middle of its calls does not hold up others', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 8 });
  const child = start(INSERTER, path, '8', '100000', '50', '1');
  const { ended } = listen(child);
  await waitFor(() => getStats(fd).stats.rows! > 200);
  child.kill('SIGSTOP');
  const start2 = performance.now();
  for (let i = 0; i < 50; i++) nearestIds(fd, new Float32Array(8), 5);
  const other = open(fresh());
  t.is(setMeta(other, { dimensions: 2 }), 'ok');
  t.true(performance.now() - start2 < 3000);
  child.kill('SIGKILL');
  await ended;
});

test('a descriptor that is closed while other descriptors search changes nothing for them', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 2]);
  for (let i = 0; i < 50; i++) {
    const other = open(path, 'r');
    t.is(nearestIds(other, [1, 2]).length, 1);
  }
  t.deepEqual(nearestIds(fd, [1, 2]), [0n]);
});
