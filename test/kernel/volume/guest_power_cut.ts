/**
 * In a guest: works on files of a volume, notes in the exchange folder what was synced, and ends without a word after so
 * many steps: the machine is switched off as it is.
 *   guest_power_cut.js DEVICE MOUNTPOINT SEED STEPS
 */
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { fallocate, KEEP_SIZE, PUNCH_HOLE } from '../../parity/operations/calls.js';
import { mountVolume } from './mounting.js';
import { VersionedFile, type Versions } from './versioned_blocks.js';

const [device, mountpoint, seedText, stepsText] = process.argv.slice(2) as [string, string, string, string];
/** Source: include/uapi/linux/reboot.h. The call itself, unlike the programs of the name, writes nothing back. */
const reboot = koffi.load(null).func('int reboot(uint32_t how)') as (how: number) => number;
const RB_POWER_OFF = 0x4321fedc;
const exchange = process.env.VEXFS_EXCHANGE!;
const FILES = 4;
let state = (Number(seedText) * 0x9e3779b1) >>> 0 || 1;

function next(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  state >>>= 0;
  return state % below;
}

function note(name: string, text: string): void {
  const fd = openSync(join(exchange, name), 'w');
  writeSync(fd, text);
  fsyncSync(fd);
  closeSync(fd);
}

/** Files that are cut, filled and punched at all times: nothing is promised of them but that the volume stays sound. */
function disturb(fd: number): void {
  const at = next(2 << 20);
  const length = 1 + next(300_000);
  if (next(4) === 0) ftruncateSync(fd, at);
  else if (next(3) === 0) fallocate(fd, PUNCH_HOLE | KEEP_SIZE, at, length);
  else writeSync(fd, Buffer.alloc(length, 1), 0, length, at);
}

const mounted = mountVolume(device, mountpoint, 0);
if (mounted !== 'ok') throw new Error(`mount: ${mounted}`);
const folder = join(mountpoint, 'work');
mkdirSync(folder);
const files = Array.from({ length: FILES }, (_, i) => new VersionedFile(join(folder, `file ${i}`)));
const promised: Versions[] = files.map((file) => file.sync());
const disturbed = openSync(join(folder, 'disturbed'), 'wx+');
for (let step = 0; step < Number(stepsText); step++) {
  const i = next(FILES);
  const file = files[i]!;
  if (next(3) > 0 || file.pieces === 0) for (let n = next(30); n >= 0; n--) file.write(file.pieces);
  else file.write(next(file.pieces));
  if (next(2) === 0) disturb(disturbed);
  if (next(12) === 0) {
    promised[i] = file.sync();
    note('promised', JSON.stringify(promised));
  }
}
// Open without a name: the next mount for writing has to free it.
const nameless = join(folder, 'nameless');
writeSync(openSync(nameless, 'wx'), Buffer.alloc(300_000, 1));
unlinkSync(nameless);
files[0]!.sync();
note('status', 'exit 0\n');
reboot(RB_POWER_OFF);
