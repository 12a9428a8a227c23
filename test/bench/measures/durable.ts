import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Group } from '../measure.js';
import { load, type Workplace } from '../workplace.js';

const CALLERS = 8;
const CALLS = 200;
/** A row of 128 float32 is 512 bytes. */
const DIMENSIONS = 128;
const IMAGE_MEBIBYTES = 1024;

/** Rows that are durable one by one, by several callers at once, against the same bytes on ext4. */
export const durable: Group = {
  name: 'durable',
  measures: ['durable-rows'],
  async open(place: Workplace) {
    place.formatWritten(IMAGE_MEBIBYTES);
    const mount = await place.vexfs();
    const plain = place.plain('ext4');
    const calls = place.scaled(CALLS);
    const folder = join(mount.mountpoint, 'callers');
    mkdirSync(folder);
    const run = (kind: string, path: string): Promise<number> =>
      load('rows', kind, path, CALLERS, calls, DIMENSIONS);
    const amount = CALLERS * calls;
    return {
      measures: [
        {
          name: 'durable-rows',
          title: `one row and fsync a call, ${CALLERS} callers`,
          goal: { kind: 'speed', atLeast: 0.7 },
          unit: 'calls/s',
          ours: { name: 'VexFS', amount, run: () => run('insert-fsync', folder) },
          peer: { name: '512-byte write(2) + fsync on ext4', amount, run: () => run('write-fsync', plain) },
        },
      ],
      close: () => mount.end(),
    };
  },
};
