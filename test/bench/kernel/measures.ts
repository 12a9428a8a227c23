/** What is measured of the kernel module, in a guest. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../../parity/backend/programs.js';
import { setMeta } from '../../parity/client/vector_calls.js';
import type { Goal, Measure, OpenGroup } from '../measure.js';
import { load } from '../workplace.js';
import { exactSearch } from './exact_search.js';
import { indexedSearch } from './indexed_search.js';
import type { TwoVolumes } from './two_volumes.js';

const MEBIBYTE = 1 << 20;
const ROW_DIMENSIONS = 128;

type Divide = (count: number) => number;

function side(name: string, amount: number, run: () => number | Promise<number>) {
  return { name, amount, run };
}

/** Everything but the searches is the same program on both volumes. */
function pair(
  { vexfs, ext4 }: TwoVolumes,
  about: { name: string; title: string; goal: Goal; unit: string; amount: number },
  run: (folder: string, ours: boolean) => Promise<number>,
): Measure {
  const { amount, ...rest } = about;
  return {
    ...rest,
    ours: side('VexFS', amount, () => run(vexfs, true)),
    peer: side('ext4', amount, () => run(ext4, false)),
  };
}

function forgetCaches(): void {
  must('sync', []);
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

function streams(volumes: TwoVolumes, scaled: Divide): Measure[] {
  const bytes = scaled(256) * MEBIBYTE;
  return [
    ['write', 'buffered'],
    ['read', 'buffered'],
    ['write-direct', 'O_DIRECT'],
    ['read-direct', 'O_DIRECT'],
  ].map(([kind, way]) =>
    pair(
      volumes,
      {
        name: `kernel-${kind}`,
        title: `${bytes / MEBIBYTE} MiB sequential ${kind!.startsWith('write') ? 'write + fsync' : 'read'}, ${way}, 1 MiB calls`,
        goal: { kind: 'speed', atLeast: 0.9 },
        unit: 'MB/s',
        amount: bytes / 1e6,
      },
      (folder) => {
        forgetCaches();
        return load('stream', kind!, join(folder, 'stream'), bytes, MEBIBYTE);
      },
    ),
  );
}

function names(volumes: TwoVolumes, scaled: Divide): Measure[] {
  const count = scaled(10_000);
  for (const root of [volumes.vexfs, volumes.ext4]) mkdirSync(join(root, 'names'));
  return ['create', 'stat', 'unlink'].map((kind) =>
    pair(
      volumes,
      {
        name: `kernel-${kind}`,
        title: `${kind} of ${count} files in one directory`,
        goal: { kind: 'speed', atLeast: 0.8 },
        unit: 'calls/s',
        amount: count,
      },
      (folder) => load('names', kind, join(folder, 'names'), count),
    ),
  );
}

function calls(volumes: TwoVolumes, scaled: Divide): Measure[] {
  for (const root of [volumes.vexfs, volumes.ext4]) writeFileSync(join(root, 'called'), '');
  const fd = openSync(join(volumes.vexfs, 'called'), 'r+');
  const outcome = setMeta(fd, { dimensions: 4 });
  closeSync(fd);
  if (outcome !== 'ok') throw new Error(outcome);
  const measure = (name: string, title: string, count: number, ours: string, theirs: string): Measure =>
    pair(
      volumes,
      { name, title, goal: { kind: 'time', atMost: 2 }, unit: 'calls/s', amount: count },
      (folder, isOurs) => load('client', isOurs ? ours : theirs, join(folder, 'called'), count),
    );
  const rows = scaled(20_000);
  return [
    measure('kernel-get-meta', 'GET_VECTOR_META against FS_IOC_GETFLAGS', scaled(200_000), 'meta', 'flags'),
    measure(
      'kernel-set-meta',
      'SET_VECTOR_META that changes the layout against FS_IOC_SETFLAGS that changes a flag',
      scaled(20_000),
      'define',
      'mark',
    ),
    pair(
      volumes,
      {
        name: 'kernel-insert',
        title: `BATCH_INSERT of one row of ${ROW_DIMENSIONS} float32 against appending 512 bytes, ${rows} calls`,
        goal: { kind: 'time', atMost: 3 },
        unit: 'calls/s',
        amount: rows,
      },
      (folder, isOurs) =>
        load('rows', isOurs ? 'insert' : 'write', join(folder, 'rows'), rows, 1, ROW_DIMENSIONS),
    ),
  ];
}

/** KiB that /proc/meminfo gives. */
function meminfo(name: string): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
}

function held(): number {
  forgetCaches();
  return meminfo('Slab') + meminfo('VmallocUsed');
}

function memory(volumes: TwoVolumes): Measure {
  return {
    name: 'kernel-memory',
    title: 'the loaded module, and slab and vmalloc of one idle mount',
    goal: { kind: 'figure', atMost: 1024 },
    unit: 'KiB',
    ours: side('VexFS', 1, () => {
      volumes.unmountVexfs();
      const before = held();
      volumes.mountVexfs();
      const module = Number(/^vexfs (\d+)/m.exec(readFileSync('/proc/modules', 'utf8'))![1]);
      return module / 1024 + held() - before;
    }),
  };
}

/**
 * In the order in which they are taken; `scaled` makes counts smaller for a trial. Emulated processors build no index of 100,000 rows
 * in a reasonable time.
 */
export function kernelMeasures(volumes: TwoVolumes, scaled: Divide, isEmulated: boolean): OpenGroup {
  const rows = scaled(100_000);
  const searching = [exactSearch(volumes, rows, 128, 1.2), exactSearch(volumes, rows, 768, 1.5)];
  const indexed = isEmulated ? [] : [indexedSearch(volumes, rows)];
  return {
    measures: [
      memory(volumes),
      ...names(volumes, scaled),
      ...calls(volumes, scaled),
      ...streams(volumes, scaled),
      ...searching,
      ...indexed.flatMap(({ measures }) => measures),
    ],
    async close() {
      for (const each of [...searching, ...indexed]) each.close();
    },
  };
}
