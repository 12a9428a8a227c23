/** A volume whose free space lies in many small pieces. */
import { readdirSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { insert } from '../client/vector_calls.js';
import { recallOf, sift10k } from './sift.js';

const { test, backend, vectorFile, open, closeAll } = paritySuite({ size: '48M' });
const sift = sift10k();
const D = sift.dimensions;
const PIECE = 16_384;

/** Leaves of the free space every second piece. */
function fragment(): void {
  const names: string[] = [];
  const content = Buffer.alloc(PIECE, 0x66);
  while (statfsSync(backend.mountpoint).bavail > 64) {
    const name = join(backend.mountpoint, `piece ${names.length}`);
    writeFileSync(name, content);
    names.push(name);
  }
  for (let i = 0; i < names.length; i += 2) unlinkSync(names[i]!);
}

test('a snapshot finds its space in hundreds of pieces, and is read from them', async (t) => {
  fragment();
  const { path, fd } = vectorFile({ dimensions: D });
  // Each of them finds a place of its own.
  for (let row = 0; row < sift.count; row += 500)
    t.is(insert(fd, sift.rows.subarray(row * D, (row + 500) * D), { dimensions: D }), 'ok');
  t.is(createIndex(fd, { ef_construction: 60 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const { snapshot_bytes, snapshot_position, log_position } = indexInfo(fd);
  t.true(snapshot_bytes! > 100 * PIECE, `${snapshot_bytes} bytes`);
  t.is(snapshot_position, log_position);
  const recall = recallOf(fd, sift);
  t.true(recall > 0.9);
  closeAll();
  await backend.remount();
  const again = open(path);
  t.is(recallOf(again, sift), recall);
  const { indexed_rows, searches } = indexInfo(again);
  t.deepEqual([indexed_rows, searches], [sift.count, 50]);
  closeAll();
  for (const name of readdirSync(backend.mountpoint))
    if (name.startsWith('piece')) unlinkSync(join(backend.mountpoint, name));
});
