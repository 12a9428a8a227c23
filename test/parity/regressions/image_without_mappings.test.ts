import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { FuseBackend } from '../backend/fuse.js';
import { paritySuite } from '../backend/suite.js';
import { checkVolume } from '../check.js';
import { createIndex, waitForIndex } from '../client/index_calls.js';
import { numberedRows } from '../client/stored_rows.js';
import { insert, search, setMeta } from '../client/vector_calls.js';

const { test, backend } = paritySuite({ size: '96M' });
const D = 16;
const ROWS = 3000;

test('rows of an image are searched where the filesystem below maps nothing to be shared', async (t) => {
  if (!backend.isProcess) {
    t.pass('the module maps no image');
    return;
  }
  // As some network filesystems do: what lies in it is read and written only.
  await backend.remount(['direct_io']);
  const folder = join(backend.mountpoint, 'folder');
  mkdirSync(folder);
  const above = new FuseBackend(folder, { size: '32M' });
  try {
    await above.mount();
    const fd = openSync(join(above.mountpoint, 'rows'), 'wx+');
    try {
      const nearest = (row: number): bigint | string => {
        const { outcome, hits } = search(fd, numberedRows(1, D, row), { k: 1 });
        return outcome === 'ok' ? hits[0]!.id : outcome;
      };
      t.is(setMeta(fd, { dimensions: D }), 'ok');
      t.is(insert(fd, numberedRows(ROWS, D), { dimensions: D }), 'ok');
      t.is(nearest(ROWS - 1), BigInt(ROWS - 1));
      t.is(createIndex(fd), 'ok');
      t.is(waitForIndex(fd), 'ok');
      t.is(nearest(7), 7n);
      t.is(insert(fd, numberedRows(1, D, ROWS), { dimensions: D }), 'ok');
      t.is(nearest(ROWS), BigInt(ROWS));
    } finally {
      closeSync(fd);
    }
  } finally {
    await above.end();
  }
  checkVolume(above.device);
});
