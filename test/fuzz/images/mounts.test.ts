import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileDevice } from '@vexfs/fuse/system';
import { checkVolume } from '@vexfs/mkfs/fsck';
import test from 'ava';
import { FuseBackend } from '../../parity/backend/fuse.js';
import { FSCK, runNode } from '../../parity/backend/programs.js';
import { chosen, Seeded } from '../../unit/volume/seeded.js';
import { ImagePool } from './image_case.js';
import { walkMount } from './mounted_walk.js';
import { processorMs } from './processor_time.js';

/** Another run: VEXFS_FUZZ_SEED=5000 VEXFS_FUZZ_MOUNTS=1000 npx ava dist/fuzz/images/mounts.test.js */
const first = chosen('VEXFS_FUZZ_SEED', 1);
const count = chosen('VEXFS_FUZZ_MOUNTS', 20);
/** Milliseconds that a daemon may compute for one image. */
const MOST_MS = 10_000;
/** KiB that a daemon may hold at most. */
const MOST_RSS = 700 * 1024;
/** Images of which one is repaired by the program and the others by what it is made of. */
const PROGRAM_EVERY = 4;
const UNCHECKABLE = 8;
/** What a program prints that has met what it does not know. */
const FAULT = /TypeError|RangeError|unexpected|a thread failed|^ {4}at /m;

const check = process.env.VEXFS_NO_MOUNT === undefined ? test : test.skip;

check(
  `${count} damaged images from seed ${first} on are mounted, used, unmounted and repaired`,
  async (t) => {
    t.timeout(24 * 3600_000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-fuzz-mounts-'));
    const pool = new ImagePool(folder);
    const backend = new FuseBackend(folder, { size: '16M' });
    const failures: string[] = [];
    let mounted = 0;
    let errors = 0;
    let largest = 0;
    let slowest = 0;
    const began = performance.now();
    try {
      for (let seed = first; seed < first + count; seed++) {
        const { image, done } = pool.damaged(seed);
        copyFileSync(image.path, backend.device);
        const said: string[] = [];
        let mustLook = false;
        try {
          const use = await useMount(backend, seed, said);
          if (use !== undefined) {
            mounted += 1;
            errors += use.errors;
            mustLook = use.metDamage;
            largest = Math.max(largest, use.maxRss);
            slowest = Math.max(slowest, use.ms);
            if (use.ms > MOST_MS) said.push(`the daemon has computed for ${use.ms} ms`);
            if (use.maxRss > MOST_RSS) said.push(`the daemon has grown to ${use.maxRss} KiB`);
          }
        } catch (error) {
          said.push((error as Error).message);
          if (backend.isMounted) await backend.crash();
        }
        repair(backend.device, mustLook, seed % PROGRAM_EVERY === 0, said);
        if (said.length > 0) {
          failures.push(
            `VEXFS_FUZZ_SEED=${seed} VEXFS_FUZZ_MOUNTS=1 npx ava dist/fuzz/images/mounts.test.js\n${done.join('\n  ')}\n${said.join('\n')}`,
          );
        }
        if ((seed - first + 1) % 100 === 0) console.error(`${seed - first + 1} mounts`);
      }
    } finally {
      await backend.end();
      pool.close();
      rmSync(folder, { recursive: true, force: true });
    }
    t.log(
      `${count} images in ${Math.round((performance.now() - began) / 1000)} s: ${mounted} mounted, the others refused; ` +
        `${errors} calls ended with an errno; the slowest daemon computed for ${Math.round(slowest)} ms, the largest daemon ${Math.round(largest / 1024)} MiB`,
    );
    t.deepEqual(failures, []);
    if (count >= 20) t.true(mounted > count / 3, `${mounted} mounted`);
  },
);

interface MountUse {
  /** Calls that failed. */
  readonly errors: number;
  /** KiB. */
  readonly maxRss: number;
  /** Milliseconds that the daemon has computed. */
  readonly ms: number;
  /** Whether the daemon has told somebody to run fsck.vexfs. */
  readonly metDamage: boolean;
}

/** Undefined when the daemon refuses the image, which it has to do in a sentence. */
async function useMount(backend: FuseBackend, seed: number, said: string[]): Promise<MountUse | undefined> {
  try {
    await backend.mount();
  } catch (error) {
    const { message } = error as Error;
    if (FAULT.test(message) || !message.includes('cannot mount')) said.push(message);
    return undefined;
  }
  const errors = walkMount(backend.mountpoint, new Seeded(seed));
  const status = readFileSync(`/proc/${backend.pid}/status`, 'utf8');
  const maxRss = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  const ms = processorMs(backend.pid!) ?? 0;
  const { output } = backend;
  if (FAULT.test(output)) said.push(output);
  try {
    await backend.unmount();
  } catch (error) {
    // A volume that damage has made read-only says so with its exit code.
    const { message } = error as Error;
    if (!message.includes('the last changes did not reach') || FAULT.test(message)) said.push(message);
  }
  return {
    errors: [...errors.values()].reduce((sum, times) => sum + times, 0),
    maxRss,
    ms,
    metDamage: output.includes('run fsck.vexfs'),
  };
}

/** What fsck.vexfs makes of the device: its exit code and what it says. Starting the program costs most of the time, so it is not always done. */
function fsck(
  device: string,
  mode: 'safe' | 'all' | 'look',
  byProgram: boolean,
): { code: number | null; text: string } {
  if (byProgram) {
    const words = { safe: ['-p'], all: ['-y', '-f'], look: ['-n'] }[mode];
    const { code, stdout, stderr } = runNode(FSCK, [...words, device], 60_000);
    return { code, text: stdout + stderr };
  }
  const opened = FileDevice.open(device, { readOnly: mode === 'look' });
  try {
    const { exitCode, examination } = checkVolume(opened, { mode, force: mode === 'all' });
    return {
      code: exitCode,
      text: examination?.findings.list.map(({ message }) => message).join('; ') ?? '',
    };
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== 'UncheckableError' && name !== 'JournalError') throw error;
    return { code: UNCHECKABLE, text: message };
  } finally {
    opened.close();
  }
}

/** With `mustLook` the volume itself has to say that it wants a check, though it was unmounted in order. */
function repair(device: string, mustLook: boolean, byProgram: boolean, said: string[]): void {
  if (mustLook && fsck(device, 'safe', byProgram).code === 0)
    said.push('fsck.vexfs -p is content with a volume on which the daemon has met damage');
  const { code, text } = fsck(device, 'all', byProgram);
  if (code === UNCHECKABLE) return;
  const again = fsck(device, 'look', byProgram);
  if (code === 5 && /no free inodes|ENOSPC/.test(again.text)) return;
  if (code !== 0 && code !== 1) said.push(`fsck.vexfs -y: ${code} ${text}`);
  if (again.code !== 0) said.push(`fsck.vexfs -n after the repair: ${again.code} ${again.text}`);
}
