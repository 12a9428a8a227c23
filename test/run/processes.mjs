import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const running = new Set();

/** Kills every command that is running with everything in its process group. */
export function endRunning() {
  for (const child of running) endGroup(child);
}

function endGroup(child) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/**
 * Runs a command in a process group of its own, without input, and hands each line it prints to `onLine`.
 * Resolves with undefined when it succeeded, else with a sentence that says how it ended.
 * @param {{ program: string, args: string[], cwd: string }} command
 * @param {{ env: object, minutes: number, onLine: (line: string) => void }} options
 */
export function runCommand({ program, args, cwd }, { env, minutes, onLine }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      endGroup(child);
    }, minutes * 60_000);
    const streams = [child.stdout, child.stderr];
    for (const stream of streams) createInterface({ input: stream }).on('line', onLine);
    const settle = (sentence) => {
      clearTimeout(limit);
      running.delete(child);
      resolve(sentence);
    };
    child.once('error', (error) => settle(`${program} could not be started: ${error.message}`));
    child.once('exit', () => {
      // A process that was left behind may hold the pipes open: it must not keep the run waiting.
      setTimeout(() => {
        for (const stream of streams) stream.destroy();
      }, 2_000).unref();
    });
    child.once('close', (code, signal) => {
      if (late) settle(`did not end within ${minutes} minutes`);
      else if (code === 0) settle(undefined);
      else settle(`${program} ended with ${signal ?? `exit code ${code}`}`);
    });
  });
}
