/**
 * In a guest: threads issue random ioctls on the files of a volume and on /dev/vss, while another truncates, closes and opens
 * what they use. Writes how often each answer came to `answers` in the exchange folder.
 *   guest_ioctls.js DEVICE MOUNTPOINT VSS_MODULE SEED COUNT
 */
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { insert, setMeta } from '../../parity/client/vector_calls.js';
import { mountVolume, unmountVolume } from '../volume/mounting.js';
import type { CallerTask } from './ioctl_caller.js';
import { loadModule, unloadModule } from './modules.js';

const CALLERS = 3;
const SLOTS = 24;

const [device, mountpoint, vssModule, seed, count] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];

function must(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}

function makeFiles(): Array<{ path: string; dimensions: number }> {
  const files = [1, 2, 3, 4].flatMap((elementType) =>
    [3, 64].map((dimensions) => {
      const path = join(mountpoint, `rows ${elementType} ${dimensions}`);
      const fd = openSync(path, 'w+');
      must(setMeta(fd, { dimensions, elementType }), 'SET_VECTOR_META');
      must(insert(fd, new Float32Array(dimensions * 50).fill(1), { dimensions }), 'BATCH_INSERT');
      closeSync(fd);
      return { path, dimensions };
    }),
  );
  writeFileSync(join(mountpoint, 'plain'), Buffer.alloc(40_000, 1));
  mkdirSync(join(mountpoint, 'folder'));
  for (const path of [join(mountpoint, 'plain'), join(mountpoint, 'folder'), '/dev/vss'])
    files.push({ path, dimensions: 16 });
  return files;
}

async function runThread(task: CallerTask): Promise<Record<string, number>> {
  const worker = new Worker(new URL('./ioctl_caller.js', import.meta.url), { workerData: task });
  return await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('a thread ended without an answer')));
  });
}

must(loadModule(vssModule), 'loading vss.ko');
must(mountVolume(device, mountpoint, 0), 'mount');
const files = makeFiles();
const slots = new SharedArrayBuffer((SLOTS * 2 + 1) * 4);
const words = new Int32Array(slots).fill(-1);
words.fill(0, SLOTS * 2);
for (let slot = 0; slot < SLOTS; slot++) words[slot * 2 + 1] = 0;
words[SLOTS * 2] = CALLERS;
const share = Math.ceil(Number(count) / CALLERS);
const tasks = Array.from({ length: CALLERS + 1 }, (_, i) => ({
  role: i === 0 ? ('disturb' as const) : ('call' as const),
  seed: Number(seed) * 100 + i,
  ...{ count: share, files, slots },
}));
const [disturbed, ...called] = await Promise.all(tasks.map(runThread));
must(unmountVolume(mountpoint), 'umount');
must(unloadModule('vss'), 'unloading vss.ko');
const answers: Record<string, number> = {};
for (const each of called)
  for (const [name, times] of Object.entries(each)) answers[name] = (answers[name] ?? 0) + times;
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'answers'), JSON.stringify({ answers, disturbed }));
