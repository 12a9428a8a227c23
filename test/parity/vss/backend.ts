import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMounted } from '@vexfs/fuse/mount';
import { errno, errnoName } from '@vexfs/fuse/system';
import koffi from 'koffi';
import { abort } from '../backend/abort.js';
import { run } from '../backend/programs.js';

/** What serves the calls: vexfs-vss on a mount, or vss.ko, which is loaded and unloaded in a guest. */
export interface VssBackend {
  readonly name: 'fuse' | 'kernel';
  /** The file that takes the calls. */
  readonly path: string;
  /** Begins with an empty store. Throws when it is refused, as for a capacity out of range. */
  start(capacity?: number): Promise<void>;
  /** Ends it; throws when something still uses the file. Nothing when it has not been started. */
  end(): Promise<void>;
}

/** From dist/parity/vss up to the root of the project. */
export const VEXFS_VSS: string = fileURLToPath(
  new URL('../../../../fuse/bin/vexfs-vss.mjs', import.meta.url),
);
const BUSY_MS = 5_000;
const END_MS = 30_000;
/** A server that serves one test for longer hangs; its end frees the thread of the tests from a call that does. */
const HANG_SECONDS = '110';

class FuseVss implements VssBackend {
  readonly name = 'fuse';
  readonly path: string;
  readonly #mountpoint: string;
  #server: ChildProcess | undefined;
  #said = '';

  constructor(folder: string) {
    this.#mountpoint = join(folder, 'mnt');
    mkdirSync(this.#mountpoint);
    this.path = join(this.#mountpoint, 'vss');
  }

  async start(capacity?: number): Promise<void> {
    const words = capacity === undefined ? [] : ['--capacity', String(capacity)];
    const limited = ['--signal=KILL', HANG_SECONDS, process.execPath, VEXFS_VSS, '-f'];
    const server = spawn('timeout', [...limited, ...words, this.#mountpoint], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    this.#said = '';
    server.stderr!.on('data', (text: Buffer) => {
      this.#said += text.toString();
    });
    while (!isMounted(this.#mountpoint)) {
      if (server.exitCode !== null) throw new Error(`vexfs-vss ended with ${server.exitCode}: ${this.#said}`);
      await sleep(5);
    }
    this.#server = server;
  }

  async end(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const ended = server.exitCode === null ? once(server, 'exit') : undefined;
    try {
      await patiently(() => {
        const { code, stderr } = run('umount', [this.#mountpoint]);
        return code === 0 ? undefined : stderr;
      });
      await Promise.race([ended, sleep(END_MS, undefined, { ref: false })]);
      const how = server.exitCode ?? server.signalCode ?? `nothing after ${END_MS} ms`;
      if (how !== 0) throw new Error(`vexfs-vss ended with ${how}: ${this.#said}`);
    } finally {
      if (server.exitCode === null && server.signalCode === null) {
        server.kill('SIGTERM');
        abort(this.#mountpoint);
      }
      this.#server = undefined;
    }
  }
}

const O_NONBLOCK = 0o4000;
/** asm/unistd.h */
const CALLS = process.arch === 'arm64' ? { load: 273, unload: 106 } : { load: 313, unload: 176 };

class KernelVss implements VssBackend {
  readonly name = 'kernel';
  readonly path = '/dev/vss';
  readonly #load = koffi.load(null).func('long syscall(long call, long fd, const char *words, long flags)');
  readonly #unload = koffi.load(null).func('syscall', 'long', ['long', 'str', 'long']);
  #loaded = false;

  async start(capacity?: number): Promise<void> {
    const fd = openSync(process.env.VEXFS_VSS_MODULE!, 'r');
    const words = capacity === undefined ? '' : `capacity=${capacity}`;
    const failed = this.#load(CALLS.load, fd, words, 0) === 0 ? 0 : koffi.errno();
    closeSync(fd);
    if (failed !== 0) throw new Error(`loading vss.ko: ${errnoName(failed)}`);
    this.#loaded = true;
  }

  async end(): Promise<void> {
    if (!this.#loaded) return;
    await patiently(() => {
      if (this.#unload(CALLS.unload, 'vss', O_NONBLOCK) === 0) return undefined;
      const failed = koffi.errno();
      if (failed !== errno.EAGAIN) throw new Error(`unloading vss.ko: ${errnoName(failed)}`);
      return 'vss.ko is in use';
    });
    this.#loaded = false;
  }
}

/** Tries again while descriptors that were just closed may still count. `attempt` returns why it could not. */
async function patiently(attempt: () => string | undefined): Promise<void> {
  const deadline = performance.now() + BUSY_MS;
  for (;;) {
    const reason = attempt();
    if (reason === undefined) return;
    if (performance.now() > deadline) throw new Error(reason);
    await sleep(50);
  }
}

/** What VEXFS_BACKEND names (fuse when unset), and how to let go of its folder. */
export function makeVssBackend(): { backend: VssBackend; folder: string; release: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-vss-'));
  const backend = process.env.VEXFS_BACKEND === 'kernel' ? new KernelVss() : new FuseVss(folder);
  return { backend, folder, release: () => rmSync(folder, { recursive: true, force: true }) };
}
