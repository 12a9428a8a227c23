/**
 * In a guest: processes that change and search one volume are killed in the middle of it, again and again; and a volume is
 * unmounted lazily while a search runs. Writes what was found wrong to `complaints` in the exchange folder.
 *   guest_kills.js DEVICE MOUNTPOINT SEED ROUNDS
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { errnoName, MNT_DETACH, umount } from '@vexfs/fuse/system';
import { insert, setMeta } from '../../parity/client/vector_calls.js';
import { Seeded } from '../../unit/volume/seeded.js';
import { mountVolume, unmountVolume } from '../volume/mounting.js';

const LOOPER = fileURLToPath(new URL('../../parity/client/looper.js', import.meta.url));
const DIMENSIONS = 16;
/** What runs at once, by the file that it works on. */
const AT_WORK: ReadonlyArray<readonly [string, string]> = [
  ['insert', 'shared'],
  ['search', 'shared'],
  ['append', 'shared'],
  ['truncate', 'shared'],
  ['read', 'shared'],
  ['load', 'large'],
  ['search', 'large'],
  ['replace', 'replaced'],
  ['rename', 'moved'],
  ['grow', 'sparse'],
];
const MOST_WAIT_MS = 400;

const [device, mountpoint, seed, rounds] = process.argv.slice(2) as [string, string, string, string];
const random = new Seeded(Number(seed));
const complaints: string[] = [];

function must(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}

function makeRows(name: string, rows: number): void {
  const fd = openSync(join(mountpoint, name), 'w+');
  must(setMeta(fd, { dimensions: DIMENSIONS }), 'SET_VECTOR_META');
  must(insert(fd, new Float32Array(rows * DIMENSIONS).fill(1), { dimensions: DIMENSIONS }), 'BATCH_INSERT');
  closeSync(fd);
}

/** A looper that has done its work once. */
async function start(what: string, name: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [LOOPER, what, join(mountpoint, name), String(DIMENSIONS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const started = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (said: Buffer) => {
      for (const line of said.toString().split('\n')) {
        if (line.startsWith('failed')) complaints.push(`${what} ${name} ${line}`);
        if (line === 'started') resolve();
      }
    });
    child.once('exit', () => reject(new Error(`${what} ended before it had begun`)));
  });
  await started;
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Waits until nothing has the device any more. */
async function waitForDevice(): Promise<void> {
  for (;;) {
    try {
      closeSync(openSync(device, constants.O_RDONLY | constants.O_EXCL));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      await sleep(20);
    }
  }
}

async function killRound(): Promise<void> {
  must(mountVolume(device, mountpoint, 0), 'mount');
  for (const name of ['shared', 'large', 'replaced', 'moved', 'sparse']) makeRows(name, 100);
  const children: ChildProcess[] = [];
  for (const [what, name] of AT_WORK) children.push(await start(what, name));
  for (const child of children) {
    await sleep(random.below(MOST_WAIT_MS));
    await kill(child);
  }
  must(unmountVolume(mountpoint), 'umount after everybody was killed');
}

async function unmountDuringSearch(): Promise<void> {
  must(mountVolume(device, mountpoint, 0), 'mount');
  makeRows('large', 100_000);
  const searching = await start('search', 'large');
  const busy = unmountVolume(mountpoint);
  if (busy !== 'EBUSY') complaints.push(`umount during a search: ${busy}`);
  const detached = umount(mountpoint, MNT_DETACH);
  if (detached < 0) complaints.push(`lazy umount during a search: ${errnoName(detached)}`);
  await sleep(MOST_WAIT_MS);
  if (searching.exitCode !== null) complaints.push('the search ended with the mount');
  await kill(searching);
  await waitForDevice();
}

for (let round = 0; round < Number(rounds); round++) {
  await killRound();
  await unmountDuringSearch();
}
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'complaints'), JSON.stringify(complaints));
