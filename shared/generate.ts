/**
 * Writes the generated headers; with --check it writes nothing and exits 1 when one of them is stale, with
 * --root DIR it works below DIR instead of the repository.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { generatedFiles } from './header/files.js';

const { values } = parseArgs({ options: { check: { type: 'boolean' }, root: { type: 'string' } } });
const root = values.root ?? fileURLToPath(new URL('../..', import.meta.url));

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

for (const [name, text] of generatedFiles()) {
  const path = join(root, name);
  const before = current(path);
  if (before === text) continue;
  if (values.check === true) {
    console.error(
      `${name} is ${before === undefined ? 'missing' : 'stale'}: run node shared/dist/generate.js`,
    );
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${name}`);
  }
}
