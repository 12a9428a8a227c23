import { join } from 'node:path';
import type { Group, Measure } from '../measure.js';
import { load, timed, type Workplace } from '../workplace.js';

const FILES = 100_000;

/** Listing a large folder with the attributes of its files, warm, against ext4 itself. */
export const listing: Group = {
  name: 'listing',
  measures: ['find', 'ls'],
  async open(place: Workplace) {
    place.format('4G');
    const mount = await place.vexfs();
    const plain = place.plain('ext4');
    const files = place.scaled(FILES);
    try {
      await load('client', 'fill', mount.mountpoint, files);
    } catch (error) {
      await mount.end();
      throw error;
    }
    await load('client', 'fill', plain, files);
    const both = (
      name: string,
      title: string,
      atMost: number,
      words: (folder: string) => string[],
    ): Measure => {
      const side = (who: string, parent: string) => ({
        name: who,
        amount: files,
        run: () => timed('sh', '-c', '"$@" > /dev/null', 'sh', ...words(join(parent, 'd0'))),
      });
      return {
        name,
        title: `${title} of ${files} files`,
        goal: { kind: 'time', atMost },
        unit: 's',
        ours: side('VexFS', mount.mountpoint),
        peer: side('ext4', plain),
      };
    };
    return {
      measures: [
        both('find', 'warm find -printf %s', 1.5, (folder) => ['find', folder, '-printf', '%s\\n']),
        both('ls', 'warm ls -l', 3, (folder) => ['ls', '-l', folder]),
      ],
      close: () => mount.end(),
    };
  },
};
