import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

/** The values that dkms.conf gives to a variable, indexed or not. */
function values(name: string): string[] {
  const lines = read('kernel/dkms.conf').matchAll(new RegExp(`^${name}(?:\\[\\d+\\])?="([^"]*)"$`, 'gm'));
  return [...lines].map((line) => line[1]!);
}

test('dkms.conf names this version and every module that Kbuild makes', (t) => {
  t.deepEqual(values('PACKAGE_VERSION'), [(JSON.parse(read('package.json')) as { version: string }).version]);
  const modules = [...read('kernel/Kbuild').matchAll(/^obj-m\s*[:+]=\s*(.*)$/gm)]
    .flatMap((line) => line[1]!.split(/\s+/))
    .map((object) => object.replace(/\.o$/, ''));
  t.true(modules.includes('vexfs'));
  t.deepEqual(values('BUILT_MODULE_NAME').sort(), modules.sort());
  t.is(values('DEST_MODULE_LOCATION').length, modules.length);
});
