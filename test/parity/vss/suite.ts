import { closeSync, constants, openSync } from 'node:fs';
import ava, { type SerialFn } from 'ava';
import { makeVssBackend, type VssBackend } from './backend.js';

/** What a test file gets. Each test begins without a store: `start` gives it an empty one, which goes after the test. */
export interface VssSuite {
  readonly test: SerialFn;
  readonly backend: VssBackend;
  /** Starts the store and opens it for reading and writing. */
  start(capacity?: number): Promise<number>;
  /** A descriptor that is closed after the test; O_RDWR when `flags` are left out. */
  open(flags?: number): number;
  /** For what the test itself needs. */
  readonly scratch: string;
}

export function vssSuite(): VssSuite {
  const { backend, folder, release } = makeVssBackend();
  const opened: number[] = [];
  const open = (flags: number = constants.O_RDWR): number => {
    const fd = openSync(backend.path, flags);
    opened.push(fd);
    return fd;
  };
  ava.serial.afterEach.always('the store is ended', async () => {
    for (const fd of opened.splice(0)) closeSync(fd);
    await backend.end();
  });
  ava.serial.after.always('its folder is removed', release);
  return {
    test: ava.serial,
    backend,
    open,
    scratch: folder,
    async start(capacity) {
      await backend.start(capacity);
      return open();
    },
  };
}
