import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { paritySuite } from '../backend/suite.js';
import { createIndex, waitForIndex } from '../client/index_calls.js';
import { numberedRows } from '../client/stored_rows.js';
import { rowOf } from '../client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '48M' });
const D = 1024;
const ROWS = 4;
/** Who waits for longer waits for ever. */
const HANG_MS = 60_000;

/** Stores to a row through a mapping, then writes another past the page cache, synced. */
const WRITE = `
import mmap, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT | os.O_DSYNC)
memory = mmap.mmap(fd, ${ROWS * D * 4})
memory[0:4] = struct.pack('<f', 77)
row = mmap.mmap(-1, ${D * 4})
row.write(struct.pack('<f', 99) * ${D})
sys.exit(0 if os.pwrite(fd, row, ${D * 4}) == ${D * 4} else 1)`;

test('a synced write past the page cache to an indexed file that was stored to through a mapping comes to its end', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(ROWS, D));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const child = spawn('python3', ['-c', WRITE, path], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'close');
  t.deepEqual(await Promise.race([ended, sleep(HANG_MS, 'hangs', { ref: false })]), [0, null]);
  t.is(waitForIndex(fd), 'ok');
  t.is(readFileSync(path).readFloatLE(0), 77);
  t.is(rowOf(fd, 1, D)?.[0], 99);
});
