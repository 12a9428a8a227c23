import type { FileHandle } from 'node:fs/promises';
import { Errno } from '@vexfs/shared';
import { type FailedCall, VexfsError } from './error.js';
import { ioctl } from './ioctl.js';

/** An open file whose ioctls may run at the same time; closing it waits for them. */
export class CallableFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #on: FailedCall['on'];
  readonly #running = new Set<Promise<number>>();
  #closing: Promise<void> | undefined;

  constructor(path: string, handle: FileHandle, on?: FailedCall['on']) {
    this.path = path;
    this.#handle = handle;
    this.#on = on;
  }

  /** The file for other calls than ioctls. @throws VexfsError EBADF when it is closed */
  open(operation: string): FileHandle {
    if (this.#closing !== undefined) throw this.#error(operation, Errno.EBADF);
    return this.#handle;
  }

  /**
   * @param keep what `argument` points to; it stays where it is until the call returns
   * @throws VexfsError of the call; EBADF when the file is closed
   */
  async call(
    operation: string,
    command: number,
    argument: Uint8Array,
    keep: readonly unknown[] = [],
  ): Promise<void> {
    const call = ioctl(this.open(operation).fd, command, argument, keep);
    this.#running.add(call);
    try {
      const result = await call;
      if (result < 0) throw this.#error(operation, -result);
    } finally {
      this.#running.delete(call);
    }
  }

  /** Waits for the calls that are under way and closes the file; a second call waits for the first. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#running);
      await this.#handle.close();
    })();
    return this.#closing;
  }

  #error(operation: string, errno: number): VexfsError {
    const call: FailedCall = { errno, operation, path: this.path };
    return new VexfsError(this.#on === undefined ? call : { ...call, on: this.#on });
  }
}
