/** mount(2) and umount(2) for programs in a guest. */
import { spawnSync } from 'node:child_process';
import { errnoName } from '@vexfs/fuse/system';
import koffi from 'koffi';

const libc = koffi.load(null);
const mountRaw = libc.func('mount', 'int', ['str', 'str', 'str', 'uint64_t', 'str']);
const umountRaw = libc.func('umount2', 'int', ['str', 'int']);

export const MS_RDONLY = 1;
export const MS_REMOUNT = 32;

/** `ok`, or the name of the errno. */
export function mountVolume(device: string, target: string, flags: number = MS_RDONLY, options = ''): string {
  return mountRaw(device, target, 'vexfs', flags, options) === 0 ? 'ok' : errnoName(-koffi.errno());
}

export function unmountVolume(target: string): string {
  return umountRaw(target, 0) === 0 ? 'ok' : errnoName(-koffi.errno());
}

/** A block device over an image file, for as long as `work` runs. */
export function withLoop<T>(image: string, words: readonly string[], work: (device: string) => T): T {
  const made = spawnSync('losetup', [...words, '--find', '--show', image], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`losetup ${image}: ${made.stderr}`);
  const device = made.stdout.trim();
  try {
    return work(device);
  } finally {
    spawnSync('losetup', ['--detach', device]);
  }
}
