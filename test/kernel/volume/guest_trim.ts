/**
 * In a guest: what FITRIM makes of the blocks that an image takes on its own filesystem. Writes `answers`.
 *   guest_trim.js IMAGE MOUNTPOINT
 */
import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, openSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ioctlBytes } from '../../parity/operations/calls.js';
import { MS_RDONLY, MS_REMOUNT, mountVolume, unmountVolume, withLoop } from './mounting.js';

const [original, mountpoint] = process.argv.slice(2) as [string, string];
// A tmpfs gives memory back that a loop device over it forgets.
const image = join(tmpdir(), 'image');
copyFileSync(original, image);

/** _IOWR('X', 121, struct fstrim_range), include/uapi/linux/fs.h. */
const FITRIM = 0xc0185879;

/** 0, or the name of the errno. */
function trim(start = 0n, least = 0n): number | string {
  const range = Buffer.alloc(24);
  range.writeBigUInt64LE(start, 0);
  range.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 8);
  range.writeBigUInt64LE(least, 16);
  const fd = openSync(mountpoint, 'r');
  const answer = ioctlBytes(fd, FITRIM, range);
  closeSync(fd);
  return answer;
}

function taken(): number {
  spawnSync('sync');
  return statSync(image).blocks * 512;
}

withLoop(image, [], (device) => {
  if (mountVolume(device, mountpoint, 0) !== 'ok') throw new Error('mount');
  const kept = Buffer.alloc(3 << 20, 0x55);
  writeFileSync(join(mountpoint, 'kept'), kept);
  writeFileSync(join(mountpoint, 'gone'), Buffer.alloc(40 << 20, 0xaa));
  spawnSync('sync');
  const full = taken();
  unlinkSync(join(mountpoint, 'gone'));
  const all = trim();
  const trimmed = taken();
  const outside = trim(1n << 40n);
  const tooMuch = trim(0n, 1n << 40n);
  const readOnly = [
    mountVolume('none', mountpoint, MS_REMOUNT | MS_RDONLY),
    trim(),
    unmountVolume(mountpoint),
  ];
  const answers = { all, givenBack: full - trimmed >= 39 << 20, outside, tooMuch, readOnly };
  writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'answers'), JSON.stringify(answers));
});
copyFileSync(image, original);
