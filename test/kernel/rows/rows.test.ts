import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../../parity/backend/fuse.js';
import { checkVolume } from '../../parity/check.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../../vm/guest.js';
import { guestTest, run } from '../../vm/guest_test.js';
import { changeRows, checkRows, type FileModel, newModel } from './change_rows.js';

const program = fileURLToPath(new URL('./guest_rows.js', import.meta.url));
const SEED = Number(process.env.VEXFS_TEST_SEED ?? 1);
const STEPS = 40;

async function changeInGuest(disk: string, model: readonly FileModel[], seed: number): Promise<FileModel[]> {
  const { code, output, collected } = await run({
    program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME, String(seed), String(STEPS)],
    disk,
    files: { model: JSON.stringify(model) },
    collect: ['model'],
    seconds: 120,
  });
  if (code !== 0) throw new Error(`seed ${seed}: ${output}`);
  return JSON.parse(collected.model!.toString()) as FileModel[];
}

for (const blockSize of ['4096', '1024']) {
  guestTest(
    `rows that daemon and module change in turn are what both have made of them, in blocks of ${blockSize}`,
    async (t) => {
      t.timeout(300_000);
      const folder = mkdtempSync(join(tmpdir(), 'vexfs-rows-'));
      const backend = new FuseBackend(folder, { size: '128M', mkfs: ['--block-size', blockSize] });
      try {
        let model = newModel();
        await backend.mount();
        for (const { name } of model) writeFileSync(join(backend.mountpoint, name), '');
        await backend.unmount();
        for (let round = 0; round < 2; round++) {
          model = await changeInGuest(backend.device, model, SEED * 100 + round * 2);
          t.notThrows(() => checkVolume(backend.device), `seed ${SEED}, after the module`);
          await backend.mount();
          t.deepEqual(checkRows(backend.mountpoint, model), [], `seed ${SEED}, what the module wrote`);
          changeRows(backend.mountpoint, model, SEED * 100 + round * 2 + 1, STEPS);
          t.deepEqual(checkRows(backend.mountpoint, model), []);
          await backend.unmount();
        }
        t.notThrows(() => checkVolume(backend.device));
      } finally {
        await backend.end();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
}
