import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, fsyncSync, readFileSync } from 'node:fs';
import { setImmediate as others } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { paritySuite } from '../backend/suite.js';
import { mapFile } from '../client/mapping.js';
import { numberedRows } from '../client/stored_rows.js';
import { rowOf } from '../client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '48M' });
const INSERTER = fileURLToPath(new URL('../client/inserter.js', import.meta.url));
const D = 16;
const ROW = D * 4;
const PAGE = 4096;
const BATCHES = 1500;
const INSERTED = 2 ** 20;
const STORED = -1;

test('rows that are inserted while another of their page is stored through a mapping are there', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(1, D, INSERTED - 1));
  const child = spawn(process.execPath, [INSERTER, path, ...[D, BATCHES, 1, INSERTED].map(String)], {
    stdio: 'inherit',
  });
  const ended = once(child, 'close');
  while (child.exitCode === null && child.signalCode === null) {
    const { size } = fstatSync(fd);
    const mapping = mapFile(fd, Math.ceil(size / PAGE) * PAGE);
    for (let i = 0; i < 50; i++) mapping.view.setFloat32(size - ROW, STORED, true);
    mapping.unmap();
    await others();
  }
  t.deepEqual(await ended, [0, null]);
  fsyncSync(fd);
  const floats = new Float32Array(new Uint8Array(readFileSync(path)).buffer);
  t.is(floats.length, (BATCHES + 1) * D);
  for (let row = 0; row <= BATCHES; row++) {
    const values = floats.subarray(row * D, (row + 1) * D);
    const expected = INSERTED - 1 + row;
    const isWhole = values.every((value, i) => value === expected || (i === 0 && value === STORED));
    t.true(isWhole, `row ${row} is ${values}`);
    t.deepEqual(rowOf(fd, row, D), values, `row ${row} is another in the set`);
    if (!isWhole) break;
  }
});
