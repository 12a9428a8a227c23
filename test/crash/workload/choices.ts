import { Seeded } from '../../unit/volume/seeded.js';
import { OPERATIONS } from './operations.js';
import { SYNCS, type WorkloadChoice } from './recording.js';

/** Every operation alone, with everything that may follow it. */
export function singles(seed: number): WorkloadChoice[] {
  return OPERATIONS.flatMap((operation, i) =>
    SYNCS.map((sync, j) => ({ seed: seed * 1_000_003 + i * 97 + j, steps: [{ operation, sync }] })),
  );
}

/** Every ordered pair of operations, `each` times with syncs that the seed chooses. */
export function pairs(seed: number, each: number): WorkloadChoice[] {
  const random = new Seeded(seed);
  const chosen: WorkloadChoice[] = [];
  for (const first of OPERATIONS) {
    for (const second of OPERATIONS) {
      for (let i = 0; i < each; i++) {
        const steps = [first, second].map((operation) => ({ operation, sync: random.of(SYNCS) }));
        chosen.push({ seed: random.bits(), steps });
      }
    }
  }
  return chosen;
}

/** `count` of a list, in an order that the seed chooses. */
export function sample<T>(list: readonly T[], count: number, seed: number): T[] {
  const random = new Seeded(seed);
  const left = [...list];
  const taken: T[] = [];
  while (taken.length < count && left.length > 0) taken.push(...left.splice(random.below(left.length), 1));
  return taken;
}
