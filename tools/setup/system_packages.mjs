import { existsSync } from 'node:fs';
import { findCommand, report, runStep } from './commands.mjs';

/**
 * What VexFS needs of the system, as Debian names it. `purpose` says what does not work without it: `build` the engine,
 * `mount` every mount, `test` single tests.
 */
export const SYSTEM_PACKAGES = [
  { name: 'gcc', purpose: 'build', why: 'compiles the search engine', command: 'gcc' },
  { name: 'make', purpose: 'build', why: 'builds the search engine', command: 'make' },
  { name: 'libc6-dev', purpose: 'build', why: 'C library headers', file: '/usr/include/stdio.h' },
  {
    name: 'linux-libc-dev',
    purpose: 'build',
    why: 'kernel headers for ioctl',
    file: '/usr/include/linux/fuse.h',
  },
  { name: 'mount', purpose: 'mount', why: 'mounts as root', command: 'mount' },
  { name: 'fuse3', purpose: 'mount', why: 'mounts as an ordinary user', command: 'fusermount3' },
  { name: 'g++', purpose: 'test', why: 'checks that the C headers are C++ too', command: 'g++' },
  { name: 'clang', purpose: 'test', why: 'fuzzes the index of the engine', command: 'clang' },
  {
    name: 'libclang-rt-dev',
    purpose: 'test',
    why: 'the fuzzer and its sanitizers',
    file: '/usr/share/doc/libclang-rt-dev',
  },
  { name: 'e2fsprogs', purpose: 'test', why: 'ext4, which tests compare with', command: 'mkfs.ext4' },
  { name: 'flex', purpose: 'test', why: 'configures the kernel that vexfs.ko is tested in', command: 'flex' },
  { name: 'bison', purpose: 'test', why: 'the same', command: 'bison' },
  { name: 'xz-utils', purpose: 'test', why: 'unpacks the kernel that vexfs.ko is tested in', command: 'xz' },
  { name: 'sparse', purpose: 'test', why: 'checks the types of vexfs.ko', command: 'sparse' },
  {
    name: 'qemu-system-x86',
    purpose: 'test',
    why: 'a machine with two processors for vexfs.ko',
    command: 'qemu-system-x86_64',
  },
  { name: 'util-linux', purpose: 'test', why: 'unshare, for tests with several users', command: 'unshare' },
];

/** Those that are not there, found by what they install, so that other distributions pass as well. */
export function missingPackages(packages = SYSTEM_PACKAGES) {
  return packages.filter((entry) =>
    entry.command === undefined ? !existsSync(entry.file) : findCommand(entry.command) === undefined,
  );
}

/** The command that installs packages on Debian and its children, as a user would type it. */
export function installCommand(packages) {
  return `apt-get install --no-install-recommends ${packages.map((entry) => entry.name).join(' ')}`;
}

/**
 * How packages may be installed here: as root, through sudo at a terminal, or not at all with the reason.
 * VEXFS_SETUP_APT=no keeps the set-up from trying.
 */
export function permission() {
  if (process.env.VEXFS_SETUP_APT === 'no') return { refused: 'VEXFS_SETUP_APT is "no"' };
  if (findCommand('apt-get') === undefined) return { refused: 'there is no apt-get here' };
  if (process.getuid() === 0) return { prefix: [], terminal: false };
  if (!process.stdin.isTTY)
    return { refused: 'this is not root and there is no terminal to ask for a password' };
  if (findCommand('sudo') === undefined) return { refused: 'this is not root and there is no sudo' };
  return { prefix: ['sudo'], terminal: true };
}

function install(packages, root, { prefix, terminal }) {
  const options = ['-o', 'DPkg::Lock::Timeout=120'];
  // Through env(1), because sudo passes no variables on.
  const apt = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '--yes', '--quiet', ...options];
  let stale;
  try {
    runStep('packages', [...apt, 'update'], { cwd: root, terminal });
  } catch (error) {
    // The lists that are there may do: only the installation decides.
    stale = error;
  }
  const names = packages.map((entry) => entry.name);
  try {
    return runStep('packages', [...apt, 'install', '--no-install-recommends', ...names], {
      cwd: root,
      terminal,
    });
  } catch (error) {
    if (stale !== undefined) error.message = `${stale.message}\n${error.message}`;
    throw error;
  }
}

/**
 * Installs what is missing where that is allowed, and says what is needed and why when something is.
 * Returns the packages that are missing afterwards; what cannot be installed is reported, not thrown.
 */
export function provideSystemPackages(root, packages = SYSTEM_PACKAGES) {
  const missing = missingPackages(packages);
  if (missing.length === 0) {
    report('packages', `all ${packages.length} system packages are there`);
    return [];
  }
  for (const entry of packages) {
    report(
      'packages',
      `${missing.includes(entry) ? 'missing' : 'present'}  ${entry.name.padEnd(15)} ${entry.why}`,
    );
  }
  const how = permission();
  if (how.refused !== undefined) {
    report('packages', `not installed, for ${how.refused}: run \`${installCommand(missing)}\` as root.`);
    return missing;
  }
  report('packages', `installing ${missing.map((entry) => entry.name).join(' ')} ...`);
  try {
    const seconds = install(missing, root, how);
    report('packages', `installed in ${seconds.toFixed(1)} s`);
  } catch (error) {
    console.error(error.message);
    report('packages', `not installed, apt failed: run \`${installCommand(missing)}\` as root.`);
  }
  return missingPackages(missing);
}
