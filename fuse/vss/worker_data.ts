import type { FileHandle } from './filesystem.js';
import type { InterruptsHandle } from './interrupts.js';
import type { StoreHandle } from './store.js';

/** What a thread starts with. */
export interface WorkerData {
  /** The FUSE device, which all threads read. */
  readonly fd: number;
  /** An eventfd that is signalled when the threads are to end. */
  readonly stopFd: number;
  /** Number of this thread. */
  readonly thread: number;
  readonly store: StoreHandle;
  readonly interrupts: InterruptsHandle;
  readonly file: FileHandle;
}

/** The largest argument of an ioctl is 16 KiB, and the kernel wants room for its smallest WRITE. */
export const INPUT_BYTES: number = 32 << 10;
