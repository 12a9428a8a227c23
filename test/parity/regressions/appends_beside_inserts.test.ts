import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeSync } from 'node:fs';
import { setImmediate as others } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { paritySuite } from '../backend/suite.js';
import { floatBytes } from '../client/npy_file.js';
import { numberedRows } from '../client/stored_rows.js';
import { getMeta } from '../client/vector_calls.js';

const { test, open, vectorFile } = paritySuite({ size: '64M' });
const INSERTER = fileURLToPath(new URL('../client/inserter.js', import.meta.url));
/** Rows of 96 bytes: most pages end amid one. */
const D = 24;
/** Rows of one write(2), over several pages. */
const ROWS = 150;
const MOST_APPENDED = 2 ** 18;
const BATCHES = 400;
const INSERTED = 2 ** 20;

test('rows that O_APPEND writes bring are there whole, whatever is inserted meanwhile', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D });
  const appender = open(path, 'a');
  const child = spawn(process.execPath, [INSERTER, path, ...[D, BATCHES, 1, INSERTED].map(String)], {
    stdio: 'inherit',
  });
  const ended = once(child, 'close');
  let appended = 0;
  while (child.exitCode === null && child.signalCode === null && appended < MOST_APPENDED) {
    const bytes = floatBytes(numberedRows(ROWS, D, appended));
    if (writeSync(appender, bytes) !== bytes.length) t.fail('a short write');
    appended += ROWS;
    await others();
  }
  t.deepEqual(await ended, [0, null]);
  const floats = new Float32Array(new Uint8Array(readFileSync(path)).buffer);
  const rows = floats.length / D;
  t.is(rows, appended + BATCHES);
  t.is(getMeta(fd).vectorCount, rows);
  let fromAppender = 0;
  let fromChild = INSERTED;
  for (let row = 0; row < rows; row++) {
    const values = floats.subarray(row * D, (row + 1) * D);
    const expected = values[0]! < INSERTED ? fromAppender++ : fromChild++;
    if (!values.every((value) => value === expected)) {
      t.fail(`row ${row} is ${values}, not ${expected}`);
      break;
    }
  }
  t.is(fromAppender, appended);
});
