import { join } from 'node:path';
import type { Group } from '../measure.js';
import { load, type Workplace } from '../workplace.js';

const BATCH = { calls: 200, rows: 1000, dimensions: 512 };
/** Storing rows against write(2) of the same bytes to ext4. */
export const insert: Group = {
  name: 'insert',
  measures: ['batch'],
  async open(place: Workplace) {
    place.format('4G');
    const mount = await place.vexfs();
    const plain = place.plain('ext4');
    const calls = place.scaled(BATCH.calls);
    const { rows, dimensions } = BATCH;
    const megabytes = (calls * rows * dimensions * 4) / 1e6;
    return {
      measures: [
        {
          name: 'batch',
          title: `BATCH_INSERT, ${rows} x ${dimensions} float32 a call`,
          goal: { kind: 'speed', atLeast: 0.5 },
          unit: 'MB/s',
          ours: {
            name: 'VexFS',
            amount: megabytes,
            run: () => load('rows', 'insert', join(mount.mountpoint, 'batch'), calls, rows, dimensions),
          },
          peer: {
            name: 'write(2) to ext4',
            amount: megabytes,
            run: () => load('rows', 'write', join(plain, 'batch'), calls, rows, dimensions),
          },
        },
      ],
      close: () => mount.end(),
    };
  },
};
