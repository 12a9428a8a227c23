import test from 'ava';
import { guestParts } from '../../vm/guest_test.js';
import { hostileTest } from './hostile_test.js';
import { growing } from './slab_objects.js';

const LOADS = 100;
const MOUNTS = 200;

hostileTest(`${LOADS} loads and ${MOUNTS} mounts leave no slab objects behind`, {
  program: 'guest_loops.js',
  size: '32M',
  words: () => [guestParts().module, guestParts().vssModule, LOADS, MOUNTS],
  collect: ['growth'],
  seconds: 240,
  judge(t, { collected }) {
    t.deepEqual(JSON.parse(collected.growth!.toString()), { loads: [], mounts: [] });
  },
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
