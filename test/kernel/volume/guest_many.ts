/** In a guest: 10,000 files in one directory, then a full volume, then all of it gone; writes what was seen to `seen`. */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { must } from '../../parity/backend/programs.js';
import { mountVolume, unmountVolume } from './mounting.js';

const FILES = 10_000;
const [device, mountpoint] = process.argv.slice(2) as [string, string];
const many = join(mountpoint, 'many');
const seen: Record<string, unknown> = {};

function code(work: () => void): string {
  try {
    work();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function free(): number[] {
  must('sync', []);
  const { bfree, ffree } = statfsSync(mountpoint);
  return [bfree, ffree];
}

/** Creates in `folder` until something says no. */
function fillUp(folder: string, make: (path: string) => void): string {
  for (let i = 0; ; i++) {
    const outcome = code(() => make(join(folder, `${i}-${'long'.repeat(40)}`)));
    if (outcome !== 'ok') return outcome;
  }
}

seen.mount = mountVolume(device, mountpoint, 0);
const before = free();
mkdirSync(many);
const began = performance.now();
for (let i = 0; i < FILES; i++) closeSync(openSync(join(many, `file-${i}`), 'wx'));
const created = performance.now();
seen.created = new Set(readdirSync(many)).size;
for (let i = 0; i < FILES; i += 2) unlinkSync(join(many, `file-${i}`));
seen.left = readdirSync(many).every((name) => Number(name.slice(5)) % 2 === 1) && readdirSync(many).length;
console.log(`${FILES} files created in ${Math.round(created - began)} ms`);
rmSync(many, { recursive: true });
seen.blocksAndInodesBack = String(free()) === String(before);

const [full, folders] = ['full', 'folders'].map((name) => join(mountpoint, name)) as [string, string];
for (const path of [full, folders]) mkdirSync(path);
seen.content = fillUp(full, (path) => writeFileSync(path, Buffer.alloc(1 << 20)));
// What a file of a MiB leaves over goes to folders, which need a block each as soon as something is in them.
seen.names = fillUp(folders, (path) => {
  mkdirSync(path);
  mkdirSync(join(path, 'inside'));
});
seen.removed = code(() => {
  for (const path of [full, folders]) rmSync(path, { recursive: true });
});
seen.blocksAndInodesBackAgain = String(free()) === String(before);
seen.unmount = unmountVolume(mountpoint);
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'seen'), JSON.stringify(seen));
