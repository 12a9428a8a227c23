import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MKFS, must } from '../../parity/backend/programs.js';
import { checkVolume } from '../../parity/check.js';
import { chosen } from '../../unit/volume/seeded.js';
import { GUEST_EXCHANGE, GUEST_VOLUME } from '../../vm/guest.js';
import { guestTest, run } from '../../vm/guest_test.js';
import { SANITIZES } from '../../vm/sanitizing_kernel.js';

const program = fileURLToPath(new URL('./guest_failing_device.js', import.meta.url));
const SEED = chosen('VEXFS_HOSTILE_SEED', 1);
const ROUNDS = chosen('VEXFS_HOSTILE_FAILURES', SANITIZES ? 20 : 3);

guestTest(
  'a device that begins to fail makes the volume read-only, with all that was synced readable',
  async (t) => {
    t.timeout(3_600_000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-failing-'));
    try {
      const images = join(folder, 'images');
      mkdirSync(images);
      must(process.execPath, [MKFS, '-q', '--size', '64M', join(images, 'volume')]);
      const words = [`${GUEST_EXCHANGE}/images/volume`, GUEST_VOLUME, String(SEED), String(ROUNDS)];
      const { code, output, collected } = await run({
        program: [process.execPath, program, ...words],
        folders: { images },
        modules: ['loop', 'dm-mod', 'dm-flakey'],
        collect: ['found', 'images/volume'],
        seconds: 60 + 20 * ROUNDS,
      });
      t.is(code, 0, output);
      const { complaints, errors } = JSON.parse(collected.found!.toString());
      t.log(JSON.stringify(errors));
      t.deepEqual(complaints, []);
      const after = join(folder, 'after.img');
      writeFileSync(after, collected['images/volume']!);
      t.notThrows(() => checkVolume(after));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
