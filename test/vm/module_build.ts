import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache.js';
import { holding } from './lock.js';
import { step } from './step.js';
import type { StockKernel } from './stock_kernel.js';
import type { UmlKernel } from './uml_kernel.js';

/** From dist/vm up to the root of the project. */
export const ROOT: string = fileURLToPath(new URL('../../../', import.meta.url));
/** VEXFS_KERNEL_SOURCE: the module of another checkout, to compare or to bisect. */
const SOURCE = process.env.VEXFS_KERNEL_SOURCE ?? join(ROOT, 'kernel');
/** Whatever Kbuild may read: no objects, no tests. */
const WANTED = /^(Kbuild|Makefile|(fs|vss|compat|include\/uapi)\/[a-z0-9_]+\.[ch]|engine\/[a-z0-9_]+\.[ch])$/;

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => WANTED.test(name))
    .sort();
}

/**
 * Brings a copy of kernel/ up to date: Kbuild writes beside its sources. What has changed is new from now on, however old it
 * is in the checkout: an object that was built meanwhile from what stood here before must not pass for newer.
 */
function copySources(folder: string): void {
  const wanted = new Set(sources(SOURCE));
  for (const name of wanted) {
    const content = readFileSync(join(SOURCE, name));
    const copy = join(folder, name);
    if (existsSync(copy) && content.equals(readFileSync(copy))) continue;
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, content);
  }
  for (const name of sources(folder)) {
    if (!wanted.has(name) && !name.endsWith('.mod.c')) rmSync(join(folder, name));
  }
}

/** Words that build modules in a folder; for a kernel of a newer Debian, with the compiler and inside of the folder of that. */
function makeWords(kernel: UmlKernel | StockKernel, folder: string): string[] {
  const make = ['make', '-s', '-j2', `KDIR=${kernel.tree}`];
  if (kernel.kind === 'uml') return [...make, '-C', folder, 'ARCH=um'];
  // Types for bpf(2), which are made from an image of the kernel that is not there.
  make.push('CONFIG_DEBUG_INFO_BTF_MODULES=');
  if (kernel.chroot === undefined) return [...make, '-C', folder];
  // Copies of mounts of the machine are let go: they would keep a filesystem alive that is unmounted outside meanwhile.
  const script =
    'mount --make-rprivate / && umount -a -l -t fuse,fuse.vexfs,fuse.vexfs-vss && ' +
    'mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount --bind "$1" "$0/mnt" && ' +
    'root=$0 && shift && exec chroot "$root" "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, kernel.chroot, folder, ...make, '-C', '/mnt'];
}

/** Paths of vexfs.ko and vss.ko, built for a kernel; any warning of the compiler is an error. */
export function buildModules(kernel: UmlKernel | StockKernel): { module: string; vssModule: string } {
  const checkout = createHash('sha256').update(SOURCE).digest('hex').slice(0, 12);
  const folder = cacheFolder(
    `module-${checkout}-${kernel.kind === 'uml' ? basename(dirname(kernel.tree)) : kernel.release}`,
  );
  return holding(`lock-${basename(folder)}`, () => {
    copySources(folder);
    step(['nice', ...makeWords(kernel, folder)], { minutes: 15 });
    const [module, vssModule] = ['vexfs.ko', 'vss.ko'].map((name) => join(folder, name)) as [string, string];
    if (!existsSync(module)) throw new Error(`make did not build ${module}`);
    if (kernel.kind === 'uml') return { module, vssModule };
    return { module: withoutDebugging(module), vssModule: withoutDebugging(vssModule) };
  });
}

/** A copy that an emulated machine loads in a moment. */
function withoutDebugging(module: string): string {
  const folder = join(dirname(module), 'small');
  const small = join(folder, basename(module));
  mkdirSync(folder, { recursive: true });
  step(['strip', '--strip-debug', '-o', small, module]);
  return small;
}

/** Path of the guest's process 1. */
export function buildInit(): string {
  const source = join(ROOT, 'test/vm/guest/init.c');
  const program = join(cacheFolder(), `init-${createHash('sha256').update(ROOT).digest('hex').slice(0, 12)}`);
  const made = statSync(program, { throwIfNoEntry: false });
  if (made === undefined || made.mtimeMs < statSync(source).mtimeMs) {
    const fresh = `${program}.${process.pid}`;
    step(['gcc', '-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-o', fresh, source]);
    renameSync(fresh, program);
  }
  return program;
}
