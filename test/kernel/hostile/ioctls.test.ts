import { chosen } from '../../unit/volume/seeded.js';
import { guestParts } from '../../vm/guest_test.js';
import { SANITIZES } from '../../vm/sanitizing_kernel.js';
import { hostileTest } from './hostile_test.js';
import { SUCCESSES } from './wild_ioctl.js';

const SEED = chosen('VEXFS_HOSTILE_SEED', 1);
const COUNT = chosen('VEXFS_HOSTILE_IOCTLS', SANITIZES ? 100_000 : 10_000);
/** What docs/api.md and vss.h name */
const KNOWN = [
  ...['ok', 'EFAULT', 'ENOTTY', 'EBADF', 'ENODATA', 'EINVAL', 'E2BIG', 'EEXIST', 'ENOENT', 'ENOSPC'],
  ...['EOPNOTSUPP', 'EOVERFLOW', 'EINTR', 'ENOMEM', 'EPERM'],
  ...SUCCESSES,
];

hostileTest('random ioctls beside truncations and closes are answered by an errno and leave a sound volume', {
  program: 'guest_ioctls.js',
  size: '64M',
  words: () => [guestParts().vssModule, SEED, COUNT],
  collect: ['answers'],
  seconds: 60 + COUNT / 200,
  judge(t, { collected }) {
    const { answers, disturbed } = JSON.parse(collected.answers!.toString());
    t.log(JSON.stringify({ answers, disturbed }));
    t.deepEqual(
      Object.keys(answers).filter((name) => !KNOWN.includes(name)),
      [],
    );
    t.deepEqual(
      SUCCESSES.filter((name) => !(answers[name] > 0)),
      [],
    );
    t.true(disturbed.ok > 100);
  },
});
