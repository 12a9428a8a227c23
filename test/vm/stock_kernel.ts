import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFolder } from './cache.js';
import { provideCompilers } from './compilers.js';
import { DebianPackages } from './debian_packages.js';
import { unpackKernelImage } from './kernel_image.js';
import { gatherModules } from './kernel_modules.js';
import { NoGuests, requirePrograms, step } from './step.js';

/** A kernel of Debian as it is, for an emulated machine. */
export interface StockKernel {
  readonly kind: 'stock';
  /** As uname(2) has it. */
  readonly release: string;
  /** Uncompressed. */
  readonly image: string;
  /** Its build tree: a path inside of `chroot`, where there is one. */
  readonly tree: string;
  /** The compiler it was built with, and modules for it are. */
  readonly compiler: string;
  /** Folder of a newer Debian, where that compiler and the programs of the tree run. */
  readonly chroot?: string;
  /** Folder of its own modules that guests may need, all in one. */
  readonly modules: string;
  /** Those that a guest starts with, what is needed first in front. */
  readonly drivers: readonly string[];
  /** Those that stay while the others come and go. */
  readonly libraries: readonly string[];
  /** What was asked for when it was fetched. */
  readonly asked: string;
}

interface Origin {
  readonly suites: readonly string[];
  /** Its compilers and its C library are newer than those of Debian 12. */
  readonly chroot: boolean;
}

/** Where kernels come from, oldest first: 6.1, 6.12 twice, 7.2 when this was written. */
const ORIGINS = {
  bookworm: { suites: ['bookworm', 'bookworm-security'], chroot: false },
  'bookworm-backports': { suites: ['bookworm-backports'], chroot: false },
  trixie: { suites: ['trixie', 'trixie-security'], chroot: true },
  sid: { suites: ['sid'], chroot: true },
} as const satisfies Record<string, Origin>;

export type StockName = keyof typeof ORIGINS;
export const STOCK_NAMES: readonly StockName[] = Object.keys(ORIGINS) as StockName[];

export function isStockName(name: string): name is StockName {
  return STOCK_NAMES.includes(name as StockName);
}

/** What an emulated machine has. */
const DRIVERS = ['virtio_pci', '9pnet_virtio', '9p', 'virtio_blk'];
/** What vexfs.ko and jbd2 need, where they are no part of the kernel; nothing names crc32c_generic, which jbd2 asks for. */
const LIBRARIES = ['crc32c_generic', 'libcrc32c', 'jbd2'];
/** What runs may ask for; they name these with their hyphens. */
const WANTED = ['loop', 'dm_mod', 'dm_flakey', 'ext4'];
/** One that was fetched with less is fetched again. */
const ASKED = [...DRIVERS, ...LIBRARIES, ...WANTED].join(' ');
const PARTS = /^linux-(image|headers|kbuild|binary|modules|base-\d)/;
const PROGRAMS = ['apt-get', 'apt-cache', 'dpkg-deb', 'make', 'gcc', 'strip', 'xz', 'qemu-system-x86_64'];

/** The packages that the kernel, its modules and its build tree come in. */
function partsOf(packages: DebianPackages): { release: string; names: string[] } {
  const image = packages.needs('linux-image-amd64').find((name) => /^linux-image-\d/.test(name));
  if (image === undefined) throw new NoGuests('linux-image-amd64 does not say which kernel it is');
  const release = image.replace('linux-image-', '');
  const names = [image, `linux-headers-${release}`];
  for (const name of names) {
    for (const need of packages.needs(name)) {
      if (PARTS.test(need) && !names.includes(need)) names.push(need);
    }
  }
  return { release, names };
}

/** Lets the build tree find the rest of itself where it was unpacked. */
function mendTree(root: string, tree: string): void {
  const makefile = join(tree, 'Makefile');
  writeFileSync(makefile, readFileSync(makefile, 'utf8').replaceAll(' /usr/', ` ${root}/usr/`));
}

function compilerOf(tree: string): string {
  const found = /\bgcc-\d+\b/.exec(readFileSync(join(tree, '.kernelvariables'), 'utf8'))?.[0];
  if (found === undefined) throw new Error(`${tree} does not say which compiler it is for`);
  return found;
}

function fetchKernel(name: StockName, folder: string): void {
  const { suites, chroot }: Origin = ORIGINS[name];
  const lists = join(folder, 'apt');
  const packages = new DebianPackages(lists, suites);
  const { release, names } = partsOf(packages);
  packages.unpack(names, folder);
  rmSync(lists, { recursive: true });
  const inside = `/usr/src/linux-headers-${release}`;
  const compiler = compilerOf(join(folder, inside));
  const root = chroot ? provideCompilers(compiler) : undefined;
  if (root === undefined) mendTree(folder, join(folder, inside));
  else step(['cp', '-a', join(folder, 'usr/src'), join(folder, 'usr/lib'), join(root, 'usr')]);
  const packed = [join(folder, 'lib/modules', release), join(folder, 'usr/lib/modules', release)];
  const own = packed.find((path) => existsSync(path))!;
  const boot = [join(folder, 'boot', `vmlinuz-${release}`), join(own, 'vmlinuz')];
  const image = join(folder, 'vmlinux');
  unpackKernelImage(boot.find((path) => existsSync(path))!, image);
  const modules = join(folder, 'modules');
  const kernel: StockKernel = {
    kind: 'stock',
    release,
    image,
    tree: root === undefined ? join(folder, inside) : inside,
    compiler,
    ...(root === undefined ? {} : { chroot: root }),
    modules,
    drivers: gatherModules(own, DRIVERS, modules),
    libraries: gatherModules(own, [...LIBRARIES, ...WANTED], modules).filter(
      (path) => !WANTED.includes(basename(path, '.ko')),
    ),
    asked: ASKED,
  };
  const kept = new Set(['vmlinux', 'modules', ...(root === undefined ? ['usr'] : [])]);
  for (const entry of readdirSync(folder)) {
    if (!kept.has(entry)) rmSync(join(folder, entry), { recursive: true });
  }
  writeFileSync(join(folder, 'kernel.json'), JSON.stringify(kernel));
}

/** A kernel, fetched the first time: about 100 MB from the Debian archive, and as much again for compilers of their own. */
export function provideStockKernel(name: StockName): StockKernel {
  requirePrograms(PROGRAMS);
  const folder = join(cacheFolder(), `stock-${name}`);
  const known = knownKernel(folder);
  if (known?.asked === ASKED) return known;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  fetchKernel(name, folder);
  return knownKernel(folder)!;
}

function knownKernel(folder: string): StockKernel | undefined {
  const description = join(folder, 'kernel.json');
  if (!existsSync(description)) return undefined;
  return JSON.parse(readFileSync(description, 'utf8')) as StockKernel;
}
