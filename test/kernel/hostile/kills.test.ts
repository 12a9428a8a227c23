import { chosen } from '../../unit/volume/seeded.js';
import { SANITIZES } from '../../vm/sanitizing_kernel.js';
import { hostileTest } from './hostile_test.js';

const SEED = chosen('VEXFS_HOSTILE_SEED', 1);
const ROUNDS = chosen('VEXFS_HOSTILE_KILLS', SANITIZES ? 10 : 1);

hostileTest(
  'processes killed in the middle of everything, and a search whose mount goes, leave a sound volume',
  {
    program: 'guest_kills.js',
    size: '256M',
    words: () => [SEED, ROUNDS],
    collect: ['complaints'],
    seconds: 60 + 180 * ROUNDS,
    memory: '1024M',
    judge(t, { collected }) {
      t.deepEqual(JSON.parse(collected.complaints!.toString()), []);
    },
  },
);
