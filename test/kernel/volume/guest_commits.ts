/** In a guest: sets an attribute that does not fit, while blocks wait to be free. Prints what each call says, and how many commits they took. */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setXattr } from '../../parity/operations/calls.js';
import { mountVolume, unmountVolume } from './mounting.js';

const [device, mountpoint] = process.argv.slice(2) as [string, string];
const path = join(mountpoint, 'file');

function commits(): number {
  const shown = readFileSync(`/proc/fs/jbd2/${basename(device)}/info`, 'utf8');
  return Number(/^(\d+) transactions/.exec(shown)![1]);
}

function must(outcome: number | string): void {
  if (outcome !== 'ok' && outcome !== 0) throw new Error(String(outcome));
}

must(mountVolume(device, mountpoint, 0));
closeSync(openSync(path, 'w'));
must(setXattr(path, 'user.small', 'x'));
writeFileSync(join(mountpoint, 'other'), Buffer.alloc(1 << 20));
rmSync(join(mountpoint, 'other'));
const before = commits();
const said = Array.from({ length: 10 }, () => setXattr(path, 'user.large', Buffer.alloc(4090)));
const taken = commits() - before;
must(unmountVolume(mountpoint));
console.log(`${[...new Set(said)].join()} ${taken}`);
