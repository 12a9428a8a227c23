// Makes a fresh clone ready: system packages, libraries, build. `npm test` and `npm run demo` start with it; run again
// it finds everything in place. Plain JavaScript without libraries, because it runs before any is installed.
import { nodeProblem } from './node_version.mjs';

const problem = nodeProblem(process.versions.node);
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}
// Imported only now: an old Node could not even parse the rest.
import('./steps.mjs')
  .then((steps) => steps.setUp())
  .catch((error) => {
    console.error(error.step === undefined ? error : error.message);
    process.exitCode = 1;
  });
