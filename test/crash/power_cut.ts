import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chosen, Seeded } from '../unit/volume/seeded.js';
import { emptyImage, type VolumeChoices } from '../unit/volume/test_volume.js';
import { assertClean, assertState, checkCrash } from './check/crash_check.js';
import { CrashStates } from './device/crash_states.js';
import { RecordedDisk } from './device/recorded_disk.js';
import { ServedVolume } from './device/served_volume.js';
import { readMount } from './workload/found.js';
import { forget, type Recording, record, type WorkloadChoice } from './workload/recording.js';

/** Workloads of one mount: their log has to fit into memory. */
const BATCH = 120;

export interface Plan {
  readonly volume: VolumeChoices;
  readonly workloads: readonly WorkloadChoice[];
  /** States for each flush. */
  readonly perFlush: number;
  /** Of how many states one is mounted by the daemon too. */
  readonly mountEvery: number;
  readonly seed: number;
}

export interface Tally {
  workloads: number;
  states: number;
  mounted: number;
  recordSeconds: number;
  checkSeconds: number;
}

export function tallyText({ workloads, states, mounted, recordSeconds, checkSeconds }: Tally): string {
  return (
    `${states} states of ${workloads} workloads, ${mounted} of them mounted; ` +
    `${recordSeconds.toFixed(0)} s to record, ${checkSeconds.toFixed(0)} s to check`
  );
}

/** How a failure is repeated, by the number of the workload. */
function howToRepeat(plan: Plan, index: number): string {
  return `repeat with VEXFS_TEST_SEED=${plan.seed} VEXFS_CRASH_ONLY=${index}`;
}

/**
 * Does workloads on a volume that the daemon has mounted from a recorded disk, then cuts the power in every way that the plan
 * asks for and checks what is left. Throws an Error for the first state that is wrong; with VEXFS_CRASH_KEEP=FILE its
 * bytes are kept there.
 */
export async function cutPower(plan: Plan): Promise<Tally> {
  const root = mkdtempSync(join(tmpdir(), 'vexfs-cut-'));
  const only = process.env.VEXFS_CRASH_ONLY;
  const numbered = plan.workloads.map((choice, index) => ({ choice, index }));
  const wanted = only === undefined ? numbered : numbered.filter(({ index }) => index === Number(only));
  const tally: Tally = { workloads: 0, states: 0, mounted: 0, recordSeconds: 0, checkSeconds: 0 };
  const disk = await RecordedDisk.create(root, emptyImage(plan.volume));
  try {
    for (let first = 0; first < wanted.length; first += BATCH)
      await runBatch(root, disk, plan, wanted.slice(first, first + BATCH), tally);
    return tally;
  } finally {
    await disk.end();
    rmSync(root, { recursive: true, force: true });
  }
}

interface Numbered {
  readonly choice: WorkloadChoice;
  readonly index: number;
}

type Done = Recording & { readonly index: number };

async function runBatch(
  root: string,
  disk: RecordedDisk,
  plan: Plan,
  batch: readonly Numbered[],
  tally: Tally,
): Promise<void> {
  const begin = performance.now();
  disk.log.clear();
  const start = disk.log.image.slice();
  const recordings = await recordAll(root, disk, batch, plan);
  const middle = performance.now();
  const random = new Seeded(plan.seed ^ (batch[0]?.index ?? 0));
  const samples: Array<{ image: Uint8Array; recording: Done; at: number; what: string }> = [];
  const states = new CrashStates(start, disk.log.count, (index) => disk.log.step(index));
  states.visit(recordings, plan.perFlush, random, (image, recording, { at, what }, touched) => {
    tally.states += 1;
    if (tally.states % plan.mountEvery === 0) samples.push({ image: image.slice(), recording, at, what });
    explained(plan, recording, at, what, image, () => checkCrash(image, recording, at, touched));
  });
  for (const { image, recording, at, what } of samples) {
    await mountState(root, image, recording, at, (work) =>
      explained(plan, recording, at, `${what}, mounted`, image, work),
    );
    tally.mounted += 1;
  }
  tally.workloads += recordings.length;
  tally.recordSeconds += (middle - begin) / 1000;
  tally.checkSeconds += (performance.now() - middle) / 1000;
}

/** Runs a check; its complaint gets where it was and how it is repeated. */
function explained(
  plan: Plan,
  recording: Done,
  at: number,
  what: string,
  image: Uint8Array,
  check: () => void,
): void {
  const before = process.env.VEXFS_CRASH_KEEP === undefined ? undefined : image.slice();
  try {
    check();
  } catch (error) {
    if (before !== undefined) writeFileSync(process.env.VEXFS_CRASH_KEEP!, before);
    const { index, from, to, text, promises, snapshots } = recording;
    throw new Error(
      `workload ${index} (${text}), steps ${from} to ${to} of the disk, cut after ${at} with ${what}\n` +
        `begun at ${snapshots.map(({ begun }) => begun).join(', ')}, promised at ` +
        `${promises.map(({ returned, snapshot }) => `${returned} (${snapshot})`).join(', ')}\n` +
        `${howToRepeat(plan, index)}\n${(error as Error).stack}`,
      { cause: error },
    );
  }
}

/** Does the workloads of a batch through one mount, each in a folder that is removed before the next begins. */
async function recordAll(
  root: string,
  disk: RecordedDisk,
  batch: readonly Numbered[],
  plan: Plan,
): Promise<Done[]> {
  const mountpoint = join(root, 'mnt');
  mkdirSync(mountpoint, { recursive: true });
  const served = await ServedVolume.start(disk.path, mountpoint);
  if (!(served instanceof ServedVolume)) throw new Error(`the volume was not mounted: ${served.output}`);
  const recordings: Done[] = [];
  try {
    for (const { choice, index } of batch) {
      const name = `w${index}`;
      try {
        const recording = record(disk, mountpoint, name, choice);
        if (recording !== undefined) recordings.push({ ...recording, index });
        forget(mountpoint, name);
      } catch (error) {
        const what = choice.steps.map(({ operation, sync }) => `${operation}, ${sync}`).join('; ');
        throw new Error(
          `workload ${index} (${what}); ${howToRepeat(plan, index)}\n${(error as Error).stack}`,
          {
            cause: error,
          },
        );
      }
    }
    const { how, output } = await served.unmount();
    if (how !== '0' || output !== '') throw new Error(`the daemon ended with ${how}: ${output}`);
    assertClean(disk.log.image, 'after an unmount');
    return recordings;
  } finally {
    await served.destroy();
  }
}

/** Mounts a state as after a reboot and looks at it through system calls. */
async function mountState(
  root: string,
  image: Uint8Array,
  recording: Recording,
  at: number,
  explain: (check: () => void) => void,
): Promise<void> {
  const path = join(root, 'state.img');
  const mountpoint = join(root, 'state');
  mkdirSync(mountpoint, { recursive: true });
  writeFileSync(path, image);
  const served = await ServedVolume.start(path, mountpoint);
  explain(() => {
    if (!(served instanceof ServedVolume)) throw new Error(`the volume was not mounted: ${served.output}`);
  });
  if (!(served instanceof ServedVolume)) return;
  try {
    explain(() => {
      assertState(readMount(join(mountpoint, recording.folder)), recording, at);
    });
    const { how, output } = await served.unmount();
    explain(() => {
      if (how !== '0') throw new Error(`the daemon ended with ${how}: ${output}`);
    });
  } finally {
    await served.destroy();
    rmSync(path, { force: true });
  }
}

/** Numbers that the environment may change: VEXFS_TEST_SEED, VEXFS_CRASH_PAIRS (workloads of two), VEXFS_CRASH_STATES (for each flush). */
export function numbers(usual: { pairs: number; perFlush: number }): {
  seed: number;
  pairs: number;
  perFlush: number;
} {
  return {
    seed: chosen('VEXFS_TEST_SEED', 1),
    pairs: chosen('VEXFS_CRASH_PAIRS', usual.pairs),
    perFlush: chosen('VEXFS_CRASH_STATES', usual.perFlush),
  };
}
