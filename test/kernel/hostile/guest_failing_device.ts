/**
 * In a guest: a device that fails all writes from some moment on, by dm-flakey. The volume has to become read-only, and
 * everything that was synced before has to be read from the device, at once and after a new mount. Writes to `found` in the
 * exchange folder what is wrong, and which errors came.
 *   guest_failing_device.js IMAGE MOUNTPOINT SEED ROUNDS
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DIMENSIONS, makeVectors, putRows } from '../../crash/workload/rows.js';
import { search } from '../../parity/client/vector_calls.js';
import { Seeded } from '../../unit/volume/seeded.js';
import { mountVolume, unmountVolume, withLoop } from '../volume/mounting.js';
import { mapDevice, replaceTable, unmapDevice } from './mapped_device.js';

const NAME = 'failing';
const FILES = 12;
/** Calls after which the failure of the device must have become known: those that sync are among them. */
const MOST_CALLS = 400;

const [image, mountpoint, seed, rounds] = process.argv.slice(2) as [string, string, string, string];
const random = new Seeded(Number(seed));
const complaints: string[] = [];
const errors: Record<string, number> = {};
/** What was synced: content of a file, or the rows. */
const synced = new Map<string, Buffer | Map<number, number>>();

function must(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}

function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function makeSynced(folder: string): void {
  mkdirSync(folder);
  for (let i = 0; i < FILES; i++) {
    const path = join(folder, `file ${i}`);
    const content = Buffer.from(random.bytes(1 + random.below(60_000)));
    writeFileSync(path, content);
    sync(path);
    synced.set(path, content);
  }
  const path = join(folder, 'rows');
  writeFileSync(path, '');
  makeVectors(path);
  const rows = new Map(Array.from({ length: 300 }, (_, id) => [id, 1 + (id % 50)]));
  putRows(path, rows, false);
  sync(path);
  synced.set(path, rows);
}

/** One change beside what was synced, and now and then a sync. Answers the errno. */
function change(folder: string, i: number): string {
  const path = join(folder, `later ${i}`);
  try {
    const kind = random.below(4);
    if (kind === 0) renameSync(join(folder, `later ${random.below(i + 1)}`), path);
    else if (kind === 1) mkdirSync(path);
    // Of a file the data alone would fail, and nothing be committed.
    else if (kind === 2) sync(folder);
    else {
      const fd = openSync(path, 'w');
      try {
        writeSync(fd, random.bytes(1 + random.below(40_000)));
        if (random.chance(40)) fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    }
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Ids and the number that each row consists of; nothing can be opened for writing any more. */
function rowsIn(path: string): Array<readonly [number, number]> {
  const fd = openSync(path, 'r');
  try {
    const { outcome, hits } = search(fd, new Float32Array(DIMENSIONS), { k: 10_000 });
    if (outcome !== 'ok') throw new Error(outcome);
    return hits.map(({ id, distance }) => [Number(id), Math.round(distance / Math.sqrt(DIMENSIONS))]);
  } finally {
    closeSync(fd);
  }
}

function compare(when: string): void {
  writeFileSync('/proc/sys/vm/drop_caches', '3');
  for (const [path, content] of synced) {
    try {
      const isSame = Buffer.isBuffer(content)
        ? readFileSync(path).equals(content)
        : JSON.stringify(rowsIn(path).sort(byId)) === JSON.stringify([...content].sort(byId));
      if (!isSame) complaints.push(`${when}: ${path} has other content`);
    } catch (error) {
      complaints.push(`${when}: ${path}: ${(error as Error).message}`);
    }
  }
}

const byId = (a: readonly [number, number], b: readonly [number, number]): number => a[0] - b[0];

function isReadOnly(): boolean {
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((each) => each.includes(` ${mountpoint} `));
  return line !== undefined && / vexfs ro[, ]/.test(line);
}

function fail(loop: string, round: number): void {
  const sectors = statSync(image).size / 512;
  const sound = `0 ${sectors} linear ${loop} 0`;
  const device = mapDevice(NAME, sound);
  must(mountVolume(device, mountpoint, 0), 'mount');
  const folder = join(mountpoint, `round ${round}`);
  makeSynced(folder);
  for (let i = random.below(10); i > 0; i--) change(folder, MOST_CALLS + i);
  replaceTable(NAME, `0 ${sectors} flakey ${loop} 0 0 3600 1 error_writes`);
  let calls = 0;
  while (calls < MOST_CALLS && !isReadOnly()) {
    const answer = change(folder, calls);
    errors[answer] = (errors[answer] ?? 0) + 1;
    calls += 1;
  }
  if (!isReadOnly()) complaints.push(`round ${round}: the volume is still writable after ${calls} calls`);
  for (let i = 0; i < 5; i++) {
    const answer = change(folder, MOST_CALLS * 2 + i);
    if (!['EROFS', 'ENOENT'].includes(answer))
      complaints.push(`round ${round}: a change afterwards: ${answer}`);
  }
  compare(`round ${round}, on the failing device`);
  must(unmountVolume(mountpoint), 'umount');
  replaceTable(NAME, sound);
  must(mountVolume(device, mountpoint, 0), 'mount after the failure');
  compare(`round ${round}, mounted again`);
  rmSync(folder, { recursive: true });
  synced.clear();
  must(unmountVolume(mountpoint), 'umount');
  unmapDevice(NAME);
}

withLoop(image, [], (loop) => {
  for (let round = 0; round < Number(rounds); round++) fail(loop, round);
});
spawnSync('sync');
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'found'), JSON.stringify({ complaints, errors }));
