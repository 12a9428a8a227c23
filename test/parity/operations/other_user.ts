import { must } from '../backend/programs.js';

/** Who runs a script: not root, without any capability. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
}

export const NOBODY: User = { uid: 65_534, gid: 65_534 };

/**
 * Runs Python as another user and returns what it prints, by line. `ask(call, ...)` prints what the call returns, or the
 * name of its errno.
 */
export function asUser(user: User, script: string, words: readonly string[] = []): string[] {
  const prologue = `
import os, errno, sys, stat, fcntl, mmap, resource, signal, struct
os.setgroups(${JSON.stringify(user.groups ?? [])})
os.setresgid(${user.gid}, ${user.gid}, ${user.gid})
os.setresuid(${user.uid}, ${user.uid}, ${user.uid})
os.umask(0)
p = sys.argv[1:]
def ask(call, *words):
    try:
        print(call(*words))
    except OSError as e:
        print(errno.errorcode[e.errno])
`;
  return must('python3', ['-c', prologue + script, ...words])
    .trim()
    .split('\n');
}
