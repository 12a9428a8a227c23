import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { isMounted } from '@vexfs/fuse/mount';
import { abort } from '../../parity/backend/abort.js';
import { run, VEXFS_FUSE } from '../../parity/backend/programs.js';

const MOUNT_MS = 20_000;
const UNMOUNT_MS = 10_000;
const LOG_MS = 10_000;
const POLL_MS = 3;

/** How a daemon has ended. */
export interface Ending {
  /** Exit status, or the name of the signal. */
  readonly how: string;
  /** Everything that it wrote to its standard output and error. */
  readonly output: string;
}

/** The real daemon on a volume, in the foreground. A hang of more than `hangMs` ends it: its calls then fail, and so does the test. */
export class ServedVolume {
  readonly mountpoint: string;
  private readonly process: ChildProcess;
  private readonly ended: Promise<string>;
  private readonly watchdog: Worker;
  private output = '';

  private constructor(device: string, mountpoint: string, hangMs: number) {
    this.mountpoint = mountpoint;
    this.process = spawn(process.execPath, [VEXFS_FUSE, '-f', device, mountpoint], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const take = (text: Buffer): void => {
      this.output += text.toString();
    };
    this.process.stdout?.on('data', take);
    this.process.stderr?.on('data', take);
    this.ended = new Promise((resolve) => {
      this.process.once('close', (code, signal) => resolve(`${signal ?? code}`));
    });
    this.watchdog = new Worker(new URL('../../parity/backend/watchdog.js', import.meta.url), {
      workerData: { pid: this.process.pid, ms: hangMs, mountpoint },
    });
    this.watchdog.unref();
  }

  /** Whether the daemon writes these words to its log while it serves. */
  async tells(words: string): Promise<boolean> {
    const deadline = performance.now() + LOG_MS;
    while (!this.output.includes(words) && performance.now() < deadline) await sleep(POLL_MS);
    return this.output.includes(words);
  }

  /** Resolves when the volume is mounted, or when the daemon has ended without mounting it: then to its ending. */
  static async start(device: string, mountpoint: string, hangMs = 100_000): Promise<ServedVolume | Ending> {
    const served = new ServedVolume(device, mountpoint, hangMs);
    const deadline = performance.now() + MOUNT_MS;
    while (!isMounted(mountpoint)) {
      const { exitCode, signalCode } = served.process;
      if (exitCode !== null || signalCode !== null || performance.now() > deadline) return served.end(true);
      await sleep(POLL_MS);
    }
    return served;
  }

  /** Unmounts and waits for the end of the daemon. */
  async unmount(): Promise<Ending> {
    const deadline = performance.now() + UNMOUNT_MS;
    for (;;) {
      const outcome = run('umount', [this.mountpoint]);
      if (outcome.code === 0 || !isMounted(this.mountpoint)) break;
      if (performance.now() > deadline) {
        this.output += `umount: ${outcome.stderr}`;
        return this.end(true);
      }
      await sleep(20);
    }
    return this.end(false);
  }

  /** Takes the mount away whatever happens; for the end of a test. */
  async destroy(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.end(true);
    if (isMounted(this.mountpoint)) run('umount', ['-l', this.mountpoint]);
  }

  private async end(byForce: boolean): Promise<Ending> {
    const limit = sleep(byForce ? 0 : 30_000, undefined, { ref: false });
    const isOver = await Promise.race([this.ended.then(() => true), limit.then(() => false)]);
    if (!isOver) {
      this.process.kill('SIGKILL');
      abort(this.mountpoint);
    }
    const how = await this.ended;
    await this.watchdog.terminate();
    return { how, output: this.output };
  }
}
