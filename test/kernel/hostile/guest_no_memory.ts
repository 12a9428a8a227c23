/**
 * In a guest whose kernel injects faults: in each kind of call each allocation of memory fails once. Whatever fails must
 * have changed nothing, and nothing may go wrong afterwards. Writes to `found` in the exchange folder how often that was, and
 * what is wrong.
 *   guest_no_memory.js DEVICE MOUNTPOINT MODULE
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MS_RDONLY, MS_REMOUNT, mountVolume, unmountVolume } from '../volume/mounting.js';
import { survey } from '../volume/survey.js';
import { FailingAllocation } from './fault_injection.js';
import { isErrno, MEMORY_STEPS, type MemoryStep } from './memory_steps.js';
import { loadModule, unloadModule } from './modules.js';

const [device, mountpoint, module] = process.argv.slice(2) as [string, string, string];
/** No call allocates more often. */
const MOST = 1_500;
const MOST_COMPLAINTS = 40;
/** What a call may be answered with whose allocation or copy failed. */
const INJECTED = ['ENOMEM', 'EFAULT'];

const failing = new FailingAllocation();
const complaints: string[] = [];
const counts: Record<string, number> = {};

function complain(text: string): void {
  if (complaints.length < MOST_COMPLAINTS) complaints.push(text);
}

function must(outcome: unknown, what: string): void {
  if (isErrno(outcome)) throw new Error(`${what}: ${outcome}`);
}

/** `ok`, or the errno that a call was answered with. */
function answerOf(work: () => unknown): string {
  try {
    const answer = work();
    return isErrno(answer) ? answer : 'ok';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined) return code;
    const [, name] = /errno (\d+)/.exec(String(error)) ?? [];
    if (name === '12' || name === '14') return name === '12' ? 'ENOMEM' : 'EFAULT';
    throw error;
  }
}

/** All about a folder but the space of the volume, which comes back with a commit. */
function look(folder: string): string {
  const { statfs, ...rest } = survey(folder);
  return JSON.stringify(rest);
}

function dropCaches(): void {
  spawnSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

/** None, in rounds that let everything in this process be compiled and loaded: it bears no failure of its own. */
const NEVER = 1_000_000;
const WARM_UP = 3;

/** Lets every allocation fail once: `once` does the work and says whether its allocation was reached. */
function failEach(name: string, once: (nth: number) => boolean): void {
  for (let i = 0; i < WARM_UP; i++) once(NEVER + i);
  let nth = 1;
  while (once(nth) && nth < MOST) nth += 1;
  if (nth === MOST) complain(`${name}: there is no end of its allocations`);
  counts[name] = nth - 1;
}

function failStep(wanted: MemoryStep): void {
  failEach(wanted.name, (nth) => {
    const folder = join(mountpoint, `${wanted.name} ${nth}`);
    mkdirSync(folder);
    wanted.prepare?.(folder);
    const before = look(folder);
    if (wanted.isCold === true) dropCaches();
    let answer = '';
    const failed = failing.during(nth, () => {
      answer = answerOf(() => wanted.run(folder));
    });
    if (answer !== 'ok') {
      if (!failed) complain(`${wanted.name} fails by itself: ${answer}`);
      if (!INJECTED.includes(answer)) complain(`${wanted.name}, allocation ${nth}: ${answer}`);
      const after = look(folder);
      if (after !== before) complain(`${wanted.name}, allocation ${nth}: ${before} became ${after}`);
    }
    rmSync(folder, { recursive: true });
    return failed;
  });
}

/** A call that must leave things as they were when it fails; `undo` follows one that does not. */
function failCall(name: string, call: () => string, undo: () => string): void {
  failEach(name, (nth) => {
    let answer = '';
    const failed = failing.during(nth, () => {
      answer = call();
    });
    if (answer === 'ok') must(undo(), `after ${name}`);
    else if (!INJECTED.includes(answer) || !failed) complain(`${name}, allocation ${nth}: ${answer}`);
    return failed;
  });
}

const mount = (): string => mountVolume(device, mountpoint, 0);
const unmount = (): string => unmountVolume(mountpoint);

must(mount(), 'mount');
for (const each of MEMORY_STEPS) failStep(each);
writeFileSync(join(mountpoint, 'written at last'), 'content');
failCall(
  'remount read-only',
  () => mountVolume('none', mountpoint, MS_REMOUNT | MS_RDONLY),
  () => mountVolume('none', mountpoint, MS_REMOUNT),
);
must(unmount(), 'umount');
failCall('mount', mount, unmount);
failCall('mount read-only', () => mountVolume(device, mountpoint), unmount);
must(mount(), 'mount');
failCall('umount', unmount, mount);
must(unmount(), 'umount');
must(unloadModule('vexfs'), 'unloading vexfs.ko');
failCall(
  'loading vexfs.ko',
  () => loadModule(module),
  () => unloadModule('vexfs'),
);
must(loadModule(module), 'loading vexfs.ko');
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'found'), JSON.stringify({ counts, complaints }));
