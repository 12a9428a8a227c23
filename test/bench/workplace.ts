import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMounted } from '@vexfs/fuse/mount';
import { MKFS, must, run, VEXFS_FUSE } from '../parity/backend/programs.js';

const PROGRAMS = fileURLToPath(new URL('./programs/', import.meta.url));
const MOUNT_MS = 60_000;
const END_MS = 60_000;
const POLL_MS = 2;
/** No load runs longer than this; one that does is killed and fails the measure. */
const LOAD_MS = 600_000;

let interrupted: string | undefined;

/** From now on a signal ends the measuring at the next load, so that every mount is ended as after a failure. */
export function endOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      interrupted = signal;
    });
  }
}

/** Throws Interrupted when a signal has come. */
export async function throwIfInterrupted(): Promise<void> {
  // Signals that came while a program ran are delivered to the handler only now.
  await nextTurn();
  if (interrupted !== undefined) throw new Interrupted(interrupted);
}

/** Runs a program to its end. Throws when it fails, and after a signal. */
async function attend(path: string, words: readonly string[]): Promise<string> {
  await throwIfInterrupted();
  return must(path, words, LOAD_MS);
}

/** The measuring was told to end. */
export class Interrupted extends Error {}

/** A load generator or a server that setup.mjs has compiled. */
export function program(name: string): string {
  return join(PROGRAMS, name);
}

/** Runs a load generator to its end and returns the seconds that it printed. */
export async function load(name: string, ...words: readonly (string | number)[]): Promise<number> {
  const seconds = Number(await attend(program(name), words.map(String)));
  if (!(seconds > 0)) throw new Error(`${name} ${words.join(' ')} printed no seconds`);
  return seconds;
}

/** Seconds of a program of the system, from start to end. */
export async function timed(name: string, ...words: readonly string[]): Promise<number> {
  await attend('true', []);
  const start = performance.now();
  must(name, words, LOAD_MS);
  return (performance.now() - start) / 1000;
}

/** A server in a process of its own with its mount. */
export class Mount {
  readonly mountpoint: string;
  private readonly process: ChildProcess;
  private output = '';
  private alive = true;

  private constructor(mountpoint: string, words: readonly string[]) {
    this.mountpoint = mountpoint;
    this.process = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    const collect = (text: Buffer): void => {
      this.output += text.toString();
    };
    this.process.stdout?.on('data', collect);
    this.process.stderr?.on('data', collect);
    this.process.once('exit', () => {
      this.alive = false;
    });
    // Uncaught, a program that cannot be started would end the measuring with its other mounts still there.
    this.process.once('error', (error) => {
      this.output += error.message;
      this.alive = false;
    });
  }

  /** Starts a server and waits for its mount. */
  static async start(mountpoint: string, words: readonly string[]): Promise<Mount> {
    mkdirSync(mountpoint, { recursive: true });
    const mount = new Mount(mountpoint, words);
    const deadline = performance.now() + MOUNT_MS;
    while (!isMounted(mountpoint)) {
      if (!mount.alive || performance.now() > deadline) {
        mount.process.kill('SIGKILL');
        throw new Error(`${words.join(' ')} did not mount: ${mount.output}`);
      }
      await sleep(POLL_MS);
    }
    return mount;
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Unmounts and waits for the server to end. */
  async end(): Promise<void> {
    const deadline = performance.now() + END_MS;
    while (isMounted(this.mountpoint)) {
      const outcome = run('umount', [this.mountpoint]);
      if (outcome.code === 0) break;
      if (performance.now() > deadline) {
        run('umount', ['-l', this.mountpoint]);
        this.process.kill('SIGKILL');
        throw new Error(`${this.mountpoint} cannot be unmounted: ${outcome.stderr}`);
      }
      await sleep(50);
    }
    while (this.alive && performance.now() < deadline) await sleep(POLL_MS);
    if (this.alive) this.process.kill('SIGKILL');
  }

  /** Ends the server as kill -9 does. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    while (this.alive) await sleep(POLL_MS);
    run('umount', ['-l', this.mountpoint]);
  }
}

/** A folder on the disk where a group of measures keeps its images, files and mounts. */
export class Workplace {
  readonly folder: string;
  /** Divides sizes and counts: 1 for figures, more to try out a measure. */
  readonly shrink: number;

  constructor(parent: string, shrink: number) {
    this.folder = mkdtempSync(join(parent, 'vexfs-bench-'));
    this.shrink = shrink;
  }

  /** A count as it is measured, or the share of it that a trial does. */
  scaled(count: number): number {
    return Math.max(1, Math.floor(count / this.shrink));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A new folder on the disk's own filesystem. */
  plain(name: string): string {
    const path = this.path(name);
    mkdirSync(path);
    return path;
  }

  format(size: string): void {
    must(process.execPath, [MKFS, '-q', '--size', size, this.path('volume.img')]);
  }

  /** The same in an image whose blocks all exist: a commit then costs what it does on a block device, and no allocation below. */
  formatWritten(mebibytes: number): void {
    const image = this.path('volume.img');
    must('dd', ['if=/dev/zero', `of=${image}`, 'bs=1M', `count=${mebibytes}`, 'conv=fsync'], LOAD_MS);
    must(process.execPath, [MKFS, '-q', '--nodiscard', image]);
  }

  /** Mounts the volume that `format` has made. */
  async vexfs(options: readonly string[] = []): Promise<Mount> {
    const words = options.length > 0 ? ['-o', options.join(',')] : [];
    return Mount.start(this.path('vexfs'), [
      process.execPath,
      VEXFS_FUSE,
      '-f',
      ...words,
      this.path('volume.img'),
      this.path('vexfs'),
    ]);
  }

  /** libfuse's passthrough_ll over a new folder on the disk, with the options it has by itself. */
  async passthrough(): Promise<Mount> {
    const source = this.plain('passed');
    return Mount.start(this.path('passthrough'), [
      program('passthrough_ll'),
      '-f',
      '-o',
      `source=${source}`,
      this.path('passthrough'),
    ]);
  }

  /** The C server of load/peer.c, reading `backing`. */
  async peer(backing: string): Promise<Mount> {
    return Mount.start(this.path('peer'), [program('peer'), this.path('peer'), backing]);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ends mounts in turn; the first error is thrown when all were tried. */
export async function endAll(mounts: readonly (Mount | undefined)[]): Promise<void> {
  let failed: unknown;
  for (const mount of mounts) {
    try {
      await mount?.end();
    } catch (error) {
      failed ??= error;
    }
  }
  if (failed !== undefined) throw failed;
}

/** Starts several mounts; when one fails, those before it are ended. */
export async function startAll(starts: readonly (() => Promise<Mount>)[]): Promise<Mount[]> {
  const mounts: Mount[] = [];
  try {
    for (const start of starts) mounts.push(await start());
    return mounts;
  } catch (error) {
    await endAll(mounts);
    throw error;
  }
}
