import { setTimeout as sleep } from 'node:timers/promises';
import { isMounted } from '@vexfs/fuse/mount';
import { DaemonProcess } from '../../parity/backend/daemon_process.js';
import { run } from '../../parity/backend/programs.js';

const UNMOUNT_MS = 10_000;
const END_MS = 30_000;
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
  private readonly daemon: DaemonProcess;

  private constructor(daemon: DaemonProcess, mountpoint: string) {
    this.daemon = daemon;
    this.mountpoint = mountpoint;
  }

  /** What the daemon has written so far. */
  get output(): string {
    return this.daemon.output;
  }

  /** Whether the daemon writes these words to its log while it serves. */
  async tells(words: string): Promise<boolean> {
    const deadline = performance.now() + LOG_MS;
    while (!this.daemon.output.includes(words) && performance.now() < deadline) await sleep(POLL_MS);
    return this.daemon.output.includes(words);
  }

  /** Resolves when the volume is mounted, or when the daemon has ended without mounting it: then to its ending. */
  static async start(device: string, mountpoint: string, hangMs?: number): Promise<ServedVolume | Ending> {
    const served = new ServedVolume(new DaemonProcess(device, mountpoint, [], hangMs), mountpoint);
    return (await served.daemon.mounts()) ? served : served.end(0);
  }

  /** Unmounts and waits for the end of the daemon. */
  async unmount(): Promise<Ending> {
    const deadline = performance.now() + UNMOUNT_MS;
    for (;;) {
      const outcome = run('umount', [this.mountpoint]);
      if (outcome.code === 0 || !isMounted(this.mountpoint)) break;
      if (performance.now() > deadline) {
        return this.end(0, `umount: ${outcome.stderr}`);
      }
      await sleep(20);
    }
    return this.end(END_MS);
  }

  /** Takes the mount away whatever happens; for the end of a test. */
  async destroy(): Promise<void> {
    await this.end(0);
    if (isMounted(this.mountpoint)) run('umount', ['-l', this.mountpoint]);
  }

  private async end(limitMs: number, why = ''): Promise<Ending> {
    const { how } = await this.daemon.finish(limitMs);
    return { how, output: `${this.daemon.output}${why}` };
  }
}
