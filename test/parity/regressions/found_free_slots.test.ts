import { fstatSync, fsyncSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { numberedRows } from '../client/stored_rows.js';
import { getStats } from '../client/vector_calls.js';

const { test, fresh, open, close, vectorFile, backend, crashAndMount } = paritySuite({ size: '48M' });
const D = 16;
const ROWS = 100;
const DELETED = [97, 98, 99];
const MOST_TRIES = 10;
/** Longer than it takes either backend to give back what a deletion has freed. */
const LONG_MS = 700;

/** A file whose last slots are free after a crash that came before they were cut off. */
async function withFreeEnd(): Promise<string> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { path, fd } = vectorFile({ dimensions: D }, numberedRows(ROWS, D));
    fsyncSync(fd);
    deleteRows(fd, DELETED);
    fsyncSync(fd);
    await crashAndMount(fd);
    const again = open(path);
    const { slots } = getStats(again).stats;
    close(again);
    await backend.remount();
    if (slots === ROWS) return path;
  }
  throw new Error('free slots were cut off before every crash');
}

test('free slots at the end that a mount finds stay until the next deletion, whatever else is written', async (t) => {
  const path = await withFreeEnd();
  // A transaction runs when the set is read.
  writeFileSync(fresh(), 'x');
  const fd = open(path);
  t.is(getStats(fd).stats.free_slots, DELETED.length);
  fsyncSync(fd);
  await sleep(LONG_MS);
  t.is(getStats(fd).stats.slots, ROWS);
  const { size } = fstatSync(fd);
  t.is(deleteRows(fd, [0]), 'ok');
  for (let tries = 0; tries < MOST_TRIES && getStats(fd).stats.slots === ROWS; tries++) {
    fsyncSync(fd);
    await sleep(LONG_MS);
  }
  t.is(getStats(fd).stats.slots, ROWS - DELETED.length, 'now they are cut off');
  t.is(fstatSync(fd).size, (size * (ROWS - DELETED.length)) / ROWS);
});
