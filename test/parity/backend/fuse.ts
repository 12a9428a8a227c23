import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { isMounted } from '@vexfs/fuse/mount';
import { MNT_DETACH, umount } from '@vexfs/fuse/system';
import { MAX_BLOCK_SIZE } from '@vexfs/shared';
import { abort } from './abort.js';
import type { Backend, ExistingVolume, VolumeChoice } from './backend.js';
import { makeImage, type Outcome, run, runNode, VEXFS_FUSE } from './programs.js';

const MOUNT_MS = 20_000;
const END_MS = 30_000;
/** A process that was killed and is not gone after this time waits for its own mount. */
const KILL_MS = 1_000;
const POLL_MS = 5;
/** A daemon that serves one mount for longer than this hangs, unless told otherwise: the tests of a file take less. */
const HANG_MS = 100_000;

interface Daemon {
  readonly process: ChildProcess;
  readonly ended: Promise<string>;
  readonly watchdog: Worker;
  output: string;
  alive: boolean;
}

/** A volume in an image file, served by vexfs-fuse in the foreground. */
export class FuseBackend implements Backend {
  readonly name = 'fuse';
  readonly largestBlock = MAX_BLOCK_SIZE;
  readonly isProcess = true;
  readonly mountpoint: string;
  readonly device: string;
  private daemon: Daemon | undefined;
  private readonly hangMs: number;

  constructor(folder: string, choice: VolumeChoice | ExistingVolume) {
    this.hangMs = choice.hangMs ?? HANG_MS;
    this.mountpoint = join(folder, 'mnt');
    mkdirSync(this.mountpoint);
    this.device = 'image' in choice ? choice.image : join(folder, 'volume.img');
    if (!('image' in choice)) makeImage(this.device, choice);
  }

  get isMounted(): boolean {
    return this.daemon !== undefined;
  }

  /** Process id of the daemon; undefined while the volume is not mounted. */
  get pid(): number | undefined {
    return this.daemon?.process.pid;
  }

  get output(): string {
    return this.daemon?.output ?? '';
  }

  async mount(options: readonly string[] = []): Promise<void> {
    const words = [VEXFS_FUSE, '-f', '-o', ['allow_other', ...options].join(',')];
    const child = spawn(process.execPath, [...words, this.device, this.mountpoint], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const watchdog = new Worker(new URL('./watchdog.js', import.meta.url), {
      workerData: { pid: child.pid, ms: this.hangMs, mountpoint: this.mountpoint },
    });
    watchdog.unref();
    let settle = (_how: string): void => {};
    const ended = new Promise<string>((resolve) => {
      settle = resolve;
    });
    const daemon: Daemon = { process: child, ended, watchdog, output: '', alive: true };
    const take = (text: Buffer): void => {
      daemon.output += text.toString();
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('exit', (code, signal) => {
      daemon.alive = false;
      settle(`${signal ?? code}`);
    });
    const deadline = performance.now() + MOUNT_MS;
    while (!isMounted(this.mountpoint)) {
      if (!daemon.alive || performance.now() > deadline) {
        child.kill('SIGKILL');
        await watchdog.terminate();
        throw new Error(`vexfs-fuse did not mount (${await ended}): ${daemon.output}`);
      }
      await sleep(POLL_MS);
    }
    this.daemon = daemon;
  }

  attempt(device: string, mountpoint: string, options: readonly string[] = []): Outcome {
    const words = options.length > 0 ? ['-o', options.join(',')] : [];
    return runNode(VEXFS_FUSE, [...words, device, mountpoint], 10_000);
  }

  async unmount(): Promise<void> {
    const { daemon } = this;
    if (daemon === undefined) throw new Error('the volume is not mounted');
    const deadline = performance.now() + 5_000;
    for (;;) {
      const outcome = run('umount', [this.mountpoint]);
      if (outcome.code === 0) break;
      // Descriptors that were just closed may count for a moment longer.
      if (performance.now() > deadline) throw new Error(`umount: ${outcome.stderr}\n${daemon.output}`);
      await sleep(50);
    }
    await this.over(daemon, '0');
  }

  async detach(): Promise<() => Promise<void>> {
    const { daemon } = this;
    if (daemon === undefined) throw new Error('the volume is not mounted');
    umount(this.mountpoint, MNT_DETACH);
    return () => this.over(daemon, '0');
  }

  async remount(options: readonly string[] = []): Promise<void> {
    await this.unmount();
    await this.mount(options);
  }

  async crash(): Promise<void> {
    const { daemon } = this;
    if (daemon === undefined) throw new Error('the volume is not mounted');
    daemon.process.kill('SIGKILL');
    await Promise.race([daemon.ended, sleep(KILL_MS, undefined, { ref: false })]);
    // A thread that was telling the kernel of new bytes waits for a page, whose writer waits for an answer that nobody gives
    // any more: such a process ends only when the connection is aborted. It is the system call itself that does it,
    // because umount(8) would look at the mount point, and wait for an answer too.
    if (daemon.alive) abort(this.mountpoint);
    await daemon.ended;
    umount(this.mountpoint, MNT_DETACH);
    await this.over(daemon, 'SIGKILL');
  }

  async end(): Promise<void> {
    if (this.daemon === undefined) return;
    try {
      await this.unmount();
    } catch (error) {
      if (this.daemon !== undefined) await this.crash();
      throw error;
    }
  }

  /** The image file goes with its folder. */
  release(): void {}

  private async over(daemon: Daemon, expected: string): Promise<void> {
    const how = await Promise.race([
      daemon.ended,
      sleep(END_MS, `no end within ${END_MS} ms`, { ref: false }),
    ]);
    if (daemon.alive) {
      daemon.process.kill('SIGKILL');
      abort(this.mountpoint);
      await daemon.ended;
    }
    await daemon.watchdog.terminate();
    this.daemon = undefined;
    if (how !== expected) throw new Error(`vexfs-fuse ended with ${how}: ${daemon.output}`);
  }
}
