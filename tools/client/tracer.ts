/**
 * A FUSE daemon moves vectors with process_vm_readv and process_vm_writev. Where Yama restricts ptrace to descendants
 * (ptrace_scope 1, the default of Ubuntu and others), a daemon of the same user may do so only for a program that
 * allowed it by prctl(2). The permission covers every process of the user, so it is given only where it is needed.
 */
import { readFileSync } from 'node:fs';
import koffi from 'koffi';

const SCOPE = '/proc/sys/kernel/yama/ptrace_scope';
/** linux/prctl.h */
const PR_SET_PTRACER = 0x59616d61;
const PR_SET_PTRACER_ANY = -1;

let asked = false;

/** Runs prctl once in the life of the program, and only under ptrace_scope 1. */
export function allowDaemon(): void {
  if (asked) return;
  asked = true;
  let scope: string;
  try {
    scope = readFileSync(SCOPE, 'utf8').trim();
  } catch {
    return; // a kernel without Yama restricts nothing
  }
  if (scope !== '1') return;
  const prctl = koffi.load(null).func('int prctl(int option, long a, long b, long c, long d)');
  // It fails only where Yama is built but not active, and then nothing is restricted either.
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}
