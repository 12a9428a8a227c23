import { bind, orErrno } from './libc.js';

const killRaw = bind<(pid: number, signal: number) => number>('kill', 'int', ['int', 'int']);
const getpidRaw = bind<() => number>('getpid', 'int', []);
const gettidRaw = bind<() => number>('gettid', 'int', []);
const yieldRaw = bind<() => number>('sched_yield', 'int', []);
const prctlRaw = bind<(option: number, a: number, b: number, c: number, d: number) => number>(
  'prctl',
  'int',
  ['int', 'int64_t', 'int64_t', 'int64_t', 'int64_t'],
);

/** Source: include/uapi/linux/prctl.h. The second is Yama's (ULONG_MAX): any process may attach. */
const PR_SET_PTRACER = 0x59616d61;
const PR_SET_PTRACER_ANY = -1;
const PR_SET_DUMPABLE = 4;

/** kill(2); signal 0 only asks whether the process exists (-ESRCH: no; -EPERM: yes, another user's). */
export function kill(pid: number, signal: number): number {
  return orErrno(killRaw(pid, signal));
}

export function getpid(): number {
  return getpidRaw();
}

/** Id of the calling kernel thread; differs between workers. */
export function gettid(): number {
  return gettidRaw();
}

/**
 * Lets the process `pid` (or any, without an argument; or none, with 0) move data to and from this process's memory where
 * Yama would forbid it. 0, or -EINVAL on kernels without Yama, where nothing needs to be allowed.
 */
export function allowMemoryAccess(pid: number = PR_SET_PTRACER_ANY): number {
  return orErrno(prctlRaw(PR_SET_PTRACER, pid, 0, 0, 0));
}

/** prctl(PR_SET_DUMPABLE): a process that is not dumpable keeps others of its user out of its memory. */
export function setDumpable(dumpable: boolean): number {
  return orErrno(prctlRaw(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0));
}

/** sched_yield(2): other threads that want this processor go first. */
export function yieldProcessor(): void {
  yieldRaw();
}
