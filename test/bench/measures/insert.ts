import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Group } from '../measure.js';
import { load, type Workplace } from '../workplace.js';

const BATCH = { calls: 200, rows: 1000, dimensions: 512 };
/** A row of 128 float32 is 512 bytes. */
const DURABLE = { callers: 8, calls: 100, dimensions: 128 };

/** Storing rows against write(2) of the same bytes to ext4. */
export const insert: Group = {
  name: 'insert',
  measures: ['batch', 'durable'],
  async open(place: Workplace) {
    place.format('4G');
    const mount = await place.vexfs(['threads=2']);
    const plain = place.plain('ext4');
    const calls = place.scaled(BATCH.calls);
    const { rows, dimensions } = BATCH;
    const megabytes = (calls * rows * dimensions * 4) / 1e6;
    const each = place.scaled(DURABLE.calls);
    const folder = join(mount.mountpoint, 'callers');
    mkdirSync(folder);
    const durable = (kind: string, path: string): Promise<number> =>
      load('rows', kind, path, DURABLE.callers, each, DURABLE.dimensions);
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
        {
          name: 'durable',
          title: `one row and fsync a call, ${DURABLE.callers} callers`,
          goal: { kind: 'speed', atLeast: 0.7 },
          unit: 'calls/s',
          ours: { name: 'VexFS', amount: DURABLE.callers * each, run: () => durable('insert-fsync', folder) },
          peer: {
            name: '512-byte write(2) + fsync on ext4',
            amount: DURABLE.callers * each,
            run: () => durable('write-fsync', plain),
          },
        },
      ],
      close: () => mount.end(),
    };
  },
};
