/** In a guest: puts a tree of every kind of name onto a volume that is mounted for writing, by seeded steps, and surveys it. */
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  EXCHANGE,
  linkDescriptor,
  makeNode,
  NOREPLACE,
  O_TMPFILE,
  rename2,
  setXattr,
} from '../../parity/operations/calls.js';
import { MS_RDONLY, MS_REMOUNT, mountVolume, unmountVolume } from './mounting.js';
import { survey } from './survey.js';

const [device, mountpoint, seed, steps] = process.argv.slice(2) as [string, string, string, string];
let state = Number(seed);

function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

function expectOk(outcome: string | number, what: string): void {
  if (outcome !== 'ok' && typeof outcome === 'string') throw new Error(`${what}: ${outcome}`);
}

/** Directories below the mount, and the names in each, as they should be. */
const model = new Map<string, Map<string, 'dir' | 'other'>>([['', new Map()]]);

const at = (folder: string, name = ''): string => join(mountpoint, folder, name);
const folders = (): string[] => [...model.keys()];
const anyFolder = (): string => folders()[random(model.size)]!;
const anyName = (folder: string): string | undefined => {
  const names = [...model.get(folder)!.keys()];
  return names[random(names.length)];
};
const freshName = (): string => `${'n'.repeat(1 + random(random(4) === 0 ? 200 : 12))}-${random(1 << 30)}`;

/** Also what lies in a directory goes to its new name. */
function moveFolder(from: string, to: string): void {
  for (const folder of folders()) {
    if (folder !== from && !folder.startsWith(`${from}/`)) continue;
    model.set(to + folder.slice(from.length), model.get(folder)!);
    model.delete(folder);
  }
}

function make(folder: string): void {
  const name = freshName();
  const path = at(folder, name);
  const names = model.get(folder)!;
  switch (random(9)) {
    case 0:
    case 1:
      mkdirSync(path);
      names.set(name, 'dir');
      model.set(join(folder, name), new Map());
      return;
    case 2:
      symlinkSync('t'.repeat(1 + random(random(2) === 0 ? 112 : 4_095)), path);
      break;
    case 3:
      expectOk(makeNode(path, random(2) === 0 ? 0o010644 : 0o020600, 0x1234), 'mknod');
      break;
    case 4: {
      const fd = openSync(at(folder), O_TMPFILE | 2, 0o640);
      expectOk(linkDescriptor(fd, path), 'linkat');
      closeSync(fd);
      break;
    }
    default:
      writeFileSync(path, 'x'.repeat(random(9_000)));
      if (random(4) === 0) expectOk(setXattr(path, `user.${random(9)}`, 'v'.repeat(random(500))), 'setxattr');
  }
  names.set(name, 'other');
}

function remove(folder: string): void {
  const name = anyName(folder);
  if (name === undefined) return;
  const names = model.get(folder)!;
  if (names.get(name) === 'other') {
    unlinkSync(at(folder, name));
  } else {
    if (model.get(join(folder, name))!.size > 0) return;
    rmdirSync(at(folder, name));
    model.delete(join(folder, name));
  }
  names.delete(name);
}

function rename(from: string, to: string): void {
  const name = anyName(from);
  if (name === undefined) return;
  const kind = model.get(from)!.get(name)!;
  if (kind === 'dir' && (to === join(from, name) || to.startsWith(`${join(from, name)}/`))) return;
  const newName = freshName();
  if (random(2) === 0) renameSync(at(from, name), at(to, newName));
  else expectOk(rename2(at(from, name), at(to, newName), NOREPLACE), 'renameat2');
  model.get(from)!.delete(name);
  model.get(to)!.set(newName, kind);
  if (kind === 'dir') moveFolder(join(from, name), join(to, newName));
}

/** One of the two goes to the name of the other, or both change places. */
function replace(from: string, to: string): void {
  const name = anyName(from);
  const target = anyName(to);
  if (name === undefined || target === undefined || (from === to && name === target)) return;
  if (model.get(from)!.get(name) !== 'other' || model.get(to)!.get(target) !== 'other') return;
  if (random(2) === 0) {
    expectOk(rename2(at(from, name), at(to, target), EXCHANGE), 'exchange');
  } else {
    renameSync(at(from, name), at(to, target));
    model.get(from)!.delete(name);
  }
}

function link(from: string, to: string): void {
  const name = anyName(from);
  if (name === undefined || model.get(from)!.get(name) !== 'other') return;
  const newName = freshName();
  linkSync(at(from, name), at(to, newName));
  model.get(to)!.set(newName, 'other');
}

function step(): void {
  const kind = random(20);
  if (kind < 9) make(anyFolder());
  else if (kind < 14) remove(anyFolder());
  else if (kind < 17) rename(anyFolder(), anyFolder());
  else if (kind < 18) replace(anyFolder(), anyFolder());
  else link(anyFolder(), anyFolder());
}

function compare(): void {
  for (const [folder, names] of model) {
    const found = readdirSync(at(folder)).toSorted().join('\n');
    const expected = [...names.keys()].toSorted().join('\n');
    if (found !== expected) throw new Error(`${folder}: found\n${found}\nexpected\n${expected}`);
  }
}

expectOk(mountVolume(device, mountpoint, 0), 'mount');
for (let i = 0; i < Number(steps); i++) step();
compare();
expectOk(mountVolume('none', mountpoint, MS_REMOUNT | MS_RDONLY), 'remount read-only');
compare();
expectOk(mountVolume('none', mountpoint, MS_REMOUNT), 'remount for writing');
for (let i = 0; i < Number(steps); i++) step();
compare();
expectOk(unmountVolume(mountpoint), 'umount');
expectOk(mountVolume(device, mountpoint, 0), 'mount again');
compare();
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'survey'), JSON.stringify(survey(mountpoint)));
expectOk(unmountVolume(mountpoint), 'umount again');
