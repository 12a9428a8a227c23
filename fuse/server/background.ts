import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { logToSystem } from './system_log.js';

/** Tells the daemon that a starter waits for the word that it has mounted. */
const MARK = 'VEXFS_FUSE_BACKGROUND';

/**
 * Starts the same command in a session of its own and waits until it has mounted or failed. Resolves to the exit status.
 * `program` is ours also when mount(8) started us under another name.
 */
export function startInBackground(program: string, words: readonly string[]): Promise<number> {
  const path = fileURLToPath(new URL(`../../bin/${program}.mjs`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path, '--foreground', ...words], {
      detached: true,
      env: { ...process.env, [MARK]: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.stderr?.pipe(process.stderr);
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
    child.once('message', () => {
      child.disconnect();
      child.stderr?.destroy();
      child.unref();
      resolve(0);
    });
  });
}

const hasStarter = (): boolean => process.env[MARK] === '1' && process.send !== undefined;

const giveUp = (): void => process.exit(1);

/** Until `passStarter` a starter that is killed takes this process with it: nobody waits for the mount any more. */
export function followStarter(): void {
  if (!hasStarter()) return;
  if (!process.connected) giveUp();
  process.once('disconnect', giveUp);
  // Its end of the pipe may be gone before ours is told.
  process.stderr.on('error', () => {});
}

/**
 * From here on the mount is made and served, whatever becomes of the starter. Called at the end too: who listens for the
 * starter's end keeps this process from ending.
 */
export function passStarter(): void {
  process.removeListener('disconnect', giveUp);
}

/**
 * The daemon has mounted: the starter goes, and with it the terminal. What is to be said from now on is for the system's log,
 * and the folder where it was started may be unmounted.
 */
export function leaveStarter(program: string): void {
  if (!hasStarter()) return;
  process.chdir('/');
  logToSystem(program);
  process.send?.('mounted', () => {});
}
