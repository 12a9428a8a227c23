import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { paritySuite } from './backend/suite.js';
import { deleteRows } from './client/delete_calls.js';
import { numberedRows } from './client/stored_rows.js';
import { getMeta, getStats, insert, nearestIds, rowOf, search, setMeta } from './client/vector_calls.js';

const { test, fresh, open, close, closeAll, vectorFile, backend } = paritySuite({
  size: '24M',
  mkfs: ['-N', '600'],
});
const D = 256;

/** Fills the volume with a file and returns its path; `leave` blocks stay free. */
function fill(leave = 0): string {
  const path = fresh('.fill');
  const fd = openSync(path, 'w');
  const { bsize } = statfsSync(backend.mountpoint);
  try {
    for (;;) {
      const free = statfsSync(backend.mountpoint).bfree - leave;
      if (free <= 0) break;
      const blocks = Math.max(1, Math.min(free - 2, 256));
      if (writeSync(fd, Buffer.alloc(blocks * bsize, 0x66)) < blocks * bsize) break;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(fd);
  }
  return path;
}

test.afterEach.always('the volume is empty again', () => {
  closeAll();
  for (const name of readdirSync(backend.mountpoint)) unlinkSync(join(backend.mountpoint, name));
});

function state(path: string, fd: number): unknown {
  const { size, mtimeMs, ctimeMs } = fstatSync(fd);
  const { rows, slots, next_id, log_records } = getStats(fd).stats;
  return {
    size,
    mtimeMs,
    ctimeMs,
    rows,
    slots,
    next_id,
    log_records,
    bytes: readFileSync(path).toString('hex'),
  };
}

test('a batch that does not fit is ENOSPC and stores nothing, and fits after something was deleted', (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(3, D));
  const filling = fill(20);
  const before = state(path, fd);
  const free = statfsSync(backend.mountpoint).bfree;
  t.is(insert(fd, numberedRows(500, D, 10), { dimensions: D }), 'ENOSPC');
  t.deepEqual(state(path, fd), before);
  t.is(statfsSync(backend.mountpoint).bfree, free);
  t.deepEqual(nearestIds(fd, new Float32Array(D)), [0n, 1n, 2n]);
  t.is(insert(fd, numberedRows(4, D, 10), { dimensions: D }), 'ok', 'a batch that fits is taken');
  unlinkSync(filling);
  t.is(insert(fd, numberedRows(500, D, 20), { dimensions: D }), 'ok');
  t.is(getMeta(fd).vectorCount, 507);
});

test('batches until the disk is full: each is there or was refused, and what is there is right', (t) => {
  const { fd } = vectorFile({ dimensions: D });
  let stored = 0;
  for (;;) {
    const outcome = insert(fd, numberedRows(50, D, stored), { dimensions: D });
    if (outcome !== 'ok') {
      t.is(outcome, 'ENOSPC');
      break;
    }
    stored += 50;
  }
  t.true(stored * D * 4 > 10 << 20, `${stored} rows`);
  t.is(getMeta(fd).vectorCount, stored);
  t.is(search(fd, new Float32Array(D).fill(stored), { k: 1 }).hits[0]?.id, BigInt(stored - 1));
  t.is(
    insert(fd, numberedRows(50, D), {
      dimensions: D,
      ids: Array.from({ length: 50 }, (_, i) => i),
      flags: 1,
    }),
    'ENOSPC',
  );
  t.deepEqual(rowOf(fd, 7, D), new Float32Array(D).fill(7));
});

test('overwriting on a full disk is ENOSPC and keeps the old rows', (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(400, D));
  fill();
  const before = state(path, fd);
  const ids = Array.from({ length: 400 }, (_, i) => i);
  t.is(insert(fd, numberedRows(400, D, 9000), { dimensions: D, ids, flags: 1 }), 'ENOSPC');
  t.deepEqual(state(path, fd), before);
  t.deepEqual(rowOf(fd, 399, D), new Float32Array(D).fill(399));
});

test('SET_VECTOR_META on a full disk is ENOSPC and leaves a plain file', (t) => {
  fill();
  // What is too little for write(2) may still do for a set or two.
  for (let i = 0; i < 50; i++) {
    const fd = open(fresh());
    const outcome = setMeta(fd, { dimensions: D });
    if (outcome === 'ok') continue;
    t.is(outcome, 'ENOSPC');
    t.is(getMeta(fd).outcome, 'ENODATA');
    return;
  }
  t.fail('50 sets found room on a full disk');
});

test('a search works on a full disk', (t) => {
  const { fd } = vectorFile({ dimensions: D }, numberedRows(10, D));
  fill();
  t.is(search(fd, new Float32Array(D), { k: 10 }).count, 10);
});

test('write(2) on a full disk stores what fits and then is ENOSPC; what was written is there', (t) => {
  const path = fill();
  const { size } = statSync(path);
  t.true(size > 10 << 20);
  t.true(readFileSync(path).every((byte) => byte === 0x66));
  const fd = open(path, 'a');
  t.throws(
    () => {
      for (let i = 0; i < 100; i++) writeSync(fd, Buffer.alloc(8192));
    },
    { code: 'ENOSPC' },
  );
  const other = fresh();
  t.throws(() => writeFileSync(other, Buffer.alloc(100_000)), { code: 'ENOSPC' });
});

test('the space of a deleted file can be used at once', (t) => {
  for (let round = 0; round < 4; round++) {
    const path = fill();
    t.true(statSync(path).size > 10 << 20, `round ${round}: ${statSync(path).size} bytes`);
    unlinkSync(path);
  }
});

test('truncation of a full file gives its space back, also to a batch', (t) => {
  const { fd } = vectorFile({ dimensions: D });
  const path = fill();
  t.is(insert(fd, numberedRows(1000, D), { dimensions: D }), 'ENOSPC');
  const filled = open(path, 'w');
  t.is(fstatSync(filled).size, 0);
  t.is(insert(fd, numberedRows(1000, D), { dimensions: D }), 'ok');
});

test('on a full disk the space of deleted rows comes back, wherever they lay', async (t) => {
  const { fd } = vectorFile({ dimensions: D }, numberedRows(2000, D));
  // How much a backend asks for before a transaction is its own affair.
  const filling = fill(backend.isProcess ? 24 : 128);
  const before = statfsSync(backend.mountpoint).bfree;
  const gone = Array.from({ length: 1000 }, (_, i) => 2 * i);
  t.is(deleteRows(fd, gone), 'ok');
  for (let i = 0; i < 200 && (getStats(fd).stats.free_slots ?? 0) > 0; i++) {
    fsyncSync(fd);
    await sleep(25);
  }
  fsyncSync(fd);
  t.is(getStats(fd).stats.slots ?? -1, 1000);
  const { bsize, bfree } = statfsSync(backend.mountpoint);
  t.true((bfree - before) * bsize >= 900 * D * 4, `${bfree} free blocks, ${before} before`);
  for (const id of [1, 777, 1999]) t.deepEqual(rowOf(fd, id, D), numberedRows(1, D, id));
  unlinkSync(filling);
});

test('a full disk is still full, and sound, after a crash', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(100, D));
  fsyncSync(open(fill()));
  fsyncSync(fd);
  t.is(insert(fd, numberedRows(100, D), { dimensions: D }), 'ENOSPC');
  await backend.crash();
  try {
    close(fd);
  } catch {
    // The filesystem under the descriptor is gone.
  }
  await backend.mount();
  const again = open(path);
  t.is(getMeta(again).vectorCount, 100);
  t.is(insert(again, numberedRows(100, D), { dimensions: D }), 'ENOSPC');
});

test('when inodes run out new names are ENOSPC, and every other file still works', async (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [1, 2]);
  const names: string[] = [];
  t.throws(
    () => {
      for (let i = 0; i < 5000; i++) {
        const path = fresh('.n');
        closeSync(openSync(path, 'wx'));
        names.push(path);
      }
    },
    { code: 'ENOSPC' },
  );
  t.true(names.length > 300, `${names.length} files`);
  t.true(statfsSync(backend.mountpoint).bfree > 100, 'blocks are left');
  t.is(statfsSync(backend.mountpoint).ffree, 0);
  t.throws(() => mkdirSync(fresh()), { code: 'ENOSPC' });
  t.is(insert(fd, [3, 4], { dimensions: 2 }), 'ok');
  t.is(setMeta(open(names[0]!, 'r+'), { dimensions: 2 }), 'ENOSPC', 'a vector set takes an inode too');
  unlinkSync(names.pop()!);
  unlinkSync(names.pop()!);
  t.true(await createsSoon(fresh('.n')), 'a removed file gives its inode back');
});

/** A FUSE kernel may keep the number of a removed file for a moment. */
async function createsSoon(path: string): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    try {
      closeSync(openSync(path, 'wx'));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      await sleep(10);
    }
  }
  return false;
}

test('an id that exists is EEXIST also where there would be no space for the row', (t) => {
  const { fd } = vectorFile({ dimensions: D }, numberedRows(2, D));
  fill();
  const ids = Array.from({ length: 200 }, (_, i) => 200 - i);
  t.is(insert(fd, numberedRows(200, D), { dimensions: D, ids }), 'EEXIST');
});
