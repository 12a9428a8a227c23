import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Group, Measure } from '../measure.js';
import { endAll, load, startAll, type Workplace } from '../workplace.js';

const DATA_BYTES = 16 << 20;
const PEER = 'C server (libfuse3 low-level)';

interface Call {
  readonly name: string;
  readonly title: string;
  readonly atLeast: number;
  readonly count: number;
  /** Below the mountpoint, of our volume and of the peer's. */
  readonly ours: string;
  readonly peer: string;
}

const CALLS: readonly Call[] = [
  { name: 'fstat', title: 'fstat', atLeast: 0.9, count: 100_000, ours: 'data', peer: 'data' },
  { name: 'read', title: '4 KiB read', atLeast: 0.9, count: 100_000, ours: 'data', peer: 'data' },
  {
    name: 'meta',
    title: 'ioctl, 40 bytes (GET_VECTOR_META)',
    atLeast: 0.9,
    count: 100_000,
    ours: 'rows',
    peer: 'data',
  },
  {
    name: 'search',
    title: 'ioctl, 48 bytes (VECTOR_SEARCH of one row)',
    atLeast: 0.9,
    count: 30_000,
    ours: 'rows',
    peer: 'data',
  },
  { name: 'create', title: 'create + unlink', atLeast: 0.5, count: 10_000, ours: '', peer: '' },
];

/** Single calls without the kernel's caches, from one process, against the C server of load/peer.c. */
export const calls: Group = {
  name: 'calls',
  measures: CALLS.map(({ name }) => name),
  async open(place: Workplace) {
    const backing = place.path('data');
    writeFileSync(backing, Buffer.alloc(DATA_BYTES, 'not only zeros'));
    place.format('1G');
    const mounts = await startAll([
      () => place.vexfs(['attr_timeout=0', 'direct_io']),
      () => place.peer(backing),
    ]);
    const [ours, peer] = mounts as [(typeof mounts)[0], (typeof mounts)[0]];
    try {
      copyFileSync(backing, join(ours.mountpoint, 'data'));
      await load('scan', 'fill', join(ours.mountpoint, 'rows'), 1, 4);
    } catch (error) {
      await endAll(mounts);
      throw error;
    }
    const side = (mountpoint: string, call: Call, path: string, name: string) => {
      const count = place.scaled(call.count);
      return { name, amount: count, run: () => load('client', call.name, join(mountpoint, path), count) };
    };
    const measures = CALLS.map(
      (call): Measure => ({
        name: call.name,
        title: call.title,
        goal: { kind: 'speed', atLeast: call.atLeast },
        unit: 'calls/s',
        ours: side(ours.mountpoint, call, call.ours, 'VexFS'),
        peer: side(peer.mountpoint, call, call.peer, PEER),
      }),
    );
    return { measures, close: () => endAll(mounts) };
  },
};
