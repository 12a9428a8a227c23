import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { assertClean, checkCrash } from '../../crash/check/crash_check.js';
import { CrashStates } from '../../crash/device/crash_states.js';
import { numbers } from '../../crash/power_cut.js';
import { pairs, sample, singles } from '../../crash/workload/choices.js';
import type { Recording } from '../../crash/workload/recording.js';
import { Tree } from '../../crash/workload/tree.js';
import { Seeded } from '../../unit/volume/seeded.js';
import { emptyImage } from '../../unit/volume/test_volume.js';
import { GUEST_EXCHANGE, GUEST_VOLUME } from '../../vm/guest.js';
import { rootGuestTest, run } from '../../vm/guest_test.js';
import { readWriteLog } from './write_log.js';

const program = fileURLToPath(new URL('./guest_recorded.js', import.meta.url));
const SINGLES = 24;
const LOG_BYTES = 512 << 20;
const GUEST_SECONDS = 60;
const SECONDS_A_WORKLOAD = 5;

/** In numbers of steps what was recorded in numbers of marks. */
function placed(recording: Recording, marks: ReadonlyMap<number, number>): Recording {
  const at = (mark: number): number => {
    const step = marks.get(mark);
    if (step === undefined) throw new Error(`the log has no mark ${mark}`);
    return step;
  };
  return {
    ...recording,
    from: at(recording.from),
    to: at(recording.to),
    // What comes out of a guest has lost its methods.
    snapshots: recording.snapshots.map(({ tree, begun }) => ({ tree: new Tree(tree), begun: at(begun) })),
    promises: recording.promises.map(({ returned, snapshot }) => ({ returned: at(returned), snapshot })),
  };
}

rootGuestTest(
  'whatever of the writes of the module a power cut leaves, the volume is sound, holds what was synced, and nothing in part',
  async (t) => {
    t.timeout(3_600_000);
    const { seed, pairs: count, perFlush } = numbers({ pairs: 12, perFlush: 3 });
    const choices = [...sample(singles(seed), SINGLES, seed), ...sample(pairs(seed, 1), count, seed)];
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-recorded-'));
    try {
      const images = join(folder, 'images');
      mkdirSync(images);
      const start = emptyImage({ blockSize: 4096, dataBlocks: 700, inodes: 128 });
      writeFileSync(join(images, 'volume'), start);
      writeFileSync(join(images, 'log'), '');
      truncateSync(join(images, 'log'), LOG_BYTES);
      const at = `${GUEST_EXCHANGE}/images`;
      const { code, output, collected } = await run({
        program: [process.execPath, program, `${at}/volume`, `${at}/log`, GUEST_VOLUME],
        files: { choices: serialize(choices) },
        folders: { images },
        returned: ['images'],
        modules: ['loop', 'dm-mod', 'dm-log-writes'],
        collect: ['recordings'],
        seconds: GUEST_SECONDS + SECONDS_A_WORKLOAD * choices.length,
      });
      t.is(code, 0, output);
      const { steps, marks } = readWriteLog(readFileSync(join(images, 'log')));
      const recordings = (deserialize(collected.recordings!) as Recording[]).map((recording) =>
        placed(recording, marks),
      );
      t.true(recordings.length > choices.length / 2);

      const whole = start.slice();
      for (const step of steps) if (step.kind === 'write') whole.set(step.data, step.position);
      t.true(readFileSync(join(images, 'volume')).equals(whole), 'the log has all that was written');
      assertClean(whole, 'after an unmount');

      let states = 0;
      const cuts = new CrashStates(start, steps.length, (index) => steps[index]!);
      cuts.visit(recordings, perFlush, new Seeded(seed), (bytes, recording, cut, touched) => {
        states += 1;
        try {
          checkCrash(bytes, recording, cut.at, touched);
        } catch (error) {
          throw new Error(
            `seed ${seed}, ${recording.text}: cut after step ${cut.at} of ${recording.from} to ${recording.to}, ${cut.what}\n` +
              `${(error as Error).stack}`,
          );
        }
      });
      t.log(`${states} states of ${recordings.length} workloads, ${steps.length} steps`);
      t.true(states > 4 * recordings.length);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
