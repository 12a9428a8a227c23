/** Loading and unloading kernel modules, for programs in a guest. */
import { closeSync, openSync } from 'node:fs';
import { errnoName } from '@vexfs/fuse/system';
import koffi from 'koffi';

const O_NONBLOCK = 0o4000;
/** asm/unistd.h of x86-64, where guests run. */
const FINIT_MODULE = 313;
const DELETE_MODULE = 176;

const load = koffi.load(null).func('long syscall(long call, long fd, const char *words, long flags)');
const unload = koffi.load(null).func('syscall', 'long', ['long', 'str', 'long']);

/** `ok`, or the name of the errno. */
export function loadModule(path: string): string {
  const fd = openSync(path, 'r');
  const failed = load(FINIT_MODULE, fd, '', 0) === 0 ? 0 : koffi.errno();
  closeSync(fd);
  return failed === 0 ? 'ok' : errnoName(-failed);
}

/** `ok`, or the name of the errno: EAGAIN where something uses it. */
export function unloadModule(name: string): string {
  return unload(DELETE_MODULE, name, O_NONBLOCK) === 0 ? 'ok' : errnoName(-koffi.errno());
}
