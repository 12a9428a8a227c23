import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMounted } from '@vexfs/fuse/mount';
import { run, VEXFS_FUSE } from '../backend/programs.js';

/** A daemon in the foreground that a test sends signals to; for tests of the daemon itself and of no other backend. */
export class Daemon {
  readonly process: ChildProcess;
  private readonly mountpoint: string;
  private readonly ended: Promise<string>;
  output = '';

  private constructor(device: string, mountpoint: string) {
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
      this.process.once('exit', (code, signal) => resolve(`${signal ?? code}`));
    });
  }

  static async start(device: string, mountpoint: string): Promise<Daemon> {
    const daemon = new Daemon(device, mountpoint);
    const deadline = performance.now() + 20_000;
    while (!isMounted(mountpoint)) {
      if (daemon.process.exitCode !== null || performance.now() > deadline) {
        daemon.process.kill('SIGKILL');
        throw new Error(`vexfs-fuse did not mount: ${daemon.output}`);
      }
      await sleep(5);
    }
    return daemon;
  }

  /** The exit status or the signal that ended it; `still runs` after `limitMs`. */
  async end(limitMs = 20_000): Promise<string> {
    return Promise.race([this.ended, sleep(limitMs, 'still runs', { ref: false })]);
  }

  /** For the end of a test, whatever has happened: the mount and the process are gone afterwards. */
  async destroy(): Promise<void> {
    run('umount', ['-l', this.mountpoint]);
    if ((await this.end(3_000)) !== 'still runs') return;
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
