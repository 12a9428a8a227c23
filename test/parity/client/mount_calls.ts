/** mount(2) and umount(2) of the module, without mount(8) around them. */
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
