/** A byte of the set header or of the row log that is another than it was, found by whoever mounts the volume next. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FileDevice } from '@vexfs/fuse/system';
import { extentsOf, lookupName, Volume } from '@vexfs/fuse/volume';
import { ROOT_INODE, SET_HEADER_SIZE, setHeader } from '@vexfs/shared';
import { FSCK, runNode } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { createIndex, manage, waitForIndex } from '../client/index_calls.js';
import { numberedRows } from '../client/stored_rows.js';
import { getStats, insert, search } from '../client/vector_calls.js';

const { test, backend, vectorFile, open, closeAll } = paritySuite({ size: '48M', blockSize: 1024 });
const D = 4;
const COUNT = 200;
const INFO = 7;

/** Where the header of the set of a file lies on the device, and where a block of its row log, which holds records. */
function places(volumePath: string, name: string): { header: number; log: number; blockSize: number } {
  const device = FileDevice.open(volumePath, { readOnly: true });
  try {
    const { volume } = Volume.open(device, { readOnly: true, deviceReadOnly: true });
    const { blockSize } = volume.geometry;
    const file = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    const at = (number: number): number =>
      extentsOf(volume, volume.inodes.get(number)).find(0, 1).physical * blockSize;
    const header = at(file.vectorSet);
    const bytes = new Uint8Array(SET_HEADER_SIZE);
    device.read(header, bytes);
    const view = new DataView(bytes.buffer);
    return { header, log: at(setHeader.log_inode.get(view, 0)), blockSize };
  } finally {
    device.close();
  }
}

function turnOver(volumePath: string, position: number): void {
  const device = FileDevice.open(volumePath, { readOnly: false });
  try {
    const byte = new Uint8Array(1);
    device.read(position, byte);
    device.write(position, Uint8Array.of(byte[0]! ^ 0xff));
    device.flush();
  } finally {
    device.close();
  }
}

test('with a byte of its header or row log changed a file answers as before or with an error, and others are as they were', async (t) => {
  const rows = numberedRows(COUNT, D);
  const { path, fd } = vectorFile({ dimensions: D });
  // A record each, so that they fill blocks of the log.
  for (let i = 0; i < COUNT; i++)
    t.is(insert(fd, rows.subarray(i * D, i * D + D), { dimensions: D, ids: [i * 3] }), 'ok');
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const other = vectorFile({ dimensions: D }, rows).path;
  closeAll();
  await backend.unmount();
  const { header, log, blockSize } = places(backend.device, basename(path));
  const positions: (readonly [string, number])[] = [];
  for (const at of [0, 5, 21, 51, 73, 97, 120, 129, 300, SET_HEADER_SIZE + 9, blockSize - 1])
    positions.push([`byte ${at} of the header`, header + at]);
  for (const at of [1, 12, 40, 500, blockSize - 1]) positions.push([`byte ${at} of the log`, log + at]);
  const outcomes = new Set<string>();
  for (const [what, position] of positions) {
    turnOver(backend.device, position);
    await backend.mount();
    const again = open(path);
    const { outcome, hits } = search(again, rows.subarray(60 * D, 61 * D), { k: 1 });
    outcomes.add(outcome);
    if (outcome === 'ok') t.deepEqual(hits, [{ id: 180n, distance: 0 }], what);
    else t.regex(outcome, /^(EUCLEAN|EIO)$/, what);
    t.regex(manage(again, INFO).outcome, /^(ok|EUCLEAN|EIO)$/, what);
    t.is(readFileSync(path).length, COUNT * D * 4, what);
    t.is(getStats(open(other)).stats.rows, COUNT, what);
    closeAll();
    await backend.unmount();
    turnOver(backend.device, position);
    // The volume asks to be checked when somebody has met the damage.
    t.true([0, 1].includes(runNode(FSCK, ['-y', '-f', backend.device]).code ?? -1), what);
  }
  t.true(outcomes.has('EUCLEAN'));
  await backend.mount();
  const last = open(join(backend.mountpoint, basename(path)));
  t.deepEqual(search(last, rows.subarray(60 * D, 61 * D), { k: 1 }).hits, [{ id: 180n, distance: 0 }]);
});
