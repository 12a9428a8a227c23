import { existsSync, mkdirSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { must, run } from '../backend/programs.js';

/** Before 6.13 times on ext4 are as coarse as the clock's tick, and a call may leave the time that was there. */
const FINE_TIMES: readonly [number, number] = [6, 13];

/** An ext4 in an image file on a loop device. */
export interface Ext4 {
  readonly mountpoint: string;
  remountReadOnly(): void;
  end(): void;
}

/** Whether there is something to mount one with, and its times are fine enough to compare with. */
export function canMountExt4(): boolean {
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  const isFine = major > FINE_TIMES[0] || (major === FINE_TIMES[0] && minor >= FINE_TIMES[1]);
  return isFine && existsSync('/dev/loop-control') && run('mkfs.ext4', ['-V']).code === 0;
}

/** Makes and mounts one below `folder`. */
export function mountExt4(folder: string): Ext4 {
  const mountpoint = join(folder, 'ext4');
  const image = join(folder, 'ext4.img');
  mkdirSync(mountpoint);
  must('truncate', ['-s', '256M', image]);
  must('mkfs.ext4', ['-q', '-b', '4096', '-I', '256', image]);
  must('mount', ['-t', 'ext4', '-o', 'loop,relatime', image, mountpoint]);
  return {
    mountpoint,
    remountReadOnly: () => void must('mount', ['-o', 'remount,ro', mountpoint]),
    end: () => void must('umount', [mountpoint]),
  };
}
