import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { recover } from '@vexfs/fuse/journal';
import { FileDevice } from '@vexfs/fuse/system';
import { readSuperblock } from '@vexfs/fuse/volume';
import type { Group } from '../measure.js';
import { load, type Mount, program, type Workplace } from '../workplace.js';

const FILES = 1_000_000;
/** Long enough for changes to go round the whole journal. */
const CHANGING_MS = 6000;

/** Mebibytes of metadata that the journal of an image holds beyond what is in place. */
function journaled(image: string): number {
  const device = FileDevice.open(image, { readOnly: true });
  try {
    const { journalStart, journalBlocks, blockSize, totalBlocks } = readSuperblock(device).geometry;
    const area = { start: journalStart, blocks: journalBlocks, blockSize };
    const { contents } = recover(device, area, totalBlocks, { dryRun: true });
    return (contents.size * blockSize) / 2 ** 20;
  } finally {
    device.close();
  }
}

/** From the start of the daemon to the first answer, after kill -9 in the middle of changes all over a full volume. */
export const recovery: Group = {
  name: 'recovery',
  measures: ['mount', 'replayed'],
  async open(place: Workplace) {
    const files = place.scaled(FILES);
    place.format('17G');
    let mount: Mount = await place.vexfs();
    try {
      await load('client', 'fill', mount.mountpoint, files);
    } catch (error) {
      await mount.end();
      throw error;
    }
    let replayed = 0;
    const run = async (): Promise<number> => {
      const changing = spawn(program('client'), ['touch', mount.mountpoint, String(files)], {
        stdio: 'ignore',
      });
      await sleep(CHANGING_MS);
      await mount.kill();
      changing.kill('SIGKILL');
      replayed = journaled(place.path('volume.img'));
      const start = performance.now();
      mount = await place.vexfs();
      statSync(join(mount.mountpoint, 'd0', 'f0'));
      return (performance.now() - start) / 1000;
    };
    return {
      measures: [
        {
          name: 'mount',
          title: `mount after kill -9 with a full journal, ${files} files`,
          goal: { kind: 'seconds', below: 3 },
          unit: 's',
          ours: { name: 'VexFS', amount: 1, run },
        },
        {
          name: 'replayed',
          title: 'metadata that the last of these mounts replayed',
          goal: { kind: 'figure' },
          unit: 'MiB',
          ours: { name: 'VexFS', amount: 1, run: () => replayed },
          mostRounds: 1,
        },
      ],
      close: () => mount.end(),
    };
  },
};
