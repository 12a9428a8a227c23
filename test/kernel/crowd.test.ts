import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../parity/backend/fuse.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../vm/guest.js';
import { rootGuestTest, run } from '../vm/guest_test.js';
import { fill } from './volume/fill.js';

const program = fileURLToPath(new URL('./volume/guest_crowd.js', import.meta.url));

rootGuestTest('processes that read and search at once find the same while caches are dropped', async (t) => {
  t.timeout(400_000);
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-crowd-'));
  const backend = new FuseBackend(folder, { size: '256M' });
  try {
    await backend.mount();
    fill(backend.mountpoint);
    await backend.unmount();
    const { code, output, collected } = await run({
      program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME],
      disk: backend.device,
      collect: ['crowd'],
      seconds: 240,
      memory: '1024M',
    });
    t.is(code, 0, output);
    const { found, unmounted, drops } = JSON.parse(collected.crowd!.toString());
    t.is(found.length, 1, found.join('\n'));
    t.regex(found[0], /^[0-9a-f]{64}$/);
    t.is(unmounted, 'ok');
    t.true(drops > 10, `caches were dropped ${drops} times`);
  } finally {
    await backend.end();
    rmSync(folder, { recursive: true, force: true });
  }
});
