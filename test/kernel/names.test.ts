import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../parity/backend/fuse.js';
import { checkVolume } from '../parity/check.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../vm/guest.js';
import { rootGuestTest, run } from '../vm/guest_test.js';
import { type Survey, survey } from './volume/survey.js';

const program = fileURLToPath(new URL('./volume/guest_tree.js', import.meta.url));
const crowded = fileURLToPath(new URL('./volume/guest_many.js', import.meta.url));
const STEPS = 1_500;

for (const [blockSize, seed] of [
  ['4096', 1],
  ['1024', 2],
] as const) {
  rootGuestTest(
    `names that the kernel made, moved and removed in blocks of ${blockSize} are the same to the daemon`,
    async (t) => {
      t.timeout(300_000);
      const folder = mkdtempSync(join(tmpdir(), 'vexfs-names-'));
      const backend = new FuseBackend(folder, { size: '96M', mkfs: ['--block-size', blockSize] });
      try {
        const { code, output, collected } = await run({
          program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME, `${seed}`, `${STEPS}`],
          disk: backend.device,
          collect: ['survey'],
          seconds: 120,
        });
        t.is(code, 0, output);
        t.notThrows(() => checkVolume(backend.device));
        await backend.mount(['ro']);
        const found = JSON.parse(collected.survey!.toString()) as Survey;
        const seen = survey(backend.mountpoint);
        t.deepEqual(Object.keys(found).sort(), Object.keys(seen).sort());
        for (const path of Object.keys(seen)) t.deepEqual(found[path], seen[path], path);
      } finally {
        await backend.end();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
}

rootGuestTest(
  '10,000 names in one directory and a full volume come and go in the kernel without a trace',
  async (t) => {
    t.timeout(300_000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-names-'));
    const backend = new FuseBackend(folder, { size: '48M', mkfs: ['--inodes', '16384'] });
    try {
      const { code, output, collected } = await run({
        program: [process.execPath, crowded, GUEST_DEVICE, GUEST_VOLUME],
        disk: backend.device,
        collect: ['seen'],
        seconds: 200,
      });
      t.is(code, 0, output);
      t.log(output.trim());
      t.deepEqual(JSON.parse(collected.seen!.toString()), {
        mount: 'ok',
        created: 10_000,
        left: 5_000,
        blocksAndInodesBack: true,
        content: 'ENOSPC',
        names: 'ENOSPC',
        removed: 'ok',
        blocksAndInodesBackAgain: true,
        unmount: 'ok',
      });
      t.notThrows(() => checkVolume(backend.device));
    } finally {
      await backend.end();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
