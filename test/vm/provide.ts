import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SANITIZES } from './sanitizing_kernel.js';
import type { StockKernel, StockName } from './stock_kernel.js';
import type { UmlKernel } from './uml_kernel.js';

/** What a guest is started from. */
export interface GuestParts<Kernel extends UmlKernel | StockKernel = UmlKernel | StockKernel> {
  readonly kernel: Kernel;
  /** vexfs.ko of the sources as they are now. */
  readonly module: string;
  /** vss.ko of the same, which runs load themselves. */
  readonly vssModule: string;
  /** Path of process 1, or for a stock kernel of the initramfs that holds it. */
  readonly init: string;
}

/** Exit code of prepare.js where guests cannot be had. */
export const CANNOT_HAVE_GUESTS = 3;

/** Fetching takes a minute or two; building a kernel that sanitizes up to an hour on a busy machine. */
const MINUTES = SANITIZES ? 90 : 30;

function provide(words: readonly string[]): GuestParts | string {
  const script = fileURLToPath(new URL('./prepare.js', import.meta.url));
  const prepared = spawnSync(process.execPath, [script, ...words], {
    encoding: 'utf8',
    timeout: MINUTES * 60_000,
  });
  if (prepared.status === CANNOT_HAVE_GUESTS) return prepared.stderr.trim();
  if (prepared.status !== 0)
    throw new Error(`guests cannot be prepared: ${prepared.error ?? prepared.stderr}`);
  return JSON.parse(prepared.stdout) as GuestParts;
}

/**
 * Kernel, module and process 1, fetched and built when they are not there; or, where they cannot be fetched, why not.
 * Safe from several processes at once. Throws when something does not build.
 */
export function provideGuestParts(): GuestParts<UmlKernel> | string {
  return provide([]) as GuestParts<UmlKernel> | string;
}

/** The same for a guest that is an emulated machine with a kernel of Debian. */
export function provideStockParts(name: StockName): GuestParts<StockKernel> | string {
  return provide([name]) as GuestParts<StockKernel> | string;
}
