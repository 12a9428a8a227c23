import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MKFS, must } from '../../parity/backend/programs.js';
import { checkVolume } from '../../parity/check.js';
import { chosen } from '../../unit/volume/seeded.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../../vm/guest.js';
import { guestTest, run } from '../../vm/guest_test.js';
import { SANITIZES } from '../../vm/sanitizing_kernel.js';

const program = fileURLToPath(new URL('./guest_kills.js', import.meta.url));
const SEED = chosen('VEXFS_HOSTILE_SEED', 1);
const ROUNDS = chosen('VEXFS_HOSTILE_KILLS', SANITIZES ? 10 : 1);

guestTest(
  'processes killed in the middle of everything, and a search whose mount goes, leave a sound volume',
  async (t) => {
    t.timeout(3_600_000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-kills-'));
    try {
      const image = join(folder, 'volume.img');
      must(process.execPath, [MKFS, '-q', '--size', '256M', image]);
      const { code, output, collected } = await run({
        program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME, String(SEED), String(ROUNDS)],
        disk: image,
        collect: ['complaints'],
        seconds: 60 + 60 * ROUNDS,
        memory: '1024M',
      });
      t.is(code, 0, output);
      t.deepEqual(JSON.parse(collected.complaints!.toString()), []);
      t.notThrows(() => checkVolume(image));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
