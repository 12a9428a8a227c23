import { existsSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findCommand, report, runStep } from './commands.mjs';
import { workspaceFolders } from './libraries.mjs';

const OUTPUT = /\.(?:d\.ts|js|js\.map)$/;

/**
 * Removes compiled files whose source is gone, which the compiler leaves: a deleted test would go on running.
 * Returns how many sources were found gone.
 */
export function removeStaleOutput(root) {
  let gone = 0;
  for (const folder of workspaceFolders(root)) {
    const output = join(root, folder, 'dist');
    if (folder === '' || !existsSync(output)) continue;
    for (const name of readdirSync(output, { recursive: true })) {
      if (!OUTPUT.test(name) || existsSync(join(root, folder, name.replace(OUTPUT, '.ts')))) continue;
      rmSync(join(output, name));
      if (name.endsWith('.js')) gone++;
    }
  }
  return gone;
}

/** Compiles every package; nothing that is up to date is compiled again. */
export function buildPrograms(root) {
  const gone = removeStaleOutput(root);
  const seconds = runStep('programs', [join(root, 'node_modules/.bin/tsc'), '-b'], { cwd: root });
  report('programs', `built in ${seconds.toFixed(1)} s${gone > 0 ? `, ${gone} old ones removed` : ''}`);
}

/** Builds the C library, or says why it cannot. */
export function buildEngine(root) {
  const absent = ['gcc', 'make'].filter((name) => findCommand(name) === undefined);
  if (absent.length > 0) {
    report(
      'engine',
      `not built, for there is no ${absent.join(' and no ')}: nothing can be mounted or searched.`,
    );
    return;
  }
  const command = ['make', '--no-print-directory', '-C', 'kernel/engine', `-j${availableParallelism()}`];
  const seconds = runStep('engine', command, { cwd: root });
  report('engine', `built in ${seconds.toFixed(1)} s`);
}
