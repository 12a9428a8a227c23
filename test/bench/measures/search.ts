import { join } from 'node:path';
import type { Group, Measure } from '../measure.js';
import { load, type Workplace } from '../workplace.js';

const ROWS = 100_000;
const DIMENSIONS = 128;
const SUM_BYTES = 256 << 20;
const PASSES = 15;

/** Exact search of float32 rows on one thread, against how fast the same machine sums a buffer. */
export const search: Group = {
  name: 'search',
  measures: ['exact-ioctl', 'exact-engine'],
  async open(place: Workplace) {
    const rows = place.scaled(ROWS);
    place.format('1G');
    const mount = await place.vexfs();
    const path = join(mount.mountpoint, 'rows');
    try {
      await load('scan', 'fill', path, rows, DIMENSIONS);
    } catch (error) {
      await mount.end();
      throw error;
    }
    const gigabytes = (rows * DIMENSIONS * 4) / 1e9;
    const measure = (name: string, through: string, run: () => Promise<number>): Measure => ({
      name,
      title: `exact search of ${rows} x ${DIMENSIONS} float32, ${through}`,
      goal: { kind: 'speed', atLeast: 0.6 },
      unit: 'GB/s',
      ours: { name: 'VexFS', amount: gigabytes, run },
      peer: {
        name: `summing ${SUM_BYTES >> 20} MiB`,
        amount: SUM_BYTES / 1e9,
        run: () => load('scan', 'sum', SUM_BYTES, PASSES),
      },
    });
    return {
      measures: [
        measure('exact-ioctl', 'VECTOR_SEARCH', () => load('scan', 'ioctl', path, DIMENSIONS, PASSES)),
        measure('exact-engine', 'the engine alone', () => load('scan', 'engine', rows, DIMENSIONS, PASSES)),
      ],
      close: () => mount.end(),
    };
  },
};
