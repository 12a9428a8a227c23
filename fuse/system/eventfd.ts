import { errno } from './errno.js';
import { O_CLOEXEC, O_NONBLOCK, read, write } from './files.js';
import { bind, orErrno } from './libc.js';
import { putWord, scratchAddress, takeWord } from './scratch.js';

const eventfdRaw = bind<(initial: number, flags: number) => number>('eventfd', 'int', ['uint32_t', 'int']);

/** A non-blocking eventfd(2) with count 0: one thread polls it, any other wakes it. Descriptor or -errno. */
export function createEventFd(): number {
  return orErrno(eventfdRaw(0, O_NONBLOCK | O_CLOEXEC));
}

/** EFD_SEMAPHORE of include/linux/eventfd.h: a read takes one signal instead of all. */
const EFD_SEMAPHORE = 1;

/** A blocking eventfd(2) that counts: each signal wakes one `waitForSignal`. Descriptor or -errno. */
export function createBell(): number {
  return orErrno(eventfdRaw(0, EFD_SEMAPHORE | O_CLOEXEC));
}

/** Sleeps until `createBell`'s descriptor was signalled, and takes one signal. 8, or -errno other than EINTR. */
export function waitForSignal(fd: number): number {
  for (;;) {
    const result = read(fd, scratchAddress, 8);
    if (result !== -errno.EINTR) return result;
  }
}

/** Wakes whoever polls `fd`, or `count` that wait for it. 8, or -errno (-EAGAIN: the counter is full, which wakes as well). */
export function signalEventFd(fd: number, count = 1): number {
  putWord(0, count);
  return write(fd, scratchAddress, 8);
}

/** Takes all pending signals: their number, 0 when there was none, or -errno other than EAGAIN. */
export function drainEventFd(fd: number): number {
  const result = read(fd, scratchAddress, 8);
  if (result === 8) return takeWord(0);
  return result === -errno.EAGAIN ? 0 : result;
}
