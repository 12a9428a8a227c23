/** In a guest: makes changes until another process turns the guest off, and tells after each fsync how many are safe. */
import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mountVolume } from './mounting.js';
import { step } from './steps.js';

const STEPS_TO_SYNC = 37;
const [device, mountpoint, milliseconds] = process.argv.slice(2) as [string, string, string];
const mounted = mountVolume(device, mountpoint, 0);
if (mounted !== 'ok') throw new Error(`mount: ${mounted}`);
for (const name of ['a', 'b']) mkdirSync(join(mountpoint, name));
const progress = openSync(join(process.env.VEXFS_EXCHANGE!, 'progress'), 'w');
const folder = openSync(join(mountpoint, 'a'), 'r');

function tell(count: number): void {
  fsyncSync(folder);
  writeSync(progress, String(count).padStart(10), 0);
  fsyncSync(progress);
}

tell(0);
const off = fileURLToPath(new URL('./turn_off.js', import.meta.url));
const child = spawn(process.execPath, [off, milliseconds], { stdio: ['ignore', 'inherit', 'inherit'] });
child.once('exit', (code) => {
  throw new Error(`the guest was not turned off: ${code}`);
});
let count = 0;
function work(): void {
  for (let i = 0; i < STEPS_TO_SYNC; i++) {
    step(mountpoint, count);
    count += 1;
  }
  tell(count);
  if (count < 1_000_000) setImmediate(work);
  else closeSync(folder);
}
work();
