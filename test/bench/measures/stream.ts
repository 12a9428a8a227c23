import { join } from 'node:path';
import type { Group, Measure } from '../measure.js';
import { endAll, load, startAll, type Workplace } from '../workplace.js';

const BYTES = 1 << 30;
const SIZES = [
  { name: '128k', bytes: 128 << 10 },
  { name: '1m', bytes: 1 << 20 },
];
const KINDS = ['write', 'read'] as const;

/** Sequential writing with one fsync, and reading, against passthrough_ll over ext4. */
export const stream: Group = {
  name: 'stream',
  measures: SIZES.flatMap((size) => KINDS.map((kind) => `${kind}-${size.name}`)),
  async open(place: Workplace) {
    place.format('6G');
    const mounts = await startAll([() => place.vexfs(), () => place.passthrough()]);
    const [ours, peer] = mounts as [(typeof mounts)[0], (typeof mounts)[0]];
    const bytes = Math.max(1, Math.floor(BYTES / place.shrink / (1 << 20))) << 20;
    const side = (name: string, mountpoint: string, kind: string, call: number) => ({
      name,
      amount: bytes / 1e6,
      run: () => load('stream', kind, join(mountpoint, 'stream'), bytes, call),
    });
    const measures = SIZES.flatMap((size) =>
      KINDS.map(
        (kind): Measure => ({
          name: `${kind}-${size.name}`,
          title: `${bytes / 2 ** 20} MiB sequential ${kind}${kind === 'write' ? ' + fsync' : ''}, ${size.bytes >> 10} KiB calls`,
          goal: { kind: 'speed', atLeast: 0.8 },
          unit: 'MB/s',
          ours: side('VexFS', ours.mountpoint, kind, size.bytes),
          peer: side('passthrough_ll over ext4', peer.mountpoint, kind, size.bytes),
        }),
      ),
    );
    return { measures, close: () => endAll(mounts) };
  },
};
