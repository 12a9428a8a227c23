import {
  fstatSync,
  fsyncSync,
  ftruncateSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { paritySuite } from '../backend/suite.js';
import { checkVolume } from '../check.js';
import { deleteRows } from '../client/delete_calls.js';
import { floatBytes } from '../client/npy_file.js';
import { numberedRows } from '../client/stored_rows.js';
import { getMeta, getStats, rowOf, type Stats } from '../client/vector_calls.js';
import { fallocate } from '../operations/calls.js';
import { fillVolume } from '../operations/fill_volume.js';

const { test, fresh, open, close, closeAll, vectorFile, backend } = paritySuite({ size: '24M' });
const D = 64;
const ROW = 4 * D;
/** Records that a header has room for. */
const INLINE = 149;

test.afterEach.always('the volume is empty again', () => {
  closeAll();
  for (const name of readdirSync(backend.mountpoint)) unlinkSync(join(backend.mountpoint, name));
});

/** A vector file whose next record needs a block of the log, with rows 0 to 299 but every second one of the first. */
function withFullHeader(): { path: string; fd: number } {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(300, D));
  for (let i = 1; i < INLINE; i++) {
    if (deleteRows(fd, [2 * i]) !== 'ok') throw new Error(`row ${2 * i}`);
  }
  if (getStats(fd).stats.log_records !== INLINE) throw new Error('the header is not full');
  fsyncSync(fd);
  return { path, fd };
}

function state(fd: number): Stats & { size: number } {
  const { rows = -1, slots = -1, next_id = -1 } = getStats(fd).stats;
  return { size: fstatSync(fd).size, rows, slots, next_id };
}

/** What a call that may find no space came to. */
function attempt(change: () => void): string {
  try {
    change();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

test('write(2) that makes a row is ENOSPC when there is no space for its record, and the file stays as it was', async (t) => {
  const { path, fd } = withFullHeader();
  const filling = fillVolume(fresh('.fill'));
  const before = state(fd);
  const appended = open(path, 'a');
  const outcome = attempt(() => writeSync(appended, floatBytes(numberedRows(1, D, 300))));
  t.true(outcome === 'ok' || outcome === 'ENOSPC', outcome);
  const { size, slots } = state(fd);
  t.is(size, outcome === 'ok' ? before.size + ROW : before.size);
  t.is(slots, size / ROW, outcome);
  close(appended);
  close(fd);
  await backend.unmount();
  t.notThrows(() => checkVolume(backend.device));
  await backend.mount();
  t.is(readFileSync(path).length, size);
  unlinkSync(filling);
  const again = open(path, 'r+');
  const more = open(path, 'a');
  writeSync(more, floatBytes(numberedRows(1, D, 300)));
  const id = outcome === 'ok' ? 301 : 300;
  t.deepEqual(rowOf(again, id, D), numberedRows(1, D, 300));
  t.is(getMeta(again).vectorCount, before.rows! + (outcome === 'ok' ? 2 : 1));
});

test('a truncation that finds no space for its record leaves the file as it was, and a sound volume', async (t) => {
  const { path, fd } = withFullHeader();
  const filling = fillVolume(fresh('.fill'));
  const before = state(fd);
  const outcome = attempt(() => ftruncateSync(fd, 20 * ROW));
  t.true(outcome === 'ok' || outcome === 'ENOSPC', outcome);
  const after = state(fd);
  t.is(after.size, outcome === 'ok' ? 20 * ROW : before.size);
  t.is(after.slots, after.size / ROW);
  close(fd);
  await backend.unmount();
  t.notThrows(() => checkVolume(backend.device));
  await backend.mount();
  unlinkSync(filling);
  const again = open(path, 'r+');
  t.deepEqual(state(again), after);
  ftruncateSync(again, 10 * ROW);
  t.is(getStats(again).stats.slots ?? -1, 10);
});

test('fallocate(2) that finds no space for the record of its rows takes no blocks', (t) => {
  const { fd } = withFullHeader();
  const spare = fresh('.spare');
  writeFileSync(spare, Buffer.alloc(40 * 4096, 1));
  fillVolume(fresh('.fill'));
  unlinkSync(spare);
  fsyncSync(fd);
  const before = state(fd);
  const { blocks } = fstatSync(fd);
  // So many blocks at first that there are none for all of them, then none for what comes with them.
  for (let count = 60; ; count--) {
    const outcome = fallocate(fd, 0, before.size, count * 4096);
    fsyncSync(fd);
    if (outcome === 0) {
      t.is(state(fd).size, before.size + count * 4096);
      t.true(count > 5, `${count} blocks`);
      return;
    }
    t.is(outcome, 'ENOSPC');
    t.deepEqual(state(fd), before, `${count} blocks`);
    t.is(fstatSync(fd).blocks, blocks, `${count} blocks`);
  }
});
