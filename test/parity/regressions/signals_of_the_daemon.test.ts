import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isMounted } from '@vexfs/fuse/mount';
import type { ExecutionContext } from 'ava';
import { DaemonProcess } from '../backend/daemon_process.js';
import { MKFS, must, run } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { checkVolume } from '../check.js';
import { insert, nearestIds, setMeta } from '../client/vector_calls.js';

const { test, backend, scratch, fresh, open, close } = paritySuite({ size: '48M' });

async function testSignal(t: ExecutionContext, signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): Promise<void> {
  const folder = mkdtempSync(join(scratch, 'signal-'));
  const mountpoint = join(folder, 'mnt');
  const device = join(folder, 'volume.img');
  mkdirSync(mountpoint);
  must(process.execPath, [MKFS, '-q', '--size', '48M', device]);
  let daemon = await DaemonProcess.serving(device, mountpoint);
  try {
    const held = openSync(join(mountpoint, 'held'), 'w');
    writeSync(held, 'written and not synced');
    const rows = openSync(join(mountpoint, 'rows'), 'wx+');
    t.is(setMeta(rows, { dimensions: 2 }), 'ok');
    t.is(insert(rows, new Float32Array(200), { dimensions: 2 }), 'ok');
    daemon.kill(signal);
    t.is((await daemon.finish(20_000)).how, '0', daemon.output);
    t.false(isMounted(mountpoint));
    for (const fd of [held, rows]) {
      try {
        closeSync(fd);
      } catch {
        // The descriptors are those of a filesystem that has ended.
      }
    }
    checkVolume(device);
    daemon = await DaemonProcess.serving(device, mountpoint);
    t.is(readFileSync(join(mountpoint, 'held'), 'utf8'), 'written and not synced');
    const again = openSync(join(mountpoint, 'rows'), 'r+');
    t.is(nearestIds(again, [0, 0]).length, 100);
    closeSync(again);
    writeFileSync(join(mountpoint, 'new'), '');
  } finally {
    run('umount', ['-l', mountpoint]);
    await daemon.finish(3_000);
  }
}

if (backend.isProcess) {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    test(`${signal} unmounts, commits everything and ends with 0, also while files are open`, (t) =>
      testSignal(t, signal));
} else {
  test('no process serves the mount that a signal could end: while a file is open umount is refused', (t) => {
    const fd = open(fresh());
    t.regex(run('umount', [backend.mountpoint]).stderr, /target is busy/);
    writeSync(fd, 'goes on');
  });
}

test('a mount that is detached while files are open goes on for them, and is complete after the last', async (t) => {
  const [held, rows] = [fresh(), fresh()];
  const [fd, set] = [open(held), open(rows)];
  t.is(setMeta(set, { dimensions: 2 }), 'ok');
  const ended = await backend.detach();
  writeSync(fd, 'written and not synced');
  t.is(insert(set, new Float32Array(200), { dimensions: 2 }), 'ok');
  close(fd);
  close(set);
  await ended();
  checkVolume(backend.device);
  await backend.mount();
  t.is(readFileSync(held, 'utf8'), 'written and not synced');
  t.is(nearestIds(open(rows), [0, 0]).length, 100);
});
