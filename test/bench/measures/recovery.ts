import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Group } from '../measure.js';
import { load, type Mount, program, type Workplace } from '../workplace.js';

const FILES = 1_000_000;
/** Long enough for changes to go round the whole journal. */
const CHANGING_MS = 6000;

/** From the start of the daemon to the first answer, after kill -9 in the middle of changes all over a full volume. */
export const recovery: Group = {
  name: 'recovery',
  measures: ['mount'],
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
    const run = async (): Promise<number> => {
      const changing = spawn(program('client'), ['touch', mount.mountpoint, String(files)], {
        stdio: 'ignore',
      });
      await sleep(CHANGING_MS);
      await mount.kill();
      changing.kill('SIGKILL');
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
      ],
      close: () => mount.end(),
    };
  },
};
