import { closeSync, constants, mkdirSync, openSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MNT_DETACH, PAGE_SIZE, umount } from '@vexfs/fuse/system';
import type { Backend, ExistingVolume, VolumeChoice } from './backend.js';
import { CuttableDevice } from './cuttable_device.js';
import { KernelLog } from './kernel_log.js';
import { makeImage, type Outcome, run } from './programs.js';

const BUSY_MS = 5_000;
const POLL_MS = 50;
/** Lines of the kernel's log that say nothing of a mount. */
const BESIDES = /^(loop\d+|I\/O error|Buffer I\/O error)\b| callbacks suppressed$|^$/;

/** A volume mounted by vexfs.ko, which is loaded: so this runs in guests. Nothing watches over hanging calls but their time limit. */
export class KernelBackend implements Backend {
  readonly name = 'kernel';
  readonly largestBlock: number = PAGE_SIZE;
  readonly isProcess = false;
  readonly mountpoint: string;
  private readonly log = new KernelLog();
  private readonly volume: CuttableDevice;
  private mounted = false;
  private mountedAt = 0;

  constructor(folder: string, choice: VolumeChoice | ExistingVolume) {
    this.mountpoint = join(folder, 'mnt');
    mkdirSync(this.mountpoint);
    const image = 'image' in choice ? choice.image : join(folder, 'volume.img');
    if (!('image' in choice)) makeImage(image, choice);
    this.volume = new CuttableDevice(image, join(folder, 'volume'), basename(folder));
  }

  get device(): string {
    return this.volume.path;
  }

  get isMounted(): boolean {
    return this.mounted;
  }

  async mount(options: readonly string[] = []): Promise<void> {
    this.mountedAt = this.log.now();
    const outcome = this.mountVolume(this.device, this.mountpoint, options);
    if (outcome.code !== 0) throw new Error(`mount: ${outcome.stderr}`);
    this.mounted = true;
  }

  get output(): string {
    const prefix = `vexfs (${basename(realpathSync(this.device))}): `;
    const lines = this.log.since(this.mountedAt);
    return lines.filter((line) => line.includes(prefix)).join('\n');
  }

  attempt(device: string, mountpoint: string, options: readonly string[] = []): Outcome {
    const isFile = statSync(device, { throwIfNoEntry: false })?.isFile() ?? false;
    return this.mountVolume(device, mountpoint, isFile ? ['loop', ...options] : options);
  }

  async unmount(): Promise<void> {
    if (!this.mounted) throw new Error('the volume is not mounted');
    const deadline = performance.now() + BUSY_MS;
    for (;;) {
      const outcome = run('umount', [this.mountpoint]);
      if (outcome.code === 0) break;
      if (performance.now() > deadline) throw new Error(`umount: ${outcome.stderr}`);
      await sleep(POLL_MS);
    }
    this.mounted = false;
  }

  async detach(): Promise<() => Promise<void>> {
    if (!this.mounted) throw new Error('the volume is not mounted');
    umount(this.mountpoint, MNT_DETACH);
    this.mounted = false;
    return async () => {
      // A device that is mounted is nobody else's.
      while (!isFree(this.device)) await sleep(POLL_MS);
    };
  }

  async remount(options: readonly string[] = []): Promise<void> {
    await this.unmount();
    await this.mount(options);
  }

  async crash(): Promise<void> {
    if (!this.mounted) throw new Error('the volume is not mounted');
    this.volume.cut();
    umount(this.mountpoint, MNT_DETACH);
    this.volume.replace();
    this.mounted = false;
  }

  async end(): Promise<void> {
    if (!this.mounted) return;
    try {
      await this.unmount();
    } catch (error) {
      await this.crash();
      throw error;
    }
  }

  release(): void {
    this.volume.release();
    this.log.close();
  }

  /** mount(8), whose complaint is what the kernel has logged of it last. */
  private mountVolume(device: string, mountpoint: string, options: readonly string[]): Outcome {
    // Said explicitly, rw is not taken back where only reading is allowed.
    const mode = options.includes('ro') ? [] : ['rw'];
    const words = ['-o', [...mode, ...options].join(',')];
    const before = this.log.now();
    const outcome = run('mount', ['-t', 'vexfs', ...words, device, mountpoint], 10_000);
    if (outcome.code === 0) return outcome;
    const reasons = this.log.since(before).filter((line) => !BESIDES.test(line));
    return { ...outcome, stderr: reasons.at(-1) ?? outcome.stderr.trim().split('\n')[0]! };
  }
}

function isFree(device: string): boolean {
  try {
    closeSync(openSync(device, constants.O_RDONLY | constants.O_EXCL));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    return false;
  }
}
