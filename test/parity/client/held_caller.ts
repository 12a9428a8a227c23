/**
 * A process that calls with memory which comes only when it is told to: OPERATION PATH DIMENSIONS, where OPERATION is `insert`,
 * `search` (the query is held back) or `answer` (the room for distances is). Prints `held` when the call waits for the memory; ends
 * the wait when it reads a line, and prints the outcome of the call.
 */
import { openSync, readSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { allocateMemory, ioctl, type Memory } from '@vexfs/fuse/system';
import koffi from 'koffi';
import type { HeldTask } from './held_thread.js';

/** asm/unistd.h */
const USERFAULTFD = process.arch === 'arm64' ? 282 : 323;
const O_NONBLOCK = 0o4000;
/** linux/userfaultfd.h */
const API = 0xaan;
const UFFDIO_API = 0xc018aa3f;
const UFFDIO_REGISTER = 0xc020aa00;
const UFFDIO_ZEROPAGE = 0xc020aa04;
const MODE_MISSING = 1n;
const MESSAGE_BYTES = 32;
const POLL_MS = 5;

const [operation = '', path = '', dimensions = ''] = process.argv.slice(2);
const words = allocateMemory(4096);
const held: Memory = allocateMemory(4096);

function ask(fd: number, command: number, ...fields: bigint[]): void {
  for (const [at, field] of fields.entries()) words.view.setBigUint64(8 * at, field, true);
  const result = ioctl(fd, command, words.address);
  if (result < 0) throw new Error(`userfaultfd 0x${command.toString(16)}: ${result}`);
}

const faults = koffi.load(null).func('long syscall(long call, long flags)')(
  USERFAULTFD,
  O_NONBLOCK,
) as number;
if (faults < 0) throw new Error(`userfaultfd: errno ${koffi.errno()}`);
const range = [BigInt(held.address), BigInt(held.bytes.byteLength)];
ask(faults, UFFDIO_API, API, 0n);
ask(faults, UFFDIO_REGISTER, ...range, MODE_MISSING);

const task: HeldTask = {
  operation,
  fd: openSync(path, 'r+'),
  dimensions: Number(dimensions),
  address: held.address,
};
const thread = new Worker(new URL('./held_thread.js', import.meta.url), { workerData: task });
thread.once('message', (outcome: string) => console.log(outcome));

const waiting = setInterval(() => {
  try {
    readSync(faults, Buffer.alloc(MESSAGE_BYTES));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return;
    throw error;
  }
  clearInterval(waiting);
  console.log('held');
  process.stdin.once('data', () => {
    ask(faults, UFFDIO_ZEROPAGE, ...range, 0n);
    process.stdin.destroy();
  });
}, POLL_MS);
