import { fileURLToPath } from 'node:url';
import { buildEngine, buildPrograms } from './build.mjs';
import { report } from './commands.mjs';
import { fuseProblem } from './fuse_device.mjs';
import { provideLibraries } from './libraries.mjs';
import { provideSystemPackages } from './system_packages.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** All of it, in order. Throws StepError when the libraries cannot be installed or the sources do not compile. */
export function setUp() {
  provideSystemPackages(ROOT);
  provideLibraries(ROOT);
  buildPrograms(ROOT);
  buildEngine(ROOT);
  report('fuse', fuseProblem() ?? 'volumes can be mounted here');
}
