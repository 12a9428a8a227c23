import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, ftruncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { paritySuite } from './backend/suite.js';
import { numberedRows } from './client/stored_rows.js';
import { getMeta } from './client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '48M' });
const D = 4;
/** Who waits for longer waits for the held caller. */
const HANG_MS = 60_000;
/** Calls at once, more than a FUSE daemon serves; those that it does not serve wait for the others of their user. */
const CROWD = '50';

function start(program: string, words: readonly string[], variables: NodeJS.ProcessEnv = {}): ChildProcess {
  const script = fileURLToPath(new URL(`./client/${program}.js`, import.meta.url));
  const env = { ...process.env, ...variables };
  return spawn(process.execPath, [script, ...words], { stdio: ['pipe', 'pipe', 'inherit'], env });
}

async function nextLine(child: ChildProcess): Promise<string> {
  const [text] = (await once(child.stdout!, 'data')) as [Buffer];
  return text.toString().trim();
}

/** Or `waits`, when it takes too long. */
const unlessItHangs = <Result>(result: Promise<Result>): Promise<Result | string> =>
  Promise.race([result, sleep(HANG_MS, 'waits', { ref: false })]);

async function end(child: ChildProcess): Promise<void> {
  const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  child.kill('SIGKILL');
  await gone;
}

for (const [operation, what] of [
  ['insert', 'rows to insert'],
  ['search', 'a query'],
  ['answer', 'room for an answer'],
] as const) {
  test(`a caller whose memory for ${what} does not come keeps nobody else waiting`, async (t) => {
    const { path, fd } = vectorFile({ dimensions: D }, numberedRows(100, D));
    const held = start('held_caller', [operation, path, `${D}`]);
    try {
      t.is(await nextLine(held), 'held');
      // Rows that take the place of others which were cut off wait for whoever may still read those.
      ftruncateSync(fd, 10 * D * 4);
      const other = start('inserter', [path, `${D}`, '1', '5', '7']);
      const ended = once(other, 'exit').then(([code]) => code as number);
      t.is(await unlessItHangs(ended), 0);
      const outcome = nextLine(held);
      held.stdin!.write('\n');
      t.is(await outcome, 'ok');
      t.is(getMeta(fd).vectorCount, operation === 'insert' ? 19 : 15);
    } finally {
      await end(held);
    }
  });
}

test('nor do as many of them as there are threads, and more', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(100, D));
  const held: ChildProcess[] = [];
  try {
    for (let i = 0; i < 6; i++) {
      const caller = start('held_caller', ['search', path, `${D}`]);
      held.push(caller);
      t.is(await unlessItHangs(nextLine(caller)), 'held');
    }
    const other = start('inserter', [path, `${D}`, '1', '5', '7']);
    const ended = once(other, 'exit').then(([code]) => code as number);
    t.is(await unlessItHangs(ended), 0);
    other.kill('SIGKILL');
    for (const caller of held) {
      const outcome = nextLine(caller);
      caller.stdin!.write('\n');
      t.is(await outcome, 'ok');
    }
    t.is(getMeta(fd).vectorCount, 105);
  } finally {
    for (const caller of held) await end(caller);
  }
});

test('nor do as many of one user as may call at all', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(100, D));
  chmodSync(path, 0o666);
  const held = start('held_crowd', [path, `${D}`, CROWD, '12345'], { UV_THREADPOOL_SIZE: CROWD });
  try {
    t.is(await unlessItHangs(nextLine(held)), 'held');
    await sleep(1000);
    const other = start('inserter', [path, `${D}`, '1', '5', '7']);
    const ended = once(other, 'exit').then(([code]) => code as number);
    t.is(await unlessItHangs(ended), 0);
    other.kill('SIGKILL');
    const outcome = nextLine(held);
    held.stdin!.write('\n');
    t.is(await unlessItHangs(outcome), '0');
    t.is(getMeta(fd).vectorCount, 105);
  } finally {
    await end(held);
  }
});
