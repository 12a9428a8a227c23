import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { openAbortFile } from '../mount/index.js';

/**
 * A shell that does nothing until our main thread dies, and then ends the FUSE connection. Without it a daemon that is
 * killed while a thread drops cached pages could stay for ever: that thread waits for a page whose owner waits for the
 * daemon, and a process keeps its descriptor of /dev/fuse until its last thread is gone.
 */
export class Guard {
  private readonly shell: ChildProcess;

  private constructor(shell: ChildProcess) {
    this.shell = shell;
  }

  /** Undefined where the connection cannot be controlled: then only `umount -f` helps. */
  static start(mountpoint: string): Guard | undefined {
    const abort = openAbortFile(mountpoint);
    if (abort === undefined) return undefined;
    // The signal comes when the thread that called spawn dies (prctl(2), PR_SET_PDEATHSIG): the main thread.
    const script = 'trap "" INT HUP; trap "echo 1 >&3; exit" TERM; read line';
    const shell = spawn('setpriv', ['--pdeathsig', 'TERM', 'sh', '-c', script], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore', abort],
    });
    shell.on('error', () => {});
    shell.stdin?.on('error', () => {});
    shell.unref();
    closeSync(abort);
    return new Guard(shell);
  }

  /** The daemon ends by itself. */
  dismiss(): Promise<void> {
    return new Promise((resolve) => {
      if (this.shell.exitCode !== null || this.shell.signalCode !== null || this.shell.pid === undefined) {
        resolve();
        return;
      }
      this.shell.ref();
      this.shell.once('exit', () => resolve());
      this.shell.stdin?.end();
    });
  }
}
