import { fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { paritySuite } from '../backend/suite.js';
import { numberedRows } from '../client/stored_rows.js';
import { getMeta, insert } from '../client/vector_calls.js';

const { test, vectorFile, open, close, backend } = paritySuite({ size: '48M' });
const ROUNDS = 2;
/** A change is committed after a second; on a busy machine writing takes its time. */
const WAIT_MS = 5000;

test('a row is committed soon, though nothing else happens', async (t) => {
  // Attributes are not cached then: each question is a request, and many in a row make the daemon poll before it sleeps.
  const options = backend.isProcess ? ['attr_timeout=0'] : [];
  await backend.remount(options);
  let { fd, path } = vectorFile({ dimensions: 4 }, numberedRows(1, 4));
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < 400; i++) fstatSync(fd);
    t.is(insert(fd, numberedRows(1, 4), { dimensions: 4 }), 'ok');
    await sleep(WAIT_MS);
    await backend.crash();
    try {
      close(fd);
    } catch {
      // The filesystem that the descriptor belongs to has ended.
    }
    await backend.mount(options);
    fd = open(path);
    t.is(getMeta(fd).vectorCount, 2 + round, `round ${round}`);
  }
});
