import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../../parity/backend/fuse.js';
import { checkVolume } from '../../parity/check.js';
import { storedContent, storedLog, storedSnapshot } from '../../parity/index/stored_snapshot.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../../vm/guest.js';
import { guestTest, run } from '../../vm/guest_test.js';
import { askIndexedFiles, INDEXED_FILES, makeIndexedFiles } from './indexed_files.js';

const program = fileURLToPath(new URL('./guest_indexes.js', import.meta.url));

async function inGuest(disk: string, what: 'make' | 'ask'): Promise<unknown> {
  const { code, output, collected } = await run({
    program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME, what],
    disk,
    collect: ['answers'],
    seconds: 240,
  });
  if (code !== 0) throw new Error(output);
  return JSON.parse(collected.answers!.toString());
}

guestTest(
  'the same calls, each followed by a wait, leave the same rows, logs and snapshots on both backends, and each opens those of the other',
  async (t) => {
    t.timeout(600_000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-indexes-'));
    const size = '128M';
    const byDaemon = new FuseBackend(mkdtempSync(join(folder, 'daemon-')), { size });
    const byModule = new FuseBackend(mkdtempSync(join(folder, 'module-')), { size });
    try {
      await byDaemon.mount();
      makeIndexedFiles(byDaemon.mountpoint);
      await byDaemon.remount();
      const answers = JSON.parse(JSON.stringify(askIndexedFiles(byDaemon.mountpoint)));
      await byDaemon.unmount();

      t.deepEqual(await inGuest(byModule.device, 'make'), answers);
      t.notThrows(() => checkVolume(byModule.device));
      for (const name of INDEXED_FILES) {
        const one = storedSnapshot(byDaemon.device, name);
        t.true(one.length > 0, name);
        t.true(Buffer.compare(one, storedSnapshot(byModule.device, name)) === 0, name);
        t.true(
          Buffer.compare(storedContent(byDaemon.device, name), storedContent(byModule.device, name)) === 0,
          name,
        );
        t.deepEqual(storedLog(byModule.device, name), storedLog(byDaemon.device, name), name);
      }

      t.deepEqual(await inGuest(byDaemon.device, 'ask'), answers);
      t.notThrows(() => checkVolume(byDaemon.device));
      await byModule.mount();
      t.deepEqual(JSON.parse(JSON.stringify(askIndexedFiles(byModule.mountpoint))), answers);
      await byModule.unmount();
      t.notThrows(() => checkVolume(byModule.device));
    } finally {
      await byDaemon.end();
      await byModule.end();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
