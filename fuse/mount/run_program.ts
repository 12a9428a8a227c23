import { type StdioOptions, spawn } from 'node:child_process';
import { MountError } from './mount_error.js';

/** How a program ended. `status` is its exit code, 255 when a signal ended it. */
export interface Outcome {
  readonly status: number;
  /** What it wrote to stderr, without the last newline. */
  readonly complaint: string;
}

/** Most bytes of stderr that are kept. */
const COMPLAINT_LIMIT = 4096;

/**
 * Runs a program to its end with `descriptor` as its fd 3 (none when undefined). The event loop stays free, so that a
 * filesystem served by this process can answer what the program asks of it. Throws MountError when it cannot be started.
 */
export function runProgram(
  program: string,
  parameters: readonly string[],
  descriptor?: number,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Outcome> {
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe'];
  if (descriptor !== undefined) stdio.push(descriptor);
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio, env: { ...environment, LC_ALL: 'C' } });
    let complaint = '';
    child.stderr?.setEncoding('utf8');
    child.stderr?.on('data', (text: string) => {
      if (complaint.length < COMPLAINT_LIMIT) complaint += text;
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'it is not installed' : error.message;
      reject(new MountError(`cannot run ${program}: ${why}`));
    });
    child.on('close', (code) => resolve({ status: code ?? 255, complaint: complaint.trim() }));
  });
}
