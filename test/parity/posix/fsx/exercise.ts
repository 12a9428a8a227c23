import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VolumeChoice } from '../../backend/backend.js';
import { must } from '../../backend/programs.js';
import { paritySuite } from '../../backend/suite.js';
import { testRefusal } from '../../block_sizes/refused.js';

/** From dist/parity/posix/fsx to the source beside this file's. */
const SOURCE = fileURLToPath(new URL('../../../../parity/posix/fsx/fsx.c', import.meta.url));
/** Steps between two mounts. VEXFS_FSX_STEPS and VEXFS_FSX_SEED make longer and other runs. */
const STEPS = Number(process.env.VEXFS_FSX_STEPS ?? 400);
const SEED = Number(process.env.VEXFS_FSX_SEED ?? 1);

/**
 * Random reads, writes, stores through mappings, truncations, holes, allocations and copies within a file: after each the bytes
 * are those of a copy in memory, also after a remount.
 */
export function exerciseFiles(choice: VolumeChoice): void {
  const suite = paritySuite(choice);
  const { test, backend, scratch, fresh } = suite;
  if ((choice.blockSize ?? 0) > backend.largestBlock) {
    testRefusal(suite, choice.blockSize!);
    return;
  }
  const program = join(scratch, 'fsx');
  test.before('the program is there', () => {
    must('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, SOURCE], 60_000);
  });
  for (const seed of [SEED, SEED + 1]) {
    test(`random reads, writes, stores, cuts and copies agree with a copy in memory, seed ${seed}`, async (t) => {
      t.timeout(90_000);
      const path = fresh();
      await t.notThrowsAsync(async () => {
        for (let part = 0; part < 3; part++) {
          must(program, [path, `${seed}`, `${STEPS}`, `${part * STEPS}`], 80_000);
          await backend.remount();
        }
        must(program, [path, `${seed}`, '1', `${3 * STEPS}`], 80_000);
      });
    });
  }
}
