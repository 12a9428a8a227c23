import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache.js';
import { step } from './step.js';
import type { UmlKernel } from './uml_kernel.js';

/** What a guest is started from. */
export interface GuestParts {
  readonly kernel: UmlKernel;
  /** vexfs.ko of the sources as they are now. */
  readonly module: string;
  readonly init: string;
}

/** Kernel, module and process 1, fetched and built when they are not there. Safe from several processes at once. */
export function provideGuestParts(): GuestParts {
  const script = fileURLToPath(new URL('./prepare.js', import.meta.url));
  const printed = step(['flock', join(cacheFolder(), 'lock'), process.execPath, script], { minutes: 20 });
  return JSON.parse(printed) as GuestParts;
}
