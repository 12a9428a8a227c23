import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../parity/backend/fuse.js';
import { checkVolume } from '../parity/check.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../vm/guest.js';
import { rootGuestTest, run } from '../vm/guest_test.js';
import { fill } from './volume/fill.js';
import { settle } from './volume/settle.js';
import { type Survey, survey } from './volume/survey.js';

const program = fileURLToPath(new URL('./volume/guest_survey.js', import.meta.url));

async function surveyInGuest(disk: string, diskReadOnly = false): Promise<Survey> {
  const { code, output, collected } = await run({
    program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME],
    disk,
    diskReadOnly,
    collect: ['survey'],
    seconds: 120,
  });
  if (code !== 0) throw new Error(output);
  return JSON.parse(collected.survey!.toString()) as Survey;
}

function withFolder(work: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-kernel-'));
    try {
      await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

for (const [blockSize, size] of [
  ['4096', '256M'],
  ['1024', '128M'],
] as const) {
  rootGuestTest(
    `a volume that the daemon wrote in blocks of ${blockSize} reads the same through the kernel`,
    async (t) => {
      t.timeout(300_000);
      await withFolder(async (folder) => {
        const backend = new FuseBackend(folder, { size, mkfs: ['--block-size', blockSize] });
        try {
          await backend.mount();
          fill(backend.mountpoint);
          await settle(backend.mountpoint);
          await backend.remount();
          const expected = survey(backend.mountpoint);
          await backend.unmount();
          const found = await surveyInGuest(backend.device, true);
          t.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
          for (const path of Object.keys(expected)) t.deepEqual(found[path], expected[path], path);
          t.notThrows(() => checkVolume(backend.device));
        } finally {
          await backend.end();
        }
      })();
    },
  );
}

rootGuestTest('a journal that the daemon left is replayed by the kernel as by the daemon', async (t) => {
  t.timeout(300_000);
  await withFolder(async (folder) => {
    const backend = new FuseBackend(folder, { size: '256M' });
    const copy = join(folder, 'copy.img');
    try {
      await backend.mount();
      fill(backend.mountpoint);
      await backend.crash();
      copyFileSync(backend.device, copy);
      await backend.mount(['ro']);
      const expected = survey(backend.mountpoint);
      await backend.unmount();
      const found = await surveyInGuest(copy);
      for (const path of Object.keys(expected)) t.deepEqual(found[path], expected[path], path);
      t.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
      t.notThrows(() => checkVolume(copy));
    } finally {
      await backend.end();
    }
  })();
});
