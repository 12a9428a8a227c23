/**
 * In a guest: loads and unloads both modules, and mounts and unmounts a volume with some work between, again and again.
 * Writes to `growth` in the exchange folder which slab caches have grown all the time.
 *   guest_loops.js DEVICE MOUNTPOINT MODULE VSS_MODULE LOADS MOUNTS
 */
import { closeSync, mkdirSync, openSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { insert, search, setMeta } from '../../parity/client/vector_calls.js';
import { mountVolume, unmountVolume } from '../volume/mounting.js';
import { loadModule, unloadModule } from './modules.js';
import { growing, slabObjects } from './slab_objects.js';

const [device, mountpoint, module, vssModule, loads, mounts] = process.argv.slice(2) as [
  ...[string, string, string, string, string, string],
];
/** Before anything is counted: caches of the kernel fill up at first. */
const WARM_UP = 8;
const THIRDS = 3;

function must(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}

function reload(): void {
  must(unloadModule('vexfs'), 'unloading vexfs.ko');
  must(loadModule(module), 'loading vexfs.ko');
  must(loadModule(vssModule), 'loading vss.ko');
  must(unloadModule('vss'), 'unloading vss.ko');
}

function remount(): void {
  must(mountVolume(device, mountpoint, 0), 'mount');
  mkdirSync(join(mountpoint, 'folder'));
  const path = join(mountpoint, 'folder', 'rows');
  const fd = openSync(path, 'w+');
  must(setMeta(fd, { dimensions: 16 }), 'SET_VECTOR_META');
  must(insert(fd, new Float32Array(16 * 40), { dimensions: 16 }), 'BATCH_INSERT');
  must(search(fd, new Float32Array(16), { k: 3 }).outcome, 'VECTOR_SEARCH');
  closeSync(fd);
  unlinkSync(path);
  rmdirSync(join(mountpoint, 'folder'));
  must(unmountVolume(mountpoint), 'umount');
}

/** Which caches a round of the work makes grow. */
function measure(work: () => void, rounds: number): string[] {
  for (let i = 0; i < WARM_UP; i++) work();
  const counts = [slabObjects()];
  const third = Math.ceil(rounds / THIRDS);
  for (let part = 0; part < THIRDS - 1; part++) {
    for (let i = 0; i < third; i++) work();
    counts.push(slabObjects());
  }
  for (let i = third * (THIRDS - 1) + WARM_UP; i < rounds; i++) work();
  return growing(counts, third);
}

const growth = { loads: measure(reload, Number(loads)), mounts: measure(remount, Number(mounts)) };
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'growth'), JSON.stringify(growth));
