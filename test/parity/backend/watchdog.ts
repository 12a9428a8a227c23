/**
 * Kills the process `workerData.pid` after `workerData.ms`. Runs as a worker: a system call that hangs in the filesystem
 * blocks the thread of the tests, which only the end of the daemon frees.
 */
import { workerData } from 'node:worker_threads';

const { pid, ms } = workerData as { pid: number; ms: number };
setTimeout(() => process.kill(pid, 'SIGKILL'), ms);
