import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { NoGuests } from './step.js';

const FILE = /\.ko(\.xz|\.zst)?$/;
const UNPACKERS: Readonly<Record<string, string>> = { '.xz': 'xz', '.zst': 'zstd' };

function nameOf(path: string): string {
  return basename(path).replace(FILE, '').replaceAll('-', '_');
}

function readModule(path: string): Buffer {
  const packing = FILE.exec(path)?.[1];
  if (packing === undefined) return readFileSync(path);
  const program = UNPACKERS[packing]!;
  const { status, stdout, error } = spawnSync(program, ['-dc', path], { maxBuffer: 64 << 20 });
  if (status !== 0) throw new NoGuests(`${program} is needed to unpack a module: ${error ?? status}`);
  return stdout;
}

/** Names of the modules that a module needs, from its own description. */
function needs(module: Buffer): string[] {
  const field = Buffer.from('\0depends=');
  const at = module.indexOf(field);
  if (at < 0) return [];
  const text = module.toString('latin1', at + field.length, module.indexOf(0, at + field.length));
  return text === '' ? [] : text.split(',').map((name) => name.replaceAll('-', '_'));
}

/**
 * Copies modules of a kernel with all that they need from its tree into one folder, unpacked. Returns the paths, what is
 * needed first. Names that the tree does not have are built into the kernel.
 */
export function gatherModules(tree: string, names: readonly string[], folder: string): string[] {
  const known = new Map<string, string>();
  for (const path of readdirSync(tree, { recursive: true, encoding: 'utf8' })) {
    if (FILE.test(path)) known.set(nameOf(path), join(tree, path));
  }
  mkdirSync(folder, { recursive: true });
  const gathered = new Map<string, string>();
  const gather = (name: string): void => {
    const path = known.get(name);
    if (path === undefined || gathered.has(name)) return;
    const module = readModule(path);
    for (const need of needs(module)) gather(need);
    const to = join(folder, `${name}.ko`);
    writeFileSync(to, module);
    gathered.set(name, to);
  };
  for (const name of names) gather(name.replaceAll('-', '_'));
  return [...gathered.values()];
}
