import { errno, readProcess, type Transfer, writeProcess, writeProcessAll } from '../../system/index.js';
import type { Exchange, JobSlot } from '../exchange.js';
import { log } from '../log.js';

let told = false;

/** The errno that a caller gets when his memory could not be moved; `result` is what the system call said. */
function errnoFor(result: number): number {
  if (result === -errno.EPERM) {
    if (!told) {
      told = true;
      log(
        'the memory of a caller may not be touched: run the daemon as root or as the same user, or let the caller call prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY) where /proc/sys/kernel/yama/ptrace_scope is 1',
      );
    }
    return errno.EPERM;
  }
  if (result === -errno.ENOMEM) return errno.ENOMEM;
  return errno.EFAULT;
}

/** The job that this thread works on. */
let current: { readonly exchange: Exchange; readonly slot: JobSlot } | undefined;

/** What is moved from now on is moved for this job. */
export function moveFor(exchange: Exchange, slot: JobSlot): void {
  current = { exchange, slot };
}

/** The memory may come late or never (a mapping of a filesystem that does not answer, userfaultfd(2)): others are to know that. */
function atCaller(move: () => number): number {
  current?.exchange.entersCaller(current.slot);
  const result = move();
  current?.exchange.leavesCaller(current.slot);
  return result;
}

/** Copies from the caller to `local`; 0 or a positive errno. Never on the FUSE thread: the pages may lie on this mount. */
export function copyIn(pid: number, local: number, remote: bigint, bytes: number): number {
  const result = atCaller(() => readProcess(pid, local, remote, bytes));
  return result === bytes ? 0 : errnoFor(result);
}

export function copyOut(pid: number, local: number, remote: bigint, bytes: number): number {
  if (bytes === 0) return 0;
  const result = atCaller(() => writeProcess(pid, local, remote, bytes));
  return result === bytes ? 0 : errnoFor(result);
}

/** The same for a few ranges at once. */
export function copyOutAll(pid: number, transfers: readonly Transfer[]): number {
  const result = atCaller(() => writeProcessAll(pid, transfers));
  return result === 0 ? 0 : errnoFor(result);
}
