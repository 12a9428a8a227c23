import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MKFS, must } from '../parity/backend/programs.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../vm/guest.js';
import { guestTest, run } from '../vm/guest_test.js';

const program = fileURLToPath(new URL('./volume/guest_commits.js', import.meta.url));

guestTest('an attribute that does not fit beside others is refused without commits', async (t) => {
  t.timeout(300_000);
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-commits-'));
  try {
    const disk = join(folder, 'disk');
    must(process.execPath, [MKFS, '-q', '--size', '32M', disk]);
    const { code, output } = await run({
      program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME],
      disk,
      seconds: 120,
    });
    t.is(code, 0, output);
    const [said, commits] = output.trim().split(' ');
    t.is(said, 'ENOSPC');
    // The clock may ask for one now and then.
    t.true(Number(commits) < 10, output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
