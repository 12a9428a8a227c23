/**
 * A process that calls with memory which comes only when it is told to: OPERATION PATH DIMENSIONS, where OPERATION is `insert`,
 * `search` (the query is held back) or `answer` (the room for distances is). Prints `held` when the call waits for the memory; ends
 * the wait when it reads a line, and prints the outcome of the call.
 */
import { openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { HeldPage } from './held_page.js';
import type { HeldTask } from './held_thread.js';

const [operation = '', path = '', dimensions = ''] = process.argv.slice(2);
const page = new HeldPage();
const task: HeldTask = {
  operation,
  fd: openSync(path, 'r+'),
  dimensions: Number(dimensions),
  address: page.address,
};
const thread = new Worker(new URL('./held_thread.js', import.meta.url), { workerData: task });
thread.once('message', (outcome: string) => console.log(outcome));
page.whenWanted(() => {
  console.log('held');
  process.stdin.once('data', () => {
    page.release();
    process.stdin.destroy();
  });
});
