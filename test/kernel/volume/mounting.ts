/** What programs in a guest mount with. */
import { spawnSync } from 'node:child_process';

export * from '../../parity/client/mount_calls.js';

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
