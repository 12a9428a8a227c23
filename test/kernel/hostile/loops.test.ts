import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { MKFS, must } from '../../parity/backend/programs.js';
import { checkVolume } from '../../parity/check.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../../vm/guest.js';
import { guestParts, guestTest, run } from '../../vm/guest_test.js';
import { growing } from './slab_objects.js';

const program = fileURLToPath(new URL('./guest_loops.js', import.meta.url));
const LOADS = 100;
const MOUNTS = 200;

guestTest(`${LOADS} loads and ${MOUNTS} mounts leave no slab objects behind`, async (t) => {
  t.timeout(3_600_000);
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-loops-'));
  try {
    const image = join(folder, 'volume.img');
    must(process.execPath, [MKFS, '-q', '--size', '32M', image]);
    const { module, vssModule } = guestParts();
    const words = [GUEST_DEVICE, GUEST_VOLUME, module, vssModule, String(LOADS), String(MOUNTS)];
    const { code, output, collected } = await run({
      program: [process.execPath, program, ...words],
      disk: image,
      collect: ['growth'],
      seconds: 240,
    });
    t.is(code, 0, output);
    t.deepEqual(JSON.parse(collected.growth!.toString()), { loads: [], mounts: [] });
    t.notThrows(() => checkVolume(image));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a cache that gets an object a round is found, one that only once gets many is not', (t) => {
  const counts = [100, 130, 160].map((leaking, i) => {
    const entries: Array<[string, number]> = [
      ['leaking', leaking],
      ['grown', i === 0 ? 10 : 500],
    ];
    return new Map(entries);
  });
  t.deepEqual(growing(counts, 30), ['leaking: 100, 130, 160 objects']);
});
