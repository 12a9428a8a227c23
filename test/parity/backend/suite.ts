import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ava, { type SerialFn } from 'ava';
import { checkVolume } from '../check.js';
import { insert, type Layout, setMeta } from '../client/vector_calls.js';
import type { Backend, VolumeChoice } from './backend.js';
import { FuseBackend } from './fuse.js';
import { KernelBackend } from './kernel.js';
import { SLOWNESS } from './programs.js';

/** What a test file gets. */
export interface Suite {
  /** Tests of one file share a volume, so they run one after the other. */
  readonly test: SerialFn;
  readonly backend: Backend;
  /** A path on the volume that no other call has returned; `suffix` ends the name. */
  fresh(suffix?: string): string;
  /** A new folder under such a path. */
  folder(): string;
  /** openSync() of a path, closed after the test. `flags` as in fopen(3) or numeric; made and read-write when left out. */
  open(path: string, flags?: string | number): number;
  /** Closes a descriptor of `open` now. */
  close(fd: number): void;
  /** Closes all of them, as before an unmount. */
  closeAll(): void;
  /** A crash, then a mount. `fds` of `open` are closed: no descriptor survives a crash. */
  crashAndMount(...fds: number[]): Promise<void>;
  /** An open vector file with a layout, and rows under the ids 0, 1, ... when given. */
  vectorFile(layout: Layout, rows?: Float32Array | readonly number[]): VectorFile;
  /** A folder off the volume, for what the test itself needs. */
  readonly scratch: string;
}

export interface VectorFile {
  readonly path: string;
  readonly fd: number;
}

type Maker = (folder: string, choice: VolumeChoice) => Backend;

const makers: Readonly<Record<string, Maker>> = {
  fuse: (folder, choice) => new FuseBackend(folder, choice),
  kernel: (folder, choice) => new KernelBackend(folder, choice),
};

/** Makes the backend that VEXFS_BACKEND names (fuse when unset). */
function makeBackend(folder: string, choice: VolumeChoice): Backend {
  const name = process.env.VEXFS_BACKEND ?? 'fuse';
  const maker = makers[name];
  if (maker === undefined) throw new Error(`no backend ${name}: there are ${Object.keys(makers).join(', ')}`);
  return maker(folder, choice);
}

/**
 * Makes a volume for the tests of the calling file and mounts it. After the last test it is unmounted and checked: whatever
 * the tests did, what they leave has to be a sound volume.
 */
export function paritySuite(choice: VolumeChoice): Suite {
  const folder = mkdtempSync(join(choice.folder ?? tmpdir(), 'vexfs-parity-'));
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  const backend = makeBackend(folder, choice);
  const opened = new Set<number>();
  let count = 0;
  if ((choice.blockSize ?? 0) <= backend.largestBlock)
    ava.serial.before('the volume is mounted', () => backend.mount());
  ava.serial.after.always('the volume is sound in the end', async (t) => {
    t.timeout(60_000 * SLOWNESS);
    try {
      await backend.end();
      checkVolume(backend.device);
    } finally {
      backend.release();
      rmSync(folder, { recursive: true, force: true });
    }
  });
  const closeAll = (): void => {
    for (const fd of opened) {
      opened.delete(fd);
      closeSync(fd);
    }
  };
  ava.serial.afterEach.always('descriptors are closed', closeAll);
  const suite: Suite = {
    test: ava.serial,
    backend,
    scratch,
    fresh(suffix = '') {
      count += 1;
      return join(backend.mountpoint, `f${count}${suffix}`);
    },
    folder() {
      const path = suite.fresh('.d');
      mkdirSync(path);
      return path;
    },
    open(path, flags = constants.O_RDWR | constants.O_CREAT) {
      const fd = openSync(path, flags, 0o644);
      opened.add(fd);
      return fd;
    },
    close(fd) {
      opened.delete(fd);
      closeSync(fd);
    },
    closeAll,
    async crashAndMount(...fds) {
      await backend.crash();
      for (const fd of fds) {
        try {
          suite.close(fd);
        } catch {
          // close(2) of a file whose filesystem is gone may say so.
        }
      }
      await backend.mount();
    },
    vectorFile(layout, rows) {
      const path = suite.fresh('.vec');
      const fd = suite.open(path);
      expectOk(setMeta(fd, layout), 'SET_VECTOR_META');
      if (rows !== undefined) expectOk(insert(fd, rows, { dimensions: layout.dimensions }), 'BATCH_INSERT');
      return { path, fd };
    },
  };
  return suite;
}

/** Throws when a call that a test builds on did not succeed. */
export function expectOk(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}
