import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MKFS = `${ROOT}mkfs/bin/mkfs.vexfs.mjs`;
const DAEMON = `${ROOT}fuse/bin/vexfs-fuse.mjs`;
const VEXCTL = `${ROOT}tools/bin/vexctl.mjs`;
const LIMIT_MS = 40_000;

/** Runs one of the programs to its end and returns what it printed. Throws with its messages when it fails. */
function run(program: string, args: readonly string[]): string {
  const result = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', timeout: LIMIT_MS });
  if (result.status === 0) return result.stdout;
  const how = result.error?.message ?? result.signal ?? `exit code ${result.status}`;
  throw new Error(`${program} ${args.join(' ')}: ${how}\n${result.stderr}`);
}

/** Runs vexctl; its table or JSON is returned. */
export function vexctl(...args: string[]): string {
  return run(VEXCTL, args);
}

/** An image file, and the daemon that mounts it at a folder. */
export class Volume {
  readonly image: string;
  readonly folder: string;
  #daemon: ChildProcess | undefined;
  #messages = '';

  constructor(image: string, folder: string) {
    this.image = image;
    this.folder = folder;
  }

  format(size: string): void {
    run(MKFS, ['--size', size, this.image]);
  }

  /** Starts the daemon and waits until the mount is there. */
  async mount(): Promise<void> {
    const daemon = spawn(process.execPath, [DAEMON, '--foreground', this.image, this.folder], {
      stdio: ['ignore', 'ignore', 'pipe'],
      // Of its own, so that Ctrl-C reaches the demo first and the volume is unmounted in order.
      detached: true,
    });
    this.#daemon = daemon;
    this.#messages = '';
    daemon.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#messages += text;
    });
    const end = performance.now() + LIMIT_MS;
    while (!this.#isMounted()) {
      if (hasEnded(daemon)) throw new Error(`the daemon ended before it mounted:\n${this.#messages}`);
      if (performance.now() > end) throw new Error(`no mount after ${LIMIT_MS / 1000} s:\n${this.#messages}`);
      await sleep(5);
    }
  }

  /** Ends the mount as umount(8) does and waits for the daemon, whose last commit is then on the disk. */
  async unmount(): Promise<void> {
    this.#takeDown([]);
    await this.#daemonEnds();
    const code = this.#daemon?.exitCode;
    if (code !== 0) throw new Error(`the daemon ended with exit code ${code}:\n${this.#messages}`);
    this.#daemon = undefined;
  }

  /** What a power cut is to the daemon: SIGKILL. The dead mount is taken away. */
  async crash(): Promise<void> {
    this.#daemon?.kill('SIGKILL');
    await this.#daemonEnds();
    this.#daemon = undefined;
    this.#takeDown(['-l']);
  }

  /** Leaves neither mount nor daemon behind, whatever state they are in. */
  async remove(): Promise<void> {
    if (this.#isMounted()) this.#takeDown(['-l']);
    const daemon = this.#daemon;
    if (daemon === undefined || hasEnded(daemon)) return;
    daemon.kill('SIGTERM');
    const patience = setTimeout(() => daemon.kill('SIGKILL'), 5_000);
    await once(daemon, 'exit');
    clearTimeout(patience);
  }

  #isMounted(): boolean {
    return readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .some((line) => line.split(' ')[1] === this.folder);
  }

  #takeDown(rootOptions: readonly string[]): void {
    const [program, args] =
      process.getuid?.() === 0
        ? ['umount', [...rootOptions, this.folder]]
        : ['fusermount3', ['-u', ...(rootOptions.length > 0 ? ['-z'] : []), this.folder]];
    const result = spawnSync(program, args, { encoding: 'utf8', timeout: LIMIT_MS });
    if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
  }

  async #daemonEnds(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || hasEnded(daemon)) return;
    const signal = AbortSignal.timeout(LIMIT_MS);
    try {
      await once(daemon, 'exit', { signal });
    } catch {
      throw new Error(`the daemon had not ended ${LIMIT_MS / 1000} s after its mount:\n${this.#messages}`);
    }
  }
}

function hasEnded(daemon: ChildProcess): boolean {
  return daemon.exitCode !== null || daemon.signalCode !== null;
}
