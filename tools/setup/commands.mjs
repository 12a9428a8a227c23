import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

// Debian keeps mkfs and losetup in sbin, which is not on an ordinary user's PATH.
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** A step of the set-up that failed: `message` is what to print, `step` which one it was. */
export class StepError extends Error {
  constructor(step, message) {
    super(message);
    this.name = 'StepError';
    this.step = step;
  }
}

/** The path of an executable that the PATH or a system folder holds, or undefined. */
export function findCommand(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  for (const folder of folders) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

/** One line of progress: what, and how it stands. */
export function report(what, state) {
  console.log(`${what.padEnd(10)} ${state}`);
}

/**
 * Runs a command silently. When it fails, everything that it printed and the command itself are in the StepError.
 * @param {string} step its name in messages
 * @param {string[]} command
 * @param {{ cwd: string, env?: object, minutes?: number, terminal?: boolean }} options `terminal` lets it ask the user
 * @returns {number} seconds it took
 */
export function runStep(step, [program, ...args], { cwd, env = {}, minutes = 10, terminal = false }) {
  const start = performance.now();
  const result = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: terminal ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    timeout: minutes * 60_000,
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  if (result.status === 0) return (performance.now() - start) / 1000;
  const line = [program, ...args].join(' ');
  const reason =
    result.error?.code === 'ETIMEDOUT'
      ? `had not ended after ${minutes} minutes`
      : result.error !== undefined
        ? `could not be started (${result.error.message})`
        : `ended with ${result.signal ?? `exit code ${result.status}`}`;
  throw new StepError(step, `${result.stdout ?? ''}${result.stderr ?? ''}\n${step}: \`${line}\` ${reason}.`);
}
