/** Batches of many MiB: the FUSE daemon writes their rows on another thread, and publishes them when they are there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ElementType, InsertFlag } from '@vexfs/shared';
import { expectOk, paritySuite } from './backend/suite.js';
import { numberedRows, randomRows } from './client/stored_rows.js';
import { getMeta, getStats, insert, type Layout, rowOf, search, setMeta } from './client/vector_calls.js';
import { fallocate } from './operations/calls.js';

const { test, backend, vectorFile, fresh, open, closeAll } = paritySuite({ size: '192M' });
const LOOPER = fileURLToPath(new URL('./client/looper.js', import.meta.url));
const D = 256;
const ROW = D * 4;
/** 8 MiB. */
const ROWS = 8192;
const KEEP_SIZE = 1;

function bytesOf(rows: Float32Array): Buffer {
  return Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
}

/** What has happened is committed: blocks that were freed can be taken again. */
function commit(): void {
  const fd = openSync(backend.mountpoint, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

function free(): number {
  return statfsSync(backend.mountpoint).bfree;
}

const beginnings: ReadonlyArray<readonly [string, Layout, (fd: number) => void]> = [
  ['an empty file', { dimensions: D }, () => {}],
  [
    'rows that end inside a block',
    { dimensions: D },
    (fd) => void insert(fd, numberedRows(3, D), { dimensions: D }),
  ],
  ['an offset that is not whole blocks', { dimensions: D, dataOffset: 129 * 4 }, () => {}],
  ['an offset of many blocks', { dimensions: D, dataOffset: 1 << 20 }, () => {}],
  [
    'a tail that is no row',
    { dimensions: D },
    (fd) => void writeSync(fd, Buffer.alloc(ROW * 5 + 100, 1), 0, ROW * 5 + 100, 0),
  ],
  [
    'space from fallocate behind the end',
    { dimensions: D },
    (fd) => {
      writeSync(fd, Buffer.alloc(ROW * 2), 0, ROW * 2, 0);
      fallocate(fd, KEEP_SIZE, ROW * 2, 3 << 20);
      fallocate(fd, KEEP_SIZE, 5 << 20, 1 << 20);
      fallocate(fd, KEEP_SIZE, 10 << 20, 20 << 20);
    },
  ],
  ['padded rows', { dimensions: D - 3, alignment: 512 }, () => {}],
];
for (const [what, layout, prepare] of beginnings) {
  test(`a large batch behind ${what} is stored whole and is there after a crash`, async (t) => {
    const d = layout.dimensions;
    const offset = Number(layout.dataOffset ?? 0);
    const stride = Math.ceil((d * 4) / (layout.alignment ?? 4)) * (layout.alignment ?? 4);
    const path = fresh('.vec');
    const fd = open(path);
    if (offset > 0) ftruncateSync(fd, offset <= 4096 ? offset : 0);
    expectOk(setMeta(fd, layout), 'SET_VECTOR_META');
    prepare(fd);
    const before = readFileSync(path);
    const { slots } = getStats(fd).stats;
    const rows = randomRows(ROWS, d, 5);
    t.is(insert(fd, rows, { dimensions: d }), 'ok');
    fsyncSync(fd);
    const first = offset + slots! * stride;
    t.is(fstatSync(fd).size, first + ROWS * stride);
    const check = (file: number): void => {
      const bytes = readFileSync(path);
      t.is(bytes.length, first + ROWS * stride);
      t.true(bytes.subarray(0, Math.min(first, before.length)).equals(before.subarray(0, first)));
      t.true(
        bytes.subarray(before.length, first).every((byte) => byte === 0),
        'a gap is zeros',
      );
      const given = bytesOf(rows);
      for (const row of [0, 1, 2, 3, 4, 1023, ROWS >> 1, ROWS - 2, ROWS - 1]) {
        const at = first + row * stride;
        t.true(
          bytes.subarray(at, at + d * 4).equals(given.subarray(row * d * 4, (row + 1) * d * 4)),
          `row ${row}`,
        );
        t.is(search(file, rows.subarray(row * d, (row + 1) * d), { k: 1 }).hits[0]?.id, BigInt(slots! + row));
      }
      if (stride === d * 4) t.true(bytes.subarray(first).equals(given));
      t.is(getMeta(file).vectorCount, slots! + ROWS);
    };
    check(fd);
    closeAll();
    await backend.crash();
    await backend.mount();
    check(open(path));
    unlinkSync(path);
  });
}

test('other element types are converted in large batches as in small ones', (t) => {
  const rows = randomRows(ROWS * 4, D, 9, 100);
  for (const elementType of [ElementType.FLOAT16, ElementType.INT8]) {
    const large = vectorFile({ dimensions: D, elementType }, rows);
    const small = vectorFile({ dimensions: D, elementType });
    for (let at = 0; at < ROWS * 4; at += 4096)
      expectOk(insert(small.fd, rows.subarray(at * D, (at + 4096) * D), { dimensions: D }), 'BATCH_INSERT');
    t.true(readFileSync(large.path).equals(readFileSync(small.path)));
    unlinkSync(large.path);
    unlinkSync(small.path);
  }
});

test('large batches that overwrite each other leave the last rows, in a bounded file', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D });
  const ids = Array.from({ length: ROWS }, (_, i) => i * 3);
  for (let round = 0; round < 4; round++) {
    const rows = numberedRows(ROWS, D, round * 1000);
    t.is(insert(fd, rows, { dimensions: D, ids, flags: InsertFlag.OVERWRITE }), 'ok');
    fsyncSync(fd);
    t.is(getMeta(fd).vectorCount, ROWS);
    for (const row of [0, 77, ROWS - 1])
      t.deepEqual(rowOf(fd, row * 3, D), new Float32Array(D).fill(round * 1000 + row));
  }
  t.true(fstatSync(fd).size <= 3 * ROWS * ROW, `${fstatSync(fd).size} bytes for ${ROWS * ROW}`);
  closeAll();
  await backend.remount();
  t.deepEqual(rowOf(open(path), 3, D), new Float32Array(D).fill(3001));
  unlinkSync(path);
});

test('a large batch for which there is no space is ENOSPC and changes nothing', (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(5, D));
  const before = readFileSync(path);
  const had = free();
  const { blocks } = statSync(path);
  t.is(insert(fd, new Float32Array(200 * 1024 * D), { dimensions: D }), 'ENOSPC');
  t.is(free(), had);
  t.is(statSync(path).blocks, blocks);
  t.true(readFileSync(path).equals(before));
  t.is(insert(fd, numberedRows(ROWS, D), { dimensions: D }), 'ok', 'one that fits is taken');
  unlinkSync(path);
});

test('the same where free space is in many pieces: no block is left with the tree of extents either', (t) => {
  const fillers = Array.from({ length: 40 }, () => fresh('.fill'));
  for (const filler of fillers) writeFileSync(filler, Buffer.alloc(1 << 20, 1));
  commit();
  for (let i = 0; i < fillers.length; i += 2) unlinkSync(fillers[i]!);
  commit();
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(5, D));
  fsyncSync(fd);
  const had = free();
  const { blocks } = statSync(path);
  t.is(insert(fd, new Float32Array(200 * 1024 * D), { dimensions: D }), 'ENOSPC');
  t.is(free(), had);
  t.is(statSync(path).blocks, blocks);
  for (let i = 1; i < fillers.length; i += 2) unlinkSync(fillers[i]!);
  unlinkSync(path);
});

test('ids that exist are EEXIST for a large batch too, and nothing is stored', (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, numberedRows(1, D));
  const ids = Array.from({ length: ROWS }, (_, i) => ROWS - 1 - i);
  const had = free();
  t.is(insert(fd, numberedRows(ROWS, D), { dimensions: D, ids }), 'EEXIST');
  t.is(insert(fd, numberedRows(ROWS, D), { dimensions: D, ids, flags: InsertFlag.VALIDATE }), 'EEXIST');
  t.is(free(), had);
  t.is(fstatSync(fd).size, ROW);
  unlinkSync(path);
});

test('while large batches are stored, other files are made, written and searched, and none of it is lost', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 16 });
  const child = spawn(process.execPath, [LOOPER, 'fill', path, '16'], { timeout: 60_000, stdio: 'ignore' });
  const gone = once(child, 'close');
  const other = vectorFile({ dimensions: D }, numberedRows(10, D));
  for (let i = 0; i < 60; i++) {
    const name = `${other.path}.${i}`;
    writeFileSync(name, `content ${i}`);
    t.is(readFileSync(name, 'utf8'), `content ${i}`);
    t.is(search(other.fd, new Float32Array(D).fill(3), { k: 1 }).hits[0]?.id, 3n);
    unlinkSync(name);
    await sleep(5);
  }
  child.kill('SIGTERM');
  await gone;
  const { rows } = getStats(fd).stats;
  t.is(fstatSync(fd).size, rows! * 64);
  t.is(rows! % 131_072, 0, 'whole batches');
  unlinkSync(path);
});

test('a process killed in the middle of a large batch leaves all of it or nothing', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 16 });
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, [LOOPER, 'fill', path, '16'], { timeout: 60_000, stdio: 'ignore' });
    const gone = once(child, 'close');
    await sleep(250 + round * 37);
    child.kill('SIGKILL');
    await gone;
    const { rows, slots } = getStats(fd).stats;
    t.is(fstatSync(fd).size, slots! * 64);
    t.is(rows! % 131_072, 0, 'whole batches');
    ftruncateSync(fd, 0);
  }
  unlinkSync(path);
});

test('a machine that dies in the middle of large batches keeps whole ones and gets the space of the others back', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 16 }, new Float32Array(16));
  fsyncSync(fd);
  closeAll();
  const child = spawn(process.execPath, [LOOPER, 'fill', path, '16'], { timeout: 60_000, stdio: 'ignore' });
  const gone = once(child, 'close');
  await sleep(400);
  await backend.crash();
  child.kill('SIGKILL');
  await gone;
  await backend.mount();
  const again = openSync(path, 'r+');
  const { rows, slots } = getStats(again).stats;
  t.is((rows! - 1) % 131_072, 0, 'whole batches');
  t.is(fstatSync(again).size, slots! * 64);
  const row = Buffer.alloc(64);
  t.is(readSync(again, row, 0, 64, (slots! - 1) * 64), 64);
  closeSync(again);
  const had = free();
  unlinkSync(path);
  await backend.remount();
  t.true(free() >= had + Math.floor((slots! * 64) / 4096));
});

test('rows take the place of a tail of many pages that is no row, and what lies behind it', async (t) => {
  const d = 5000;
  const stride = d * 4;
  const given = new Map<string, Buffer>();
  const check = (): void => {
    for (const [path, bytes] of given) {
      t.is(statSync(path).size, stride + bytes.length);
      t.true(readFileSync(path).subarray(stride).equals(bytes));
    }
  };
  for (const [tail, count] of [
    [10_000, 1],
    [19_996, 1],
    [19_996, 3],
    [4096, 2],
  ] as const) {
    const { path, fd } = vectorFile({ dimensions: d }, numberedRows(1, d));
    writeSync(fd, Buffer.alloc(tail, 1), 0, tail, stride);
    t.is(getMeta(fd).vectorCount, 1);
    const rows = randomRows(count, d, 7);
    t.is(insert(fd, rows, { dimensions: d }), 'ok');
    given.set(path, bytesOf(rows));
    fsyncSync(fd);
  }
  check();
  closeAll();
  await backend.crash();
  await backend.mount();
  check();
  for (const path of given.keys()) unlinkSync(path);
});
