import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMounted } from '@vexfs/fuse/mount';
import test from 'ava';
import { MKFS, must } from '../backend/programs.js';
import { checkVolume } from '../check.js';
import { insert, nearestIds, setMeta } from '../client/vector_calls.js';
import { Daemon } from './daemon.js';

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test.serial(
    `${signal} unmounts, commits everything and ends with 0, also while files are open`,
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'vexfs-signal-'));
      const mountpoint = join(folder, 'mnt');
      const device = join(folder, 'volume.img');
      mkdirSync(mountpoint);
      must(process.execPath, [MKFS, '-q', '--size', '48M', device]);
      let daemon = await Daemon.start(device, mountpoint);
      try {
        const held = openSync(join(mountpoint, 'held'), 'w');
        writeSync(held, 'written and not synced');
        const rows = openSync(join(mountpoint, 'rows'), 'wx+');
        t.is(setMeta(rows, { dimensions: 2 }), 'ok');
        t.is(insert(rows, new Float32Array(200), { dimensions: 2 }), 'ok');
        daemon.process.kill(signal);
        t.is(await daemon.end(), '0', daemon.output);
        t.false(isMounted(mountpoint));
        for (const fd of [held, rows]) {
          try {
            closeSync(fd);
          } catch {
            // The descriptors are those of a filesystem that has ended.
          }
        }
        checkVolume(device);
        daemon = await Daemon.start(device, mountpoint);
        t.is(readFileSync(join(mountpoint, 'held'), 'utf8'), 'written and not synced');
        const again = openSync(join(mountpoint, 'rows'), 'r+');
        t.is(nearestIds(again, [0, 0]).length, 100);
        closeSync(again);
        writeFileSync(join(mountpoint, 'new'), '');
      } finally {
        await daemon.destroy();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
}
