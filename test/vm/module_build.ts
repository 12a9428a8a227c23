import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache.js';
import { step } from './step.js';
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

/** Brings a copy of kernel/ up to date, times included: Kbuild writes beside its sources. */
function copySources(folder: string): void {
  const wanted = new Set(sources(SOURCE));
  for (const name of wanted) {
    const from = statSync(join(SOURCE, name));
    const to = statSync(join(folder, name), { throwIfNoEntry: false });
    if (to !== undefined && to.size === from.size && to.mtimeMs === from.mtimeMs) continue;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    copyFileSync(join(SOURCE, name), join(folder, name));
    utimesSync(join(folder, name), from.atime, from.mtime);
  }
  for (const name of sources(folder)) {
    if (!wanted.has(name) && !name.endsWith('.mod.c')) rmSync(join(folder, name));
  }
}

/** Paths of vexfs.ko and vss.ko, built for a kernel; any warning of the compiler is an error. */
export function buildModules(kernel: UmlKernel): { module: string; vssModule: string } {
  const checkout = createHash('sha256').update(SOURCE).digest('hex').slice(0, 12);
  const folder = cacheFolder(`module-${checkout}`);
  copySources(folder);
  step(['nice', 'make', '-s', '-j2', 'ARCH=um', `KDIR=${kernel.tree}`], { cwd: folder, minutes: 10 });
  const module = join(folder, 'vexfs.ko');
  if (!existsSync(module)) throw new Error(`make did not build ${module}`);
  return { module, vssModule: join(folder, 'vss.ko') };
}

/** Path of the guest's process 1. */
export function buildInit(): string {
  const source = join(ROOT, 'test/vm/guest/init.c');
  const program = join(cacheFolder(), `init-${createHash('sha256').update(ROOT).digest('hex').slice(0, 12)}`);
  const made = statSync(program, { throwIfNoEntry: false });
  if (made === undefined || made.mtimeMs < statSync(source).mtimeMs) {
    step(['gcc', '-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-o', program, source]);
  }
  return program;
}
