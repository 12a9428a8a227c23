import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { close, duplicateOver, socketPair } from '../system/index.js';

/**
 * Lets stderr of this process, which has no terminal any more, lead into the system's log: logger(1) takes it line by line, also
 * what a dying process still writes, and ends with it. Without logger it leads nowhere. The end of a pipe that is full is
 * not waited for anywhere else, so what is logged has to stay little.
 */
export function logToSystem(program: string): void {
  const pair = socketPair();
  if (typeof pair === 'number') {
    logNowhere();
    return;
  }
  const [ours, theirs] = pair;
  const words = ['--tag', program, `--id=${process.pid}`, '--priority', 'daemon.warning'];
  // A system without a log is no reason for logger to end: a socket that nobody reads would be an error to write to.
  const logger = spawn('logger', ['--socket-errors=off', ...words], {
    stdio: [theirs, 'ignore', 'ignore'],
    detached: true,
  });
  logger.once('error', logNowhere);
  logger.once('exit', logNowhere);
  logger.unref();
  close(theirs);
  duplicateOver(ours, 2);
  close(ours);
}

function logNowhere(): void {
  duplicateOver(openSync('/dev/null', 'r+'), 2);
}
