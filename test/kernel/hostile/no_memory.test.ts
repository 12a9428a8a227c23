import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ava from 'ava';
import { MKFS, must } from '../../parity/backend/programs.js';
import { checkVolume } from '../../parity/check.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../../vm/guest.js';
import { guestParts, guestTest, run } from '../../vm/guest_test.js';
import { SANITIZES } from '../../vm/sanitizing_kernel.js';
import { MEMORY_STEPS } from './memory_steps.js';

const program = fileURLToPath(new URL('./guest_no_memory.js', import.meta.url));
const TITLE =
  'whatever allocation of memory fails, the call fails with ENOMEM, changes nothing and harms nothing';

if (!SANITIZES) {
  ava.skip(`${TITLE} (only a kernel with fault injection can: --sanitize)`, () => {});
} else {
  guestTest(TITLE, async (t) => {
    t.timeout(3_600_000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-memory-'));
    try {
      const image = join(folder, 'volume.img');
      must(process.execPath, [MKFS, '-q', '--size', '64M', image]);
      const { code, output, dmesg, collected } = await run({
        program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME, guestParts().module],
        disk: image,
        collect: ['found'],
        seconds: 240,
      });
      t.is(code, 0, output);
      const { counts, complaints } = JSON.parse(collected.found!.toString());
      t.log(JSON.stringify(counts));
      t.deepEqual(complaints, []);
      for (const { name } of MEMORY_STEPS) t.true(counts[name] > 0, name);
      t.notRegex(dmesg, /vexfs \([^)]*\): (damaged|.*journal|.*read-only)|Aborting journal/);
      t.notThrows(() => checkVolume(image));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
