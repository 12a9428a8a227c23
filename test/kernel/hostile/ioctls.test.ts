import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MKFS, must } from '../../parity/backend/programs.js';
import { checkVolume } from '../../parity/check.js';
import { chosen } from '../../unit/volume/seeded.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../../vm/guest.js';
import { guestParts, guestTest, run } from '../../vm/guest_test.js';
import { SANITIZES } from '../../vm/sanitizing_kernel.js';

const program = fileURLToPath(new URL('./guest_ioctls.js', import.meta.url));
const SEED = chosen('VEXFS_HOSTILE_SEED', 1);
const COUNT = chosen('VEXFS_HOSTILE_IOCTLS', SANITIZES ? 100_000 : 10_000);
/** What docs/api.md and vss.h name */
const KNOWN = [
  ...[
    'ok',
    'closed',
    'EFAULT',
    'ENOTTY',
    'EBADF',
    'ENODATA',
    'EINVAL',
    'E2BIG',
    'EEXIST',
    'ENOENT',
    'ENOSPC',
  ],
  ...['EOPNOTSUPP', 'EOVERFLOW', 'EINTR', 'ENOMEM', 'EPERM'],
];

guestTest(
  'random ioctls beside truncations and closes are answered by an errno and leave a sound volume',
  async (t) => {
    t.timeout(3_600_000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-ioctls-'));
    try {
      const image = join(folder, 'volume.img');
      must(process.execPath, [MKFS, '-q', '--size', '64M', image]);
      const { code, output, collected } = await run({
        program: [
          ...[process.execPath, program, GUEST_DEVICE, GUEST_VOLUME],
          ...[guestParts().vssModule, String(SEED), String(COUNT)],
        ],
        disk: image,
        collect: ['answers'],
        seconds: 60 + COUNT / 200,
      });
      t.is(code, 0, output);
      const { answers, disturbed } = JSON.parse(collected.answers!.toString());
      t.log(JSON.stringify({ answers, disturbed }));
      t.deepEqual(
        Object.keys(answers).filter((name) => !KNOWN.includes(name)),
        [],
      );
      t.true(answers.ok > COUNT / 50 && disturbed.ok > 100);
      t.notThrows(() => checkVolume(image));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
