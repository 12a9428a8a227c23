import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errno } from '@vexfs/fuse/system';
import test from 'ava';
import { search } from '../parity/client/vector_calls.js';
import { chosen } from '../unit/volume/seeded.js';
import { emptyImage } from '../unit/volume/test_volume.js';
import { makeCold } from './device/cold.js';
import { RecordedDisk } from './device/recorded_disk.js';
import { ServedVolume } from './device/served_volume.js';
import type { Call, Fault } from './device/shared_log.js';
import { type Base, FaultRun, makeBase } from './faults.js';
import { DIMENSIONS, makeVectors, putRows } from './workload/rows.js';

/** Every how manieth call of the disk fails in a run of its own, as there are more of some; VEXFS_FAULT_STRIDE=1 for all of them. */
const STRIDES: Readonly<Record<Call, number>> = { write: 29, flush: 15, read: 9 };
const SEED = chosen('VEXFS_TEST_SEED', 1);
/** Of how many runs one is mounted again. */
const AGAIN = 5;

const root = mkdtempSync(join(tmpdir(), 'vexfs-faults-'));
const mountpoint = join(root, 'mnt');
let disk: RecordedDisk;
let base: Base;

test.serial.before('a volume is made on a disk that can fail', async () => {
  mkdirSync(mountpoint);
  disk = await RecordedDisk.create(root, emptyImage({ blockSize: 4096, dataBlocks: 700, inodes: 128 }));
  base = await makeBase(disk, mountpoint, SEED);
});

test.serial.after.always('everything ends', async () => {
  await disk.end();
  rmSync(root, { recursive: true, force: true });
});

test.serial('a search whose rows have left memory and cannot be read again answers EIO', async (t) => {
  disk.load(base.image);
  const served = await ServedVolume.start(disk.path, mountpoint);
  if (!(served instanceof ServedVolume)) throw new Error(served.output);
  try {
    const path = join(mountpoint, 'rows');
    const fd = openSync(path, 'wx+');
    makeVectors(path);
    putRows(path, new Map(Array.from({ length: 9000 }, (_, id) => [id, id % 100])), false);
    const searchAll = (): string => search(fd, new Float32Array(DIMENSIONS), { k: 10 }).outcome;
    t.is(searchAll(), 'ok');
    for (let round = 0; round < 3; round++) {
      makeCold(disk.path);
      disk.log.arm({ call: 'read', after: round, errno: errno.EIO, lasting: true });
      t.is(searchAll(), 'EIO');
      disk.log.disarm();
      t.is(searchAll(), 'ok');
    }
    closeSync(fd);
    const { how, output } = await served.unmount();
    t.is(how, '0');
    t.is(output.trim().split('\n').length, 1, output);
  } finally {
    disk.log.disarm();
    await served.destroy();
  }
});

const KINDS: ReadonlyArray<Omit<Fault, 'after'>> = [
  { call: 'write', errno: errno.EIO, lasting: true },
  { call: 'write', errno: errno.EIO, lasting: false },
  { call: 'write', errno: errno.ENOSPC, lasting: true },
  { call: 'flush', errno: errno.EIO, lasting: true },
  { call: 'flush', errno: errno.EIO, lasting: false },
  { call: 'read', errno: errno.EIO, lasting: true },
  { call: 'read', errno: errno.EIO, lasting: false },
];

for (const kind of KINDS) {
  const what = `${kind.lasting ? 'every' : 'one'} ${kind.call} from some call on`;
  test.serial(
    `${what} answers ${kind.errno === errno.EIO ? 'EIO' : 'ENOSPC'}: nothing that was promised is lost, and the log tells why`,
    async (t) => {
      t.timeout(3_600_000);
      let runs = 0;
      let unmounted = 0;
      const complaints: string[] = [];
      const stride = chosen('VEXFS_FAULT_STRIDE', STRIDES[kind.call]);
      for (let after = SEED % stride; complaints.length < 10; after += stride) {
        const run = new FaultRun(disk, mountpoint, base, SEED);
        const fault = { ...kind, after };
        try {
          const { hits, mounted } = await run.run(fault);
          if (hits === 0) break;
          if (!mounted) unmounted += 1;
          runs += 1;
          if (runs % AGAIN === 0) await run.mountAgain();
        } catch (error) {
          complaints.push(`VEXFS_TEST_SEED=${SEED}, ${JSON.stringify(fault)}: ${(error as Error).message}`);
          runs += 1;
        }
      }
      if (complaints.length > 0)
        throw new Error(
          `${complaints.length} of ${runs} runs are wrong:\n${complaints.slice(0, 10).join('\n\n')}`,
        );
      t.log(`${runs} faults, ${unmounted} of them kept the volume from being mounted`);
      t.true(runs > 0);
    },
  );
}
