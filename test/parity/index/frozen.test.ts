/** Indexes of volumes that take no changes: frozen, and read-only. */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fsyncSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { IndexOperation, IndexState } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, manage, waitForIndex } from '../client/index_calls.js';
import { insert, search } from '../client/vector_calls.js';
import { ioctlBytes } from '../operations/calls.js';
import { recallOf, sift10k } from './sift.js';

const { test, backend, vectorFile, open, closeAll } = paritySuite({ size: '96M' });
const { CREATE, TUNE, REBUILD, DROP } = IndexOperation;
const [FIFREEZE, FITHAW] = [0xc0045877, 0xc0045878];
const sift = sift10k();
const D = sift.dimensions;
const part = (from: number, to: number): Float32Array => sift.rows.subarray(from * D, to * D);

/** Sectors that have been written to the device of the volume. */
function sectorsWritten(): number {
  const name = basename(realpathSync(backend.device));
  const line = readFileSync('/proc/diskstats', 'utf8')
    .split('\n')
    .map((text) => text.trim().split(/\s+/))
    .find((words) => words[2] === name);
  return Number(line?.[9] ?? Number.NaN);
}

async function hashOfVolume(): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(backend.device), hash);
  return hash.digest('hex');
}

test('an index is built in memory while the volume is frozen, and its snapshot is written after the thaw', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, part(0, 9500));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(insert(fd, part(9500, 10_000), { dimensions: D }), 'ok');
  t.is(manage(fd, REBUILD).outcome, 'ok');
  const { snapshot_position: old } = indexInfo(fd);
  const folder = openSync(backend.mountpoint, 'r');
  const frozen = ioctlBytes(folder, FIFREEZE, Buffer.alloc(4));
  try {
    if (backend.isProcess) {
      t.is(frozen, 'EOPNOTSUPP');
    } else {
      t.is(frozen, 0);
      const written = sectorsWritten();
      t.true(written > 0);
      t.true(indexInfo(fd).lag! > 0, 'it was built before the volume was frozen');
      t.is(recallOf(fd, sift, 10), 1);
      t.is(waitForIndex(fd), 'ok');
      t.is(indexInfo(fd).indexed_rows, sift.count);
      const { searches } = indexInfo(fd);
      t.true(recallOf(fd, sift) > 0.95);
      t.is(indexInfo(fd).searches, searches! + 50);
      await sleep(1500);
      t.is(indexInfo(fd).snapshot_position, old);
      t.is(sectorsWritten(), written);
    }
  } finally {
    if (frozen === 0) t.is(ioctlBytes(folder, FITHAW, Buffer.alloc(4)), 0);
    closeSync(folder);
  }
  t.is(waitForIndex(fd), 'ok');
  const { log_position } = indexInfo(fd);
  t.not(log_position, old);
  const end = performance.now() + 30_000;
  while (indexInfo(fd).snapshot_position !== log_position && performance.now() < end) await sleep(50);
  t.is(indexInfo(fd).snapshot_position, log_position);
  closeAll();
  await backend.remount();
  const again = open(path);
  t.true(recallOf(again, sift) > 0.95);
  t.deepEqual([indexInfo(again).lag, indexInfo(again).searches], [0, 50]);
});

test('a read-only mount is searched by the snapshot and what came after it, and writes nothing', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, part(0, 9700));
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  t.is(insert(fd, part(9700, 10_000), { dimensions: D }), 'ok');
  fsyncSync(fd);
  const { snapshot_position } = indexInfo(fd);
  closeAll();
  await backend.crash();
  const hashes: string[] = [];
  // The first time the journal is replayed.
  for (let i = 0; i < 2; i++) {
    await backend.mount(['ro']);
    const reading = open(path, 'r');
    t.deepEqual(search(reading, part(9999, 10_000), { k: 1 }).hits, [{ id: 9999n, distance: 0 }]);
    t.true(recallOf(reading, sift) > 0.95);
    t.is(waitForIndex(reading), 'ok');
    t.true(recallOf(reading, sift) > 0.95);
    const info = indexInfo(reading);
    t.deepEqual([info.state, info.indexed_rows, info.searches], [IndexState.READY, sift.count, 101]);
    t.is(info.snapshot_position, snapshot_position);
    for (const [operation, fields] of [
      [CREATE, { type: 1 }],
      [TUNE, { ef_search: 5 }],
      [REBUILD, {}],
      [DROP, {}],
    ] as const)
      t.is(manage(reading, operation, fields).outcome, 'EROFS');
    closeAll();
    await backend.unmount();
    hashes.push(await hashOfVolume());
  }
  t.is(hashes[0], hashes[1]);
  await backend.mount();
});
