import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { isMounted } from '@vexfs/fuse/mount';
import { abort } from './abort.js';
import { VEXFS_FUSE } from './programs.js';

const MOUNT_MS = 20_000;
const POLL_MS = 3;
/** A daemon that serves one mount for longer than this hangs, unless told otherwise: the tests of a file take less. */
const HANG_MS = 100_000;

/** vexfs-fuse in the foreground. When it serves for longer than `hangMs` it is ended: its calls then fail, and so does the test. */
export class DaemonProcess {
  /** Exit status, or the name of the signal that ended it, when its output is complete too. */
  readonly ended: Promise<string>;
  /** What it has written to its standard output and error. */
  output = '';
  private readonly mountpoint: string;
  private readonly child: ChildProcess;
  private readonly watchdog: Worker;

  constructor(device: string, mountpoint: string, options: readonly string[] = [], hangMs = HANG_MS) {
    this.mountpoint = mountpoint;
    const words = options.length > 0 ? ['-o', options.join(',')] : [];
    this.child = spawn(process.execPath, [VEXFS_FUSE, '-f', ...words, device, mountpoint], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const take = (text: Buffer): void => {
      this.output += text.toString();
    };
    this.child.stdout?.on('data', take);
    this.child.stderr?.on('data', take);
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(`${signal ?? code}`));
    });
    this.watchdog = new Worker(new URL('./watchdog.js', import.meta.url), {
      workerData: { pid: this.child.pid, ms: hangMs, mountpoint },
    });
    this.watchdog.unref();
  }

  /** One that has mounted the volume. Throws with what it printed when it cannot. */
  static async serving(
    device: string,
    mountpoint: string,
    options?: readonly string[],
    hangMs?: number,
  ): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(device, mountpoint, options, hangMs);
    if (await daemon.mounts()) return daemon;
    const { how } = await daemon.finish(0);
    throw new Error(`vexfs-fuse did not mount (${how}): ${daemon.output}`);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until the volume is mounted; false when the daemon ends without that, or takes too long. */
  async mounts(): Promise<boolean> {
    const deadline = performance.now() + MOUNT_MS;
    while (!isMounted(this.mountpoint)) {
      if (!this.isAlive || performance.now() > deadline) return false;
      await sleep(POLL_MS);
    }
    return true;
  }

  /** How it ends within the time; after that it is killed, with its mount. */
  async finish(limitMs: number): Promise<{ readonly how: string; readonly inTime: boolean }> {
    const limit = sleep(limitMs, false, { ref: false });
    const inTime = await Promise.race([this.ended.then(() => true), limit]);
    if (!inTime) {
      this.child.kill('SIGKILL');
      abort(this.mountpoint);
    }
    const how = await this.ended;
    await this.watchdog.terminate();
    return { how, inTime };
  }
}
