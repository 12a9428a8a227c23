/**
 * In a guest: mounts a volume for writing, works on files in seeded ways, each step compared with a copy in memory, and
 * leaves what a second mount shows in the exchange folder.
 *   guest_writing.js DEVICE MOUNTPOINT FSX SEED
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountVolume, unmountVolume } from './mounting.js';
import { ScatteredWork } from './scattered_work.js';
import { survey } from './survey.js';

const [device, mountpoint, fsx, seedText] = process.argv.slice(2) as [string, string, string, string];
const seed = Number(seedText);
const STEPS = 400;

function must(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}

function remount(): void {
  must(unmountVolume(mountpoint), 'umount');
  must(mountVolume(device, mountpoint, 0), 'mount');
}

function exercise(path: string, from: number, steps: number): void {
  const { status, stderr } = spawnSync(fsx, [path, String(seed), String(steps), String(from)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}

must(mountVolume(device, mountpoint, 0), 'mount');
const folder = join(mountpoint, 'written');
mkdirSync(folder);
const block = statfsSync(mountpoint).bsize;
for (let part = 0; part < 3; part++) {
  const work = new ScatteredWork(join(folder, `scattered ${part}`), seed + part, block);
  work.run(STEPS);
  work.end();
  exercise(join(folder, 'mixed'), part * STEPS, STEPS);
  remount();
}
exercise(join(folder, 'mixed'), 3 * STEPS, 1);
must(unmountVolume(mountpoint), 'umount');
must(mountVolume(device, mountpoint), 'mount');
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'survey'), JSON.stringify(survey(mountpoint)));
must(unmountVolume(mountpoint), 'umount');
