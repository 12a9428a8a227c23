import { errno } from './errno.js';
import { O_CLOEXEC, O_NONBLOCK, read, write } from './files.js';
import { bind, orErrno } from './libc.js';
import { putWord, scratchAddress, takeWord } from './scratch.js';

const eventfdRaw = bind<(initial: number, flags: number) => number>('eventfd', 'int', ['uint32_t', 'int']);

/** A non-blocking eventfd(2) with count 0: one thread polls it, any other wakes it. Descriptor or -errno. */
export function createEventFd(): number {
  return orErrno(eventfdRaw(0, O_NONBLOCK | O_CLOEXEC));
}

/** Wakes whoever polls `fd`. 8, or -errno (-EAGAIN: the counter is full, which wakes as well). */
export function signalEventFd(fd: number): number {
  putWord(0, 1);
  return write(fd, scratchAddress, 8);
}

/** Takes all pending signals: their number, 0 when there was none, or -errno other than EAGAIN. */
export function drainEventFd(fd: number): number {
  const result = read(fd, scratchAddress, 8);
  if (result === 8) return takeWord(0);
  return result === -errno.EAGAIN ? 0 : result;
}
