import { execFile } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { checkVolume } from '../parity/check.js';
import { insert, search, setMeta } from '../parity/client/vector_calls.js';
import { getXattr, setXattr } from '../parity/operations/calls.js';
import { emptyImage } from '../unit/volume/test_volume.js';
import { makeCold } from './device/cold.js';
import { RecordedDisk } from './device/recorded_disk.js';
import { ServedVolume } from './device/served_volume.js';

const run = promisify(execFile);
const root = mkdtempSync(join(tmpdir(), 'vexfs-slow-'));
const mountpoint = join(root, 'mnt');
const D = 8;
const FILES = 300;
/** A daemon that waits for the disk on the wrong thread is ended after so long, and its callers get an error. */
const HANG_MS = 20_000;
let disk: RecordedDisk;

test.serial.before('a disk whose reads can be held', async () => {
  mkdirSync(mountpoint);
  disk = await RecordedDisk.create(root, emptyImage({ blockSize: 4096, dataBlocks: 2000, inodes: 1024 }));
});

test.serial.after.always('everything ends', async () => {
  disk.log.releaseReads();
  await disk.end();
  rmSync(root, { recursive: true, force: true });
});

async function mounted(): Promise<ServedVolume> {
  const served = await ServedVolume.start(disk.path, mountpoint, HANG_MS);
  if (!(served instanceof ServedVolume)) throw new Error(`not mounted: ${served.output}`);
  return served;
}

test.serial('what is in memory is answered while others wait for the disk', async (t) => {
  t.timeout(120_000);
  let served = await mounted();
  const warm = join(mountpoint, 'warm.vec');
  const cold = join(mountpoint, 'cold');
  const rows = Float32Array.from({ length: D * 100 }, (_, i) => i);
  for (const path of [warm, join(mountpoint, 'cold.vec')]) {
    const fd = openSync(path, 'w+');
    t.is(setMeta(fd, { dimensions: D }), 'ok');
    // Ids out of order fill the log, which a cold search has to read.
    const ids = Array.from({ length: 100 }, (_, i) => (i * 37) % 100);
    for (let round = 0; round < 10; round++)
      t.is(insert(fd, rows, { dimensions: D, ids: ids.map((id) => id + round * 1000) }), 'ok');
    closeSync(fd);
  }
  t.is(setXattr(warm, 'user.warm', 'yes'), 0);
  mkdirSync(cold);
  for (let i = 0; i < FILES; i++)
    writeFileSync(join(cold, `file ${i} with a name that takes some room`), `${i}`);
  t.is((await served.unmount()).how, '0');
  makeCold(disk.path);

  served = await mounted();
  const fd = openSync(warm, 'r');
  const query = rows.subarray(D * 5, D * 6);
  const expected = search(fd, query, { k: 3 }).hits;
  t.is(String(getXattr(warm, 'user.warm')), 'yes');
  disk.log.holdReads();
  const listing = run('ls', ['-l', cold]);
  const searching = run(process.execPath, [
    '--input-type=module',
    '-e',
    `import { openSync } from 'node:fs';
     import { search } from ${JSON.stringify(new URL('../parity/client/vector_calls.js', import.meta.url).href)};
     const { outcome, hits } = search(openSync(process.argv[1], 'r'), new Float32Array(${D}), { k: 1 });
     console.log(outcome, String(hits[0].id));`,
    join(mountpoint, 'cold.vec'),
  ]);
  for (let i = 0; i < 1000 && disk.log.heldReads < 2; i++) await sleep(10);
  t.true(disk.log.heldReads >= 1, 'somebody waits for the disk');
  for (let i = 0; i < 50; i++) {
    t.is(String(getXattr(warm, 'user.warm')), 'yes');
    t.deepEqual(search(fd, query, { k: 3 }).hits, expected);
  }
  t.true(disk.log.heldReads >= 1, 'and still does');
  disk.log.releaseReads();
  t.is((await listing).stdout.trim().split('\n').length, FILES + 1);
  t.is((await searching).stdout.trim(), 'ok 0');
  t.is(readdirSync(cold).length, FILES);
  t.is(readFileSync(join(cold, 'file 7 with a name that takes some room'), 'utf8'), '7');
  closeSync(fd);
  t.is((await served.unmount()).how, '0');
  checkVolume(disk.path);
});
