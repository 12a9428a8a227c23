import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, fsyncSync, ftruncateSync, unlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { paritySuite } from './backend/suite.js';
import { getMeta, getStats, insert, nearestIds, search } from './client/vector_calls.js';

const { test, vectorFile, open, closeAll, backend } = paritySuite({ size: '128M' });
const LOOPER = fileURLToPath(new URL('./client/looper.js', import.meta.url));
const D = 16;

/**
 * Runs loopers beside each other until `meanwhile` is over; resolves to what they complained about and how they ended. The last starts
 * when the others have the file open, for it may move it.
 */
async function race(
  path: string,
  operations: readonly string[],
  meanwhile: () => Promise<unknown> = () => sleep(500),
): Promise<string[]> {
  const complaints: string[] = [];
  const start = (operation: string) => {
    const child = spawn(process.execPath, [LOOPER, operation, path, String(D), 'wait'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: 30_000,
    });
    const said = { started: false };
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        const text = chunk.toString();
        said.started ||= text.includes('started');
        const rest = text.replaceAll('started\n', '');
        if (rest !== '') complaints.push(`${operation}: ${rest}`);
      });
    }
    return { operation, child, said, closed: once(child, 'close') };
  };
  const children = operations.slice(0, -1).map(start);
  const allStarted = async (): Promise<void> => {
    for (let i = 0; i < 1000 && !children.every(({ said }) => said.started); i++) await sleep(10);
  };
  await allStarted();
  children.push(start(operations.at(-1)!));
  await allStarted();
  for (const { child } of children) child.stdin.end();
  await meanwhile();
  for (const { child } of children) child.kill('SIGTERM');
  for (const { operation, closed } of children) {
    const [code, signal] = (await closed) as [number | null, string | null];
    if (code !== 0) complaints.push(`${operation} ended with ${signal ?? code}`);
  }
  return complaints;
}

/** The set still agrees with itself and takes rows. */
async function works(t: { is(a: unknown, b: unknown, message?: string): void }, fd: number): Promise<void> {
  const slotsInFile = (): number => Math.floor(fstatSync(fd).size / (D * 4));
  // Free slots may be cut off between the two questions.
  for (let i = 0; i < 200 && getStats(fd).stats.slots !== slotsInFile(); i++) await sleep(20);
  const { slots, rows } = getStats(fd).stats;
  t.is(slots, slotsInFile(), 'slots agree with the size');
  t.is(getMeta(fd).vectorCount, rows);
  const far = new Float32Array(D).fill(1e9);
  t.is(insert(fd, far, { dimensions: D }), 'ok');
  t.is(search(fd, far, { k: 1 }).hits[0]?.distance, 0);
}

for (const operations of [
  ['search', 'insert', 'truncate'],
  ['search', 'search', 'grow', 'truncate'],
  ['search', 'insert', 'append', 'read'],
  ['insert', 'insert', 'append', 'grow'],
  ['search', 'insert', 'rename'],
  ['load', 'load', 'search', 'truncate'],
  ['load', 'insert', 'append', 'grow'],
  ['replace', 'replace', 'search', 'insert'],
]) {
  test(`processes that ${operations.join(', ')} at the same time neither fail nor spoil the file`, async (t) => {
    const { path, fd } = vectorFile({ dimensions: D }, new Float32Array(D * 500));
    t.deepEqual(await race(path, operations), []);
    await works(t, fd);
    closeAll();
    await backend.remount();
    const again = open(path);
    await works(t, again);
    ftruncateSync(again, 0);
  });
}

test('appends by write(2) and inserts at the same time lose no row and give no id twice', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D });
  t.deepEqual(await race(path, ['append', 'append', 'insert']), []);
  const { size } = fstatSync(fd);
  const { rows, next_id } = getStats(fd).stats;
  t.is(size % (D * 4), 0);
  t.is(rows, size / (D * 4));
  t.is(next_id, rows);
  const found = nearestIds(fd, new Float32Array(D));
  t.is(new Set(found).size, Math.min(10_000, rows!));
});

test('a file that is unlinked while others search and insert is gone when they are', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, new Float32Array(D * 100));
  const complaints = await race(path, ['search', 'insert'], async () => {
    await sleep(100);
    unlinkSync(path);
    await sleep(200);
  });
  t.deepEqual(complaints, []);
  await works(t, fd);
});

test('a volume whose daemon or machine dies under load is mounted again and works', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, new Float32Array(D * 100));
  fsyncSync(fd);
  // What the loopers say of a filesystem that is gone is theirs.
  await race(path, ['insert', 'append'], async () => {
    await sleep(200);
    await backend.crash();
  });
  try {
    closeAll();
  } catch {
    // The filesystem under the descriptors is gone.
  }
  await backend.mount();
  const again = open(path);
  t.true(getMeta(again).vectorCount >= 100);
  await works(t, again);
  ftruncateSync(again, 0);
});
