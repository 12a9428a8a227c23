import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.js';
import { NoGuests, requirePrograms, step } from './step.js';

/** A kernel that runs as a program, and the tree that modules for it are built in. */
export interface UmlKernel {
  readonly kind: 'uml';
  /** Of the Debian source package. */
  readonly version: string;
  readonly program: string;
  readonly tree: string;
  /** Folder of its own modules. */
  readonly modules: string;
  /** Whether it checks what it does, and is slow for that. */
  readonly sanitizes?: boolean;
}

const PACKAGE = 'user-mode-linux';
/** Content of the sources that a build of modules never reads; the build files among it stay. */
const UNREAD = ['Documentation', 'drivers', 'sound', 'fs', 'net', 'tools/testing', 'tools/perf'];

/** Programs of the system that fetching, unpacking and configuring take. */
const PROGRAMS = [
  'apt-get',
  'apt-cache',
  'dpkg-deb',
  'tar',
  'xz',
  'flex',
  'bison',
  'make',
  'gcc',
  'sparse',
  'taskset',
];

/** The version of Linux that Debian's package was built from, which it pins by "Built-Using". */
function sourceVersion(): string {
  const { status, stdout: shown } = spawnSync('apt-cache', ['show', '--no-all-versions', PACKAGE], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new NoGuests(`apt knows no package ${PACKAGE}: guests cannot be fetched`);
  const version = /^Built-Using:.*\blinux \(= ([^)]+)\)/m.exec(shown)?.[1];
  if (version === undefined) throw new NoGuests(`${PACKAGE} does not say which kernel it is`);
  return version;
}

/** Fetches a package without installing it and unpacks it into a folder. */
function unpack(name: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  try {
    step(['apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', name], { cwd: folder, minutes: 10 });
  } catch (error) {
    throw new NoGuests(`${name} cannot be fetched: ${(error as Error).message}`);
  }
  const [archive] = readdirSync(folder).filter((entry) => entry.endsWith('.deb'));
  step(['dpkg-deb', '-x', archive!, '.'], { cwd: folder });
  rmSync(join(folder, archive!));
}

/** The sources of a version, without what lies in the folders `unread`; the build files there stay. */
export function unpackSource(version: string, folder: string, unread: readonly string[]): void {
  const release = version.split('.').slice(0, 2).join('.');
  const name = `linux-source-${release}`;
  const packed = `${folder}.packed`;
  unpack(`${name}=${version}`, packed);
  mkdirSync(folder);
  const left = unread.flatMap((part) => ['c', 'h', 'S', 'rst', 'yaml'].map((end) => `*/${part}/*.${end}`));
  const words = left.map((pattern) => `--exclude=${pattern}`);
  const archive = join(packed, 'usr/src', `${name}.tar.xz`);
  step(['tar', '-xJf', archive, '-C', folder, '--strip-components=1', ...words], { minutes: 10 });
  rmSync(packed, { recursive: true });
}

/** Configures the tree as the kernel was, so that modules built in it load. */
function configure(tree: string, program: string): void {
  writeFileSync(join(tree, '.config'), step([program, '--showconfig']));
  step(['make', '-s', 'ARCH=um', 'olddefconfig', 'modules_prepare'], { cwd: tree, minutes: 10 });
}

/** The kernel, fetched and prepared the first time; that takes a minute or two, and 180 MB from the Debian archive. */
export function provideUmlKernel(): UmlKernel {
  requirePrograms(PROGRAMS);
  const known = cacheFolder();
  const ready = readdirSync(known).find(
    (entry) => /^uml-\d/.test(entry) && existsSync(join(known, entry, 'tree', '.ready')),
  );
  const version = ready?.replace(/^uml-/, '') ?? sourceVersion();
  const folder = join(known, `uml-${version}`);
  const kernel = {
    kind: 'uml' as const,
    version,
    program: join(folder, 'usr/bin/linux.uml'),
    tree: join(folder, 'tree'),
    modules: join(folder, 'usr/lib/uml/modules'),
  };
  if (ready !== undefined) return kernel;
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
  unpack(PACKAGE, fresh);
  renameSync(fresh, folder);
  unpackSource(version, kernel.tree, UNREAD);
  configure(kernel.tree, kernel.program);
  writeFileSync(join(kernel.tree, '.ready'), '');
  return kernel;
}
