import { bind, orErrno, rawAddress } from './libc.js';

const pollRaw = bind<(fds: number, count: number, timeout: number) => number>('poll', 'int', [
  'int64_t',
  'uint64_t',
  'int',
]);

/** Source: include/uapi/asm-generic/poll.h. */
export const POLLIN = 0x001;
export const POLLOUT = 0x004;
export const POLLERR = 0x008;
export const POLLHUP = 0x010;
export const POLLNVAL = 0x020;

/** sizeof(struct pollfd): int fd at 0, short events at 4, short revents at 6. */
const POLLFD = 8;

/** A set of descriptors that one thread waits on; the array of struct pollfd is built once. */
export class PollSet {
  readonly count: number;
  readonly #view: DataView;
  readonly #address: number;

  /** Waits for `events` (POLLIN unless told) of each descriptor; a negative one is ignored by the kernel. */
  constructor(fds: readonly number[], events = POLLIN) {
    const buffer = new ArrayBuffer(Math.max(1, fds.length) * POLLFD);
    this.count = fds.length;
    this.#view = new DataView(buffer);
    this.#address = rawAddress(buffer);
    fds.forEach((fd, index) => {
      this.#view.setInt32(index * POLLFD, fd, true);
      this.#view.setInt16(index * POLLFD + 4, events, true);
    });
  }

  /** poll(2): the number of descriptors that are ready, 0 after `timeoutMs` (-1: no limit), or -errno (-EINTR too). */
  wait(timeoutMs: number): number {
    return orErrno(pollRaw(this.#address, this.count, timeoutMs));
  }

  /** What the last wait found for the descriptor at `index`: POLLIN, POLLERR, ... or 0. */
  ready(index: number): number {
    return this.#view.getInt16(index * POLLFD + 6, true);
  }

  /** Replaces the descriptor at `index`; -1 takes it out of the set. */
  replace(index: number, fd: number): void {
    this.#view.setInt32(index * POLLFD, fd, true);
  }
}
