import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand, report, runStep, StepError } from './commands.mjs';

const STAMP = 'node_modules/.vexfs-setup';

/** The folders that hold a package.json of the workspace, the root ('') first. */
export function workspaceFolders(root) {
  const folders = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'package.json')))
    .map((entry) => entry.name)
    .sort();
  return ['', ...folders];
}

function wantedLibraries(root, folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  return { ...manifest.dependencies, ...manifest.devDependencies };
}

/** What an installation depends on: the lock file, what each package asks for, and the binary interface of Node. */
export function librariesFingerprint(root) {
  const hash = createHash('sha256');
  hash.update(`${process.versions.modules} ${process.platform} ${process.arch}\n`);
  hash.update(readFileSync(join(root, 'pnpm-lock.yaml')));
  hash.update(readFileSync(join(root, 'pnpm-workspace.yaml')));
  for (const folder of workspaceFolders(root)) hash.update(JSON.stringify(wantedLibraries(root, folder)));
  return hash.digest('hex');
}

/** Whether the last installation answers to the fingerprint and every library it made is still there. */
export function librariesInstalled(root, fingerprint) {
  const stamp = join(root, STAMP);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== fingerprint) return false;
  return workspaceFolders(root).every((folder) =>
    Object.keys(wantedLibraries(root, folder)).every((name) =>
      existsSync(join(root, folder, 'node_modules', name, 'package.json')),
    ),
  );
}

/** Installs exactly what the lock file names, with the pnpm that package.json pins. */
export function provideLibraries(root) {
  const fingerprint = librariesFingerprint(root);
  if (librariesInstalled(root, fingerprint)) {
    report('libraries', 'unchanged');
    return;
  }
  const manager = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager;
  if (!/^pnpm@\d+\.\d+\.\d+$/.test(manager)) {
    throw new StepError(
      'libraries',
      `package.json: "packageManager" is ${manager}, not pnpm@ and an exact version`,
    );
  }
  if (findCommand('npx') === undefined) {
    throw new StepError('libraries', 'npx is not there: install npm beside Node and try again.');
  }
  report('libraries', `installing with ${manager} ...`);
  const seconds = runStep('libraries', ['npx', '--yes', manager, 'install', '--frozen-lockfile'], {
    cwd: root,
    // Without it pnpm stops to ask before it replaces an older node_modules.
    env: { CI: 'true' },
  });
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(join(root, STAMP), fingerprint);
  report('libraries', `installed in ${seconds.toFixed(1)} s`);
}
