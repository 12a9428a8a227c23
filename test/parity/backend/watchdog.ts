/**
 * Ends the daemon `workerData.pid` and its mount after `workerData.ms`. Runs as a worker: a system call that hangs in the
 * filesystem blocks the thread of the tests, and only the end of the mount frees it.
 */
import { workerData } from 'node:worker_threads';
import { abort } from './abort.js';

const { pid, ms, mountpoint } = workerData as { pid: number; ms: number; mountpoint: string };
setTimeout(() => {
  process.kill(pid, 'SIGKILL');
  abort(mountpoint);
}, ms);
