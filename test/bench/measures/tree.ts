import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../../parity/backend/programs.js';
import type { Group, Measure } from '../measure.js';
import { endAll, startAll, timed, type Workplace } from '../workplace.js';

const SOURCES = '/usr/src';

/** A kernel's headers where they are installed, else those of the system. */
function sourceTree(): string {
  const headers = readdirSync(SOURCES).find((name) => /^linux-headers-.*-common$/.test(name));
  return headers === undefined ? '/usr/include' : join(SOURCES, headers);
}

/** Unpacking and removing a source tree, against passthrough_ll over ext4. */
export const tree: Group = {
  name: 'tree',
  measures: ['untar', 'rm'],
  async open(place: Workplace) {
    const source = sourceTree();
    const archive = place.path('tree.tar');
    must(
      'tar',
      ['-C', join(source, '..'), '-cf', archive, source.slice(source.lastIndexOf('/') + 1)],
      300_000,
    );
    const files = must('tar', ['-tf', archive]).split('\n').length - 1;
    place.format('4G');
    const mounts = await startAll([() => place.vexfs(), () => place.passthrough()]);
    const [ours, peer] = mounts as [(typeof mounts)[0], (typeof mounts)[0]];
    const name = source.slice(source.lastIndexOf('/') + 1);
    const names: [string, string] = ['VexFS', 'passthrough_ll over ext4'];
    const folders: [string, string] = [ours.mountpoint, peer.mountpoint];
    const both = (measure: string, title: string, run: (folder: string) => Promise<number>): Measure => ({
      name: measure,
      title: `${title} ${source}, ${files} files`,
      goal: { kind: 'time', atMost: 1.5 },
      unit: 's',
      ours: { name: names[0], amount: files, run: () => run(folders[0]) },
      peer: { name: names[1], amount: files, run: () => run(folders[1]) },
    });
    const unpack = (folder: string): Promise<number> => timed('tar', '-C', folder, '-xf', archive);
    const remove = (folder: string): Promise<number> => timed('rm', '-r', join(folder, name));
    return {
      measures: [
        both('untar', 'untar', async (folder) => {
          const seconds = await unpack(folder);
          await remove(folder);
          return seconds;
        }),
        both('rm', 'rm -r', async (folder) => {
          await unpack(folder);
          return remove(folder);
        }),
      ],
      close: () => endAll(mounts),
    };
  },
};
