import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MNT_DETACH, umount } from '@vexfs/fuse/system';
import { MAX_BLOCK_SIZE } from '@vexfs/shared';
import { abort } from './abort.js';
import type { Backend, ExistingVolume, VolumeChoice } from './backend.js';
import { DaemonProcess } from './daemon_process.js';
import { makeImage, type Outcome, run, runNode, VEXFS_FUSE } from './programs.js';

const END_MS = 30_000;
/** A process that was killed and is not gone after this time waits for its own mount. */
const KILL_MS = 1_000;

/** A volume in an image file, served by vexfs-fuse in the foreground. */
export class FuseBackend implements Backend {
  readonly name = 'fuse';
  readonly largestBlock = MAX_BLOCK_SIZE;
  readonly isProcess = true;
  readonly mountpoint: string;
  readonly device: string;
  private daemon: DaemonProcess | undefined;
  private readonly hangMs: number | undefined;

  constructor(folder: string, choice: VolumeChoice | ExistingVolume) {
    this.hangMs = choice.hangMs;
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
    return this.daemon?.pid;
  }

  get output(): string {
    return this.daemon?.output ?? '';
  }

  async mount(options: readonly string[] = []): Promise<void> {
    const words = ['allow_other', ...options];
    this.daemon = await DaemonProcess.serving(this.device, this.mountpoint, words, this.hangMs);
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
    daemon.kill('SIGKILL');
    await Promise.race([daemon.ended, sleep(KILL_MS, undefined, { ref: false })]);
    // A thread that was telling the kernel of new bytes waits for a page, whose writer waits for an answer that nobody gives
    // any more: such a process ends only when the connection is aborted. It is the system call itself that does it,
    // because umount(8) would look at the mount point, and wait for an answer too.
    if (daemon.isAlive) abort(this.mountpoint);
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

  private async over(daemon: DaemonProcess, expected: string): Promise<void> {
    const { how, inTime } = await daemon.finish(END_MS);
    this.daemon = undefined;
    if (!inTime) throw new Error(`no end of vexfs-fuse within ${END_MS} ms: ${daemon.output}`);
    if (how !== expected) throw new Error(`vexfs-fuse ended with ${how}: ${daemon.output}`);
  }
}
