import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.js';
import { DebianPackages } from './debian_packages.js';

/** Has all compilers that kernels of newer releases were built with. */
const SUITE = 'sid';
/** What a build of modules runs besides the compiler. */
const PROGRAMS = [
  'make',
  'dash',
  'coreutils',
  'findutils',
  'sed',
  'grep',
  'gawk',
  'libelf1t64',
  'libssl3t64',
];

/** Folder of a newer Debian with a compiler, to be entered by chroot(8): 120 MB to fetch and 850 MB on the disk. */
export function provideCompilers(compiler: string): string {
  const folder = join(cacheFolder(), 'compilers');
  const ready = join(folder, `.${compiler}`);
  if (existsSync(ready)) return folder;
  const lists = `${folder}.apt`;
  new DebianPackages(lists, [SUITE]).unpack([compiler, ...PROGRAMS], folder, true);
  rmSync(lists, { recursive: true });
  for (const name of ['dev', 'proc', 'mnt', 'tmp']) mkdirSync(join(folder, name), { recursive: true });
  // What installing the packages would have made.
  const links = { bin: 'usr/bin', lib: 'usr/lib', lib64: 'usr/lib64', 'usr/bin/awk': 'gawk' };
  for (const [name, to] of Object.entries(links)) {
    if (!existsSync(join(folder, name))) symlinkSync(to, join(folder, name));
  }
  writeFileSync(ready, '');
  return folder;
}
