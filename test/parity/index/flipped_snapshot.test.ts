/** A byte of a snapshot that is another than it was, found by whoever mounts the volume next. */
import { basename } from 'node:path';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { search } from '../client/vector_calls.js';
import { flipSnapshot } from './flip_snapshot.js';
import { recallOf, sift10k } from './sift.js';

const { test, backend, vectorFile, open, closeAll } = paritySuite({ size: '64M' });
const sift = sift10k();
const D = sift.dimensions;

test('with any byte of its snapshot changed a file is searched as well as before, and its index is made anew', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const { distance } = search(fd, sift.queries[0]!, { k: 1 }).hits[0]!;
  for (const part of [0, 0.0003, 0.2, 0.4, 0.8, 0.9999, 1]) {
    closeAll();
    await backend.unmount();
    flipSnapshot(backend.device, basename(path), part);
    await backend.mount();
    const again = open(path);
    t.is(search(again, sift.queries[0]!, { k: 1 }).hits[0]!.distance, distance, `byte at ${part}`);
    t.true(recallOf(again, sift, 20) > 0.95, `byte at ${part}`);
    t.is(waitForIndex(again), 'ok');
    t.is(indexInfo(again).indexed_rows, sift.count);
    t.true(recallOf(again, sift, 20) > 0.95, `byte at ${part}, later`);
  }
});
