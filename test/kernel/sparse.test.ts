import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { guestParts, guestTest } from '../vm/guest_test.js';

const MINUTES = 5;
/** The engine is plain C with vector types that sparse does not know; its own tests compile it with all warnings. */
const FOLDERS = ['fs', 'vss'];

guestTest('sparse finds nothing: address spaces, byte order and locks are what their types say', (t) => {
  t.timeout(MINUTES * 60_000);
  const { kernel, module } = guestParts();
  const folder = dirname(module);
  const objects = FOLDERS.flatMap((name) =>
    readdirSync(join(folder, name))
      .filter((file) => file.endsWith('.c') && !file.endsWith('.mod.c'))
      .map((file) => `${name}/${file.replace(/\.c$/, '.o')}`),
  );
  t.true(objects.length > 20);
  const words = ['ARCH=um', `M=${folder}`, 'C=2', 'CF=-D__CHECK_ENDIAN__', ...objects];
  const { status, stdout, stderr } = spawnSync('make', ['-j2', '-C', kernel.tree, ...words], {
    encoding: 'utf8',
    timeout: MINUTES * 60_000,
  });
  t.is(status, 0, stderr);
  const checked = [...stdout.matchAll(/^\s+CHECK\s+(\S+)$/gm)].map((line) => line[1]!);
  t.is(checked.length, objects.length);
  t.deepEqual(
    stderr.split('\n').filter((line) => /: (warning|error): /.test(line)),
    [],
  );
});
