import { spawnSync } from 'node:child_process';

/** Why guests cannot be had here; a stage that needs them is skipped with the message. */
export class NoGuests extends Error {}

/** Runs a command silently to its end. Throws an Error with everything it printed when it fails. Returns stdout. */
export function step(words: readonly string[], options: { cwd?: string; minutes?: number } = {}): string {
  const [program, ...rest] = words;
  const result = spawnSync(program!, rest, {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    timeout: (options.minutes ?? 5) * 60_000,
    killSignal: 'SIGKILL',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  if (result.status !== 0) {
    const printed = `${result.stdout ?? ''}${result.stderr ?? ''}`.slice(-4_000);
    throw new Error(`${words.join(' ')} ended with ${result.error ?? result.status}:\n${printed}`);
  }
  return result.stdout;
}

/** Throws NoGuests when a program that guests take is not installed. */
export function requirePrograms(names: readonly string[]): void {
  if (process.arch !== 'x64') throw new NoGuests('guests are made for x86-64 only');
  const missing = names.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length > 0) throw new NoGuests(`guests need ${missing.join(', ')}: install them`);
}
