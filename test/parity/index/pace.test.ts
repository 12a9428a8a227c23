/** Rows that come faster than the index takes them. */
import { INDEX_MOST_BEHIND, SearchType } from '@vexfs/shared';
import { Seeded } from '../../unit/volume/seeded.js';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { insert, search } from '../client/vector_calls.js';

const { test, vectorFile } = paritySuite({ size: '64M' });
const D = 16;
const BATCH = 4096;
const random = new Seeded(7);
const someRows = (count: number): Float32Array =>
  Float32Array.from({ length: count * D }, () => random.below(1000) / 10);

test('past the bound it is the insert that becomes slow: every search between goes by the index', (t) => {
  const { fd } = vectorFile({ dimensions: D }, someRows(5000));
  t.is(createIndex(fd, { ef_construction: 100 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  let most = 0;
  for (let i = 0; i < 8; i++) {
    const batch = someRows(BATCH);
    t.is(insert(fd, batch, { dimensions: D }), 'ok');
    const before = indexInfo(fd);
    most = Math.max(most, before.lag!);
    t.true(before.lag! <= INDEX_MOST_BEHIND, `${before.lag} changes behind`);
    const found = search(fd, batch.subarray(0, D), { k: 1, type: SearchType.EUCLIDEAN }).hits[0]!;
    t.is(found.distance, 0);
    t.is(indexInfo(fd).searches! - before.searches!, 1);
  }
  t.log(`${most} rows behind at most`);
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).indexed_rows, 5000 + 8 * BATCH);
});
