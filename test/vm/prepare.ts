/** Fetches and builds what guests need, then prints where it is as JSON. Several of these must not run at once: see provide.ts. */
import { buildInit, buildModules } from './module_build.js';
import { CANNOT_HAVE_GUESTS } from './provide.js';
import { NoGuests } from './step.js';
import { provideUmlKernel } from './uml_kernel.js';

try {
  const kernel = provideUmlKernel();
  console.log(JSON.stringify({ kernel, ...buildModules(kernel), init: buildInit() }));
} catch (error) {
  console.error(error instanceof NoGuests ? error.message : error);
  process.exitCode = error instanceof NoGuests ? CANNOT_HAVE_GUESTS : 1;
}
