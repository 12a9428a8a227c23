/** A byte of a snapshot that is another than it was, found by whoever mounts the volume next. */
import { basename } from 'node:path';
import { FileDevice } from '@vexfs/fuse/system';
import { extentsOf, lookupName, snapshotOf, VectorSet, Volume } from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, waitForIndex } from '../client/index_calls.js';
import { search } from '../client/vector_calls.js';
import { recallOf, sift10k } from './sift.js';

const { test, backend, vectorFile, open, closeAll } = paritySuite({ size: '64M' });
const sift = sift10k();
const D = sift.dimensions;

/** Turns the bits of one byte over: `part` 0 is the first byte of the snapshot, 1 the last. */
function flip(volumePath: string, name: string, part: number): void {
  const device = FileDevice.open(volumePath, { readOnly: false });
  try {
    const { volume } = Volume.open(device, { readOnly: true, deviceReadOnly: true });
    const { blockSize } = volume.geometry;
    const file = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    const { inode, bytes } = snapshotOf(volume, VectorSet.open(volume, file))!;
    const offset = Math.floor(part * (bytes - 1));
    const { physical } = extentsOf(volume, inode).find(Math.floor(offset / blockSize), 1);
    const position = physical * blockSize + (offset % blockSize);
    const byte = new Uint8Array(1);
    device.read(position, byte);
    device.write(
      position,
      byte.map((value) => value ^ 0xff),
    );
    device.flush();
  } finally {
    device.close();
  }
}

test('with any byte of its snapshot changed a file is searched as well as before, and its index is made anew', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, sift.rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const { distance } = search(fd, sift.queries[0]!, { k: 1 }).hits[0]!;
  for (const part of [0.0003, 0.4, 1]) {
    closeAll();
    await backend.unmount();
    flip(backend.device, basename(path), part);
    await backend.mount();
    const again = open(path);
    t.is(search(again, sift.queries[0]!, { k: 1 }).hits[0]!.distance, distance, `byte at ${part}`);
    t.true(recallOf(again, sift, 20) > 0.95, `byte at ${part}`);
    t.is(waitForIndex(again), 'ok');
    t.is(indexInfo(again).indexed_rows, sift.count);
    t.true(recallOf(again, sift, 20) > 0.95, `byte at ${part}, later`);
  }
});
