/** Bytes that write(2), fallocate(2) and stores put into live slots of a file with an index. */
import { fsyncSync, writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { mapFile } from '../client/mapping.js';
import { insert, search } from '../client/vector_calls.js';
import { copyRange, fallocate, ZERO_RANGE } from '../operations/calls.js';
import { sift10k } from './sift.js';

const { test, backend, vectorFile, open, closeAll, fresh } = paritySuite({ size: '128M' });
const sift = sift10k();
const D = sift.dimensions;
const ROW = D * 4;
const rows = sift.rows.subarray(0, 6000 * D);

/** A row far from all of SIFT, and from others of another `at`. */
const far = (at: number): Float32Array =>
  new Float32Array(D).map((_, i) => (i % 8 === at % 8 ? 900 : 0) + at);

function writeRow(fd: number, slot: number, row: Float32Array): void {
  writeSync(fd, new Uint8Array(row.buffer, row.byteOffset, ROW), 0, ROW, slot * ROW);
}

function indexed(): { path: string; fd: number } {
  const file = vectorFile({ dimensions: D }, rows);
  if (createIndex(file.fd) !== 'ok' || waitForIndex(file.fd) !== 'ok') throw new Error('no index');
  return file;
}

const nearest = (fd: number, row: Float32Array): { id: bigint; distance: number } =>
  search(fd, row, { k: 1 }).hits[0]!;

test('a row that write(2) has changed is found where it is now, by the next search and by the index', (t) => {
  const { fd } = indexed();
  for (let i = 0; i < 30; i++) {
    const slot = i * 190;
    writeRow(fd, slot, far(i));
    t.deepEqual(nearest(fd, far(i)), { id: BigInt(slot), distance: 0 });
    t.not(nearest(fd, rows.subarray(slot * D, slot * D + D)).distance, 0);
  }
  t.is(waitForIndex(fd), 'ok');
  const before = indexInfo(fd);
  t.is(before.indexed_rows, 6000);
  for (let i = 0; i < 30; i++) {
    t.deepEqual(nearest(fd, far(i)), { id: BigInt(i * 190), distance: 0 });
    t.not(nearest(fd, rows.subarray(i * 190 * D, i * 190 * D + D)).distance, 0);
  }
  t.is(indexInfo(fd).searches! - before.searches!, 60);
});

test('one write(2) over parts of several rows changes each of them, and their ids stay', (t) => {
  const { fd } = indexed();
  const changed = new Float32Array(3 * D);
  for (let i = 0; i < 3; i++) changed.set(far(i), i * D);
  // From the middle of row 99 to the middle of row 103.
  const bytes = new Uint8Array(4 * ROW).fill(0);
  bytes.set(new Uint8Array(changed.buffer), ROW / 2);
  writeSync(fd, bytes, 0, bytes.length, 99.5 * ROW);
  t.is(waitForIndex(fd), 'ok');
  for (let i = 0; i < 3; i++) t.deepEqual(nearest(fd, far(i)), { id: BigInt(100 + i), distance: 0 });
  for (const slot of [99, 103]) {
    const half = rows.slice(slot * D, slot * D + D);
    half.fill(0, slot === 99 ? D / 2 : 0, slot === 99 ? D : D / 2);
    t.deepEqual(nearest(fd, half), { id: BigInt(slot), distance: 0 });
  }
  t.is(indexInfo(fd).indexed_rows, 6000);
});

test('after a crash the index takes from the log what write(2) and fsync(2) have made durable', async (t) => {
  const { path, fd } = indexed();
  const { snapshot_position } = indexInfo(fd);
  for (let i = 0; i < 10; i++) writeRow(fd, 50 * i, far(i));
  fsyncSync(fd);
  closeAll();
  await backend.crash();
  await backend.mount();
  const again = open(path);
  t.is(indexInfo(again).snapshot_position, snapshot_position);
  t.is(waitForIndex(again), 'ok');
  for (let i = 0; i < 10; i++) t.deepEqual(nearest(again, far(i)), { id: BigInt(50 * i), distance: 0 });
  t.true(indexInfo(again).searches! >= 10);
});

test('a range that fallocate(2) zeroes, and one that copy_file_range(2) brings, change their rows', (t) => {
  const { fd } = indexed();
  t.is(fallocate(fd, ZERO_RANGE, 40 * ROW, 2 * ROW), 0);
  const source = open(fresh());
  for (let i = 0; i < 4; i++) writeRow(source, i, far(i));
  t.is(copyRange(source, 0, fd, 70 * ROW, 4 * ROW), 4 * ROW);
  t.is(waitForIndex(fd), 'ok');
  const zeros = search(fd, new Float32Array(D), { k: 2 }).hits;
  t.deepEqual(zeros, [
    { id: 40n, distance: 0 },
    { id: 41n, distance: 0 },
  ]);
  for (let i = 0; i < 4; i++) t.deepEqual(nearest(fd, far(i)), { id: BigInt(70 + i), distance: 0 });
});

test('rows stored through a mapping are found by the index when msync(2) has returned', (t) => {
  const { fd } = indexed();
  const mapping = mapFile(fd, 6000 * ROW);
  for (let i = 0; i < 5; i++) new Float32Array(mapping.bytes.buffer, 1000 * i * ROW, D).set(far(i));
  mapping.sync();
  mapping.unmap();
  t.is(waitForIndex(fd), 'ok');
  for (let i = 0; i < 5; i++) t.deepEqual(nearest(fd, far(i)), { id: BigInt(1000 * i), distance: 0 });
});

test('when more rows change than the log is to name one by one, the index is made anew', (t) => {
  const ids = Array.from({ length: 6000 }, (_, i) => 6000 - i);
  const { fd } = vectorFile({ dimensions: D });
  t.is(insert(fd, rows, { dimensions: D, ids }), 'ok');
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(fallocate(fd, ZERO_RANGE, 0, 5000 * ROW), 0);
  t.deepEqual(nearest(fd, new Float32Array(D)), { id: 1001n, distance: 0 });
  t.is(waitForIndex(fd), 'ok');
  const { searches, indexed_rows } = indexInfo(fd);
  t.is(indexed_rows, 6000);
  t.is(nearest(fd, new Float32Array(D)).distance, 0);
  for (let slot = 5000; slot < 6000; slot += 50)
    t.is(nearest(fd, rows.subarray(slot * D, slot * D + D)).id, BigInt(6000 - slot));
  t.is(indexInfo(fd).searches! - searches!, 21);
});

test('bytes outside of rows change none: those before the first, and those between', (t) => {
  const { fd } = vectorFile({ dimensions: D, alignment: 1024 }, rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const { log_position } = indexInfo(fd);
  const junk = new Uint8Array(1024 - ROW).fill(7);
  writeSync(fd, junk, 0, junk.length, 1024 * 50 + ROW);
  t.is(indexInfo(fd).log_position, log_position);
  t.is(indexInfo(fd).lag, 0);
});
