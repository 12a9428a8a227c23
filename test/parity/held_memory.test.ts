import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ftruncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { paritySuite } from './backend/suite.js';
import { numberedRows } from './client/stored_rows.js';
import { getMeta } from './client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '48M' });
const D = 4;
/** Who waits for longer waits for the held caller. */
const HANG_MS = 60_000;

function start(program: string, words: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL(`./client/${program}.js`, import.meta.url));
  return spawn(process.execPath, [script, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function nextLine(child: ChildProcess): Promise<string> {
  const [text] = (await once(child.stdout!, 'data')) as [Buffer];
  return text.toString().trim();
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
      t.is(await Promise.race([ended, sleep(HANG_MS, 'waits', { ref: false })]), 0);
      const outcome = nextLine(held);
      held.stdin!.write('\n');
      t.is(await outcome, 'ok');
      t.is(getMeta(fd).vectorCount, operation === 'insert' ? 19 : 15);
    } finally {
      const gone = held.exitCode === null && held.signalCode === null ? once(held, 'exit') : undefined;
      held.kill('SIGKILL');
      await gone;
    }
  });
}
