/**
 * In a guest: threads issue random ioctls on the files of a volume and on /dev/vss, while another truncates, closes and opens
 * what they use. Writes how often each answer came to `answers` in the exchange folder.
 *   guest_ioctls.js DEVICE MOUNTPOINT VSS_MODULE SEED COUNT
 */
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { IndexType, SearchType } from '@vexfs/shared';
import { createIndex, waitForIndex } from '../../parity/client/index_calls.js';
import { insert, setMeta } from '../../parity/client/vector_calls.js';
import { mustAdd } from '../../parity/vss/calls.js';
import { mountVolume, unmountVolume } from '../volume/mounting.js';
import { type HostileFile, manyRows } from './hostile_file.js';
import type { CallerTask } from './ioctl_caller.js';
import { loadModule, unloadModule } from './modules.js';

const CALLERS = 3;
const SLOTS = 24;
const STORE = '/dev/vss';

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

/** So many rows that searches go by an index. */
function makeIndexed(name: string, type: number, metric: number): HostileFile {
  const file = { path: join(mountpoint, name), dimensions: 16, isLarge: true, isStore: false };
  const fd = openSync(file.path, 'w+');
  must(setMeta(fd, file), 'SET_VECTOR_META');
  must(insert(fd, manyRows(file.dimensions, 1), file), 'BATCH_INSERT');
  must(createIndex(fd, { type, metric, m: 8, ef_construction: 40 }), 'CREATE');
  must(waitForIndex(fd), 'WAIT');
  closeSync(fd);
  return file;
}

function makeFiles(): HostileFile[] {
  const files: HostileFile[] = [1, 2, 3, 4].flatMap((elementType) =>
    [3, 64].map((dimensions) => {
      const path = join(mountpoint, `rows ${elementType} ${dimensions}`);
      const fd = openSync(path, 'w+');
      must(setMeta(fd, { dimensions, elementType }), 'SET_VECTOR_META');
      must(insert(fd, new Float32Array(dimensions * 50).fill(1), { dimensions }), 'BATCH_INSERT');
      closeSync(fd);
      return { path, dimensions, isLarge: false, isStore: false };
    }),
  );
  files.push(makeIndexed('graph', IndexType.GRAPH, SearchType.EUCLIDEAN));
  files.push(makeIndexed('flat', IndexType.FLAT, SearchType.COSINE));
  writeFileSync(join(mountpoint, 'plain'), Buffer.alloc(40_000, 1));
  mkdirSync(join(mountpoint, 'folder'));
  for (const path of [join(mountpoint, 'plain'), join(mountpoint, 'folder'), STORE])
    files.push({ path, dimensions: 16, isLarge: false, isStore: path === STORE });
  return files;
}

/** The first vector decides what a store takes. */
function giveDimension({ path, dimensions }: HostileFile): void {
  const fd = openSync(path, 'r+');
  mustAdd(fd, 0, new Array<number>(dimensions).fill(1));
  closeSync(fd);
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
giveDimension(files.find(({ isStore }) => isStore)!);
const slots = new SharedArrayBuffer((SLOTS * 2 + 2) * 4);
const words = new Int32Array(slots).fill(-1);
words.fill(0, SLOTS * 2);
for (let slot = 0; slot < SLOTS; slot++) words[slot * 2 + 1] = 0;
words[SLOTS * 2] = CALLERS;
words[SLOTS * 2 + 1] = 0;
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
