import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import {
  EXCHANGE,
  fallocate,
  KEEP_SIZE,
  makeNode,
  PUNCH_HOLE,
  removeXattr,
  rename2,
  setXattr,
  ZERO_RANGE,
} from '../../parity/operations/calls.js';
import type { Seeded } from '../../unit/volume/seeded.js';
import { INDEX_PLANNERS } from './index_operations.js';
import { foundRows, putRows, ROW_BYTES } from './rows.js';
import { parentOf, type Tree, treeNode } from './tree.js';

/** An operation with everything chosen: one change of the filesystem. */
export interface Plan {
  /** For messages. */
  readonly text: string;
  /** What fsync(2) is called on afterwards; '' is the folder of the tree. */
  readonly target: string;
  /** Does it below `folder`, by system calls. Throws an error whose code is the errno. */
  run(folder: string): void;
  /** Of a write: what it comes to when it stores only so many bytes, which is no error. */
  partly?(bytes: number): Plan;
  /** Of a truncation: the size it gives a file. One that fails while blocks are freed has been done all the same. */
  readonly size?: number;
  /** What it has done to the tree; `folder` is asked only where the filesystem was free to choose. */
  apply(tree: Tree, folder: string): void;
}

type Planner = (tree: Tree, random: Seeded) => Plan;

/** A system call wrapper of ours that answers an errno by its name. */
function must(result: number | string): void {
  if (typeof result === 'string') throw Object.assign(new Error(result), { code: result });
}

function withFile(path: string, flags: string | number, use: (fd: number) => void): void {
  const fd = openSync(path, flags);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}

/** write(2) has stored some of the bytes. */
export class ShortWrite extends Error {
  readonly count: number;
  constructor(count: number) {
    super(`write(2) has stored ${count} bytes`);
    this.count = count;
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number | null): void {
  const count = writeSync(fd, bytes, 0, bytes.length, position);
  if (count !== bytes.length) throw new ShortWrite(count);
}

/** Mostly small, sometimes whole blocks, sometimes many of them. */
function someLength(random: Seeded): number {
  const most = random.of([100, 3000, 4096, 20_000, 60_000]);
  return most === 4096 ? 4096 * (1 + random.below(4)) : 1 + random.below(most);
}

function someFile(tree: Tree, random: Seeded): string {
  return random.of(tree.of('file'));
}

/** Content with other bytes from `offset` on; longer if they reach further. */
function withBytes(content: Buffer, offset: number, bytes: Uint8Array): Buffer {
  const result = Buffer.alloc(Math.max(content.length, offset + bytes.length));
  content.copy(result);
  result.set(bytes, offset);
  return result;
}

function resized(content: Buffer, size: number): Buffer {
  const result = Buffer.alloc(size);
  content.copy(result);
  return result;
}

function writing(path: string, offset: number, bytes: Uint8Array, text: string): Plan {
  return {
    text: `${text} ${path}: ${bytes.length} bytes at ${offset}`,
    target: path,
    run: (folder) => withFile(`${folder}/${path}`, 'r+', (fd) => writeAll(fd, bytes, offset)),
    partly: (count) => writing(path, offset, bytes.subarray(0, count), text),
    apply: (tree) => tree.change(path, { content: withBytes(tree.at(path).content, offset, bytes) }),
  };
}

/** A change of a range by fallocate(2). */
function ranging(path: string, text: string, mode: number, offset: number, length: number): Plan {
  return {
    text: `${text} ${path}: ${length} bytes at ${offset}`,
    target: path,
    run: (folder) => withFile(`${folder}/${path}`, 'r+', (fd) => must(fallocate(fd, mode, offset, length))),
    apply: (tree) => {
      const { content } = tree.at(path);
      const keepsSize = (mode & KEEP_SIZE) !== 0;
      const changed = resized(
        content,
        keepsSize ? content.length : Math.max(content.length, offset + length),
      );
      if ((mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0)
        changed.fill(0, Math.min(offset, changed.length), Math.min(offset + length, changed.length));
      tree.change(path, { content: changed });
    },
  };
}

/** The same change of the tree and of the folder by names alone. */
function naming(
  text: string,
  target: string,
  run: (folder: string) => void,
  apply: (tree: Tree) => void,
): Plan {
  return { text, target, run, apply };
}

function movable(tree: Tree, random: Seeded): string {
  return random.of(tree.of('file', 'vectors', 'symlink'));
}

/** `name`, or one like it that nothing has yet. */
function fresh(tree: Tree, name: string): string {
  for (let i = 2, free = name; ; i++) {
    if (!tree.names.has(free)) return free;
    free = `${name}${i}`;
  }
}

function rename(from: string, to: string): Plan {
  const run = (folder: string): void => renameSync(`${folder}/${from}`, `${folder}/${to}`);
  return naming(`rename ${from} to ${to}`, to, run, (tree) => tree.rename(from, to));
}

/** The ids that come after all that the file has. */
function freshRows(tree: Tree, path: string, random: Seeded, count: number): Map<number, number> {
  const first = Math.max(-1, ...tree.at(path).rows.keys()) + 1 + random.below(50);
  const value = 1 + random.below(1000);
  return new Map(Array.from({ length: count }, (_, i) => [first + i, value + (i % 7)]));
}

const PLANNERS: Readonly<Record<string, Planner>> = {
  create: (tree) => {
    const path = fresh(tree, tree.names.has('d') ? 'd/new' : 'new');
    return naming(
      `create ${path}`,
      path,
      (folder) => closeSync(openSync(`${folder}/${path}`, 'wx')),
      (changed) => changed.add(path, treeNode('file')),
    );
  },
  write: (tree, random) => {
    const path = someFile(tree, random);
    const gap = random.chance(50) ? 0 : random.below(9000);
    return writing(path, tree.at(path).content.length + gap, random.bytes(someLength(random)), 'write');
  },
  append: (tree, random) => {
    const path = someFile(tree, random);
    const bytes = random.bytes(someLength(random));
    const plan = writing(path, tree.at(path).content.length, bytes, 'append');
    return {
      ...plan,
      run: (folder) => withFile(`${folder}/${path}`, 'a', (fd) => writeAll(fd, bytes, null)),
    };
  },
  overwrite: (tree, random) => {
    const path = someFile(tree, random);
    const { length } = tree.at(path).content;
    const offset = random.below(Math.max(1, length));
    const most = Math.max(1, length - offset);
    return writing(path, offset, random.bytes(Math.min(most, someLength(random))), 'overwrite');
  },
  truncate: (tree, random) => {
    const path = someFile(tree, random);
    const { length } = tree.at(path).content;
    const size = random.chance(30) ? 0 : random.below(length + 1);
    return {
      text: `truncate ${path} to ${size}`,
      target: path,
      size,
      run: (folder) => withFile(`${folder}/${path}`, 'r+', (fd) => ftruncateSync(fd, size)),
      apply: (changed) => changed.change(path, { content: resized(changed.at(path).content, size) }),
    };
  },
  grow: (tree, random) => {
    const path = someFile(tree, random);
    const size = tree.at(path).content.length + someLength(random);
    return {
      text: `truncate ${path} up to ${size}`,
      target: path,
      run: (folder) => withFile(`${folder}/${path}`, 'r+', (fd) => ftruncateSync(fd, size)),
      apply: (changed) => changed.change(path, { content: resized(changed.at(path).content, size) }),
    };
  },
  punch: (tree, random) => {
    const path = someFile(tree, random);
    const offset = random.below(Math.max(1, tree.at(path).content.length));
    return ranging(path, 'punch', PUNCH_HOLE | KEEP_SIZE, offset, someLength(random));
  },
  zero: (tree, random) => {
    const path = someFile(tree, random);
    const offset = random.below(Math.max(1, tree.at(path).content.length));
    return ranging(path, 'zero', ZERO_RANGE, offset, someLength(random));
  },
  fallocate: (tree, random) => {
    const path = someFile(tree, random);
    const offset = random.below(Math.max(1, tree.at(path).content.length));
    const mode = random.chance(50) ? 0 : KEEP_SIZE;
    return ranging(
      path,
      mode === 0 ? 'fallocate' : 'fallocate past the end of',
      mode,
      offset,
      someLength(random),
    );
  },
  rename: (tree, random) =>
    rename(movable(tree, random), fresh(tree, random.chance(50) ? 'moved' : 'e/moved')),
  'rename over': (tree, random) => {
    const from = movable(tree, random);
    const others = tree.of('file', 'vectors', 'symlink').filter((path) => path !== from);
    const to = random.of(others.length > 0 ? others : ['moved']);
    // Names of one file: rename(2) does nothing.
    return tree.names.has(to) && tree.numberOf(to) === tree.numberOf(from)
      ? rename(from, fresh(tree, 'moved'))
      : rename(from, to);
  },
  'rename folder': (tree) =>
    rename(tree.names.has('d') ? 'd' : 'folder', tree.names.has('d') ? 'folder' : 'd'),
  exchange: (tree, random) => {
    const one = movable(tree, random);
    const other = random.of(tree.of('file', 'vectors', 'symlink').filter((path) => path !== one));
    return naming(
      `exchange ${one} and ${other}`,
      one,
      (folder) => must(rename2(`${folder}/${one}`, `${folder}/${other}`, EXCHANGE)),
      (changed) => changed.exchange(one, other),
    );
  },
  link: (tree, random) => {
    const path = random.of(tree.of('file', 'vectors'));
    const other = fresh(tree, 'e/linked');
    return naming(
      `link ${path} as ${other}`,
      path,
      (folder) => linkSync(`${folder}/${path}`, `${folder}/${other}`),
      (changed) => changed.link(path, other),
    );
  },
  unlink: (tree, random) => {
    const path = random.of(tree.of('file', 'vectors', 'symlink', 'fifo'));
    return naming(
      `unlink ${path}`,
      parentOf(path),
      (folder) => unlinkSync(`${folder}/${path}`),
      (changed) => changed.remove(path),
    );
  },
  mkdir: (tree) => {
    const path = fresh(tree, 'made');
    return naming(
      `mkdir ${path}`,
      path,
      (folder) => mkdirSync(`${folder}/${path}`),
      (changed) => changed.add(path, treeNode('folder')),
    );
  },
  rmdir: (tree, random) => {
    const path = random.of(tree.of('folder').filter((one) => one !== 'e' && tree.below(one).length === 0));
    return naming(
      `rmdir ${path}`,
      '',
      (folder) => rmdirSync(`${folder}/${path}`),
      (changed) => changed.remove(path),
    );
  },
  symlink: (tree, random) => {
    const path = fresh(tree, 'symlink');
    const target = `${'long/'.repeat(random.of([0, 3, 60]))}target`;
    return naming(
      `symlink to ${target.length} bytes`,
      '',
      (folder) => symlinkSync(target, `${folder}/${path}`),
      (changed) => changed.add(path, treeNode('symlink', { content: Buffer.from(target) })),
    );
  },
  fifo: (tree) => {
    const path = fresh(tree, 'fifo');
    return naming(
      `mkfifo ${path}`,
      '',
      (folder) => must(makeNode(`${folder}/${path}`, 0o010644)),
      (changed) => changed.add(path, treeNode('fifo')),
    );
  },
  'set attribute': (tree, random) => {
    const path = random.of(tree.of('file', 'vectors', 'folder'));
    const name = random.of(['user.one', 'user.two']);
    const value = 'v'.repeat(random.of([1, 40, 700]));
    return naming(
      `set ${name} of ${path} to ${value.length} bytes`,
      path,
      (folder) => must(setXattr(`${folder}/${path}`, name, value)),
      (changed) => withXattr(changed, path, name, value),
    );
  },
  'remove attribute': (tree, random) => {
    const path = random.of([...tree.names.keys()].filter((one) => tree.at(one).xattrs.size > 0).sort());
    const name = random.of([...tree.at(path).xattrs.keys()]);
    return naming(
      `remove ${name} of ${path}`,
      path,
      (folder) => must(removeXattr(`${folder}/${path}`, name)),
      (changed) => withXattr(changed, path, name, undefined),
    );
  },
  chmod: (tree, random) => {
    const path = random.of(tree.of('file', 'vectors', 'folder'));
    const mode = random.of([0o600, 0o711, 0o777]);
    return naming(
      `chmod ${path} to ${mode.toString(8)}`,
      path,
      (folder) => chmodSync(`${folder}/${path}`, mode),
      (changed) => changed.change(path, { mode, mtime: changed.at(path).mtime }),
    );
  },
  utimes: (tree, random) => {
    const path = random.of(tree.of('file', 'vectors'));
    const mtime = 1_000_000 + random.below(1_000_000_000);
    return naming(
      `set the time of ${path}`,
      path,
      (folder) => utimesSync(`${folder}/${path}`, mtime, mtime),
      (changed) => changed.change(path, { mtime }),
    );
  },
  insert: (tree, random) => {
    const path = random.of(tree.of('vectors'));
    const rows = freshRows(tree, path, random, 1 + random.below(random.of([3, 60, 3000])));
    return {
      text: `insert ${rows.size} rows into ${path}`,
      target: path,
      run: (folder) => putRows(`${folder}/${path}`, rows, false),
      apply: (changed) => changed.change(path, { rows: new Map([...changed.at(path).rows, ...rows]) }),
    };
  },
  'overwrite rows': (tree, random) => {
    const path = random.of(tree.of('vectors'));
    const value = 2000 + random.below(1000);
    const rows = new Map<number, number>();
    for (const id of tree.at(path).rows.keys()) if (random.chance(50)) rows.set(id, value + (id % 5));
    for (const [id, fresh] of freshRows(tree, path, random, 1 + random.below(20))) rows.set(id, fresh);
    return {
      text: `overwrite ${rows.size} rows of ${path}`,
      target: path,
      run: (folder) => putRows(`${folder}/${path}`, rows, true),
      apply: (changed) => changed.change(path, { rows: new Map([...changed.at(path).rows, ...rows]) }),
    };
  },
  'cut all rows': (tree, random) => {
    const path = random.of(tree.of('vectors'));
    return {
      text: `empty ${path}`,
      target: path,
      size: 0,
      run: (folder) => withFile(`${folder}/${path}`, 'r+', (fd) => ftruncateSync(fd, 0)),
      apply: (changed) => changed.change(path, { rows: new Map() }),
    };
  },
  'cut rows': (tree, random) => {
    const path = random.of(tree.of('vectors'));
    const slots = random.below(tree.at(path).rows.size + 1);
    return {
      text: `truncate ${path} to ${slots} slots`,
      target: path,
      run: (folder) => withFile(`${folder}/${path}`, 'r+', (fd) => ftruncateSync(fd, slots * ROW_BYTES)),
      // Which row lies in which slot is the filesystem's choice; the rows that are left have what they had.
      apply: (changed, folder) => {
        const { rows } = changed.at(path);
        const left = [...foundRows(`${folder}/${path}`).keys()];
        if (left.length > slots) throw new Error(`${left.length} rows are left in ${slots} slots`);
        changed.change(path, { rows: new Map(left.map((id) => [id, rows.get(id) ?? Number.NaN])) });
      },
    };
  },
  ...INDEX_PLANNERS,
};

function withXattr(tree: Tree, path: string, name: string, value: string | undefined): void {
  const xattrs = new Map(tree.at(path).xattrs);
  if (value === undefined) xattrs.delete(name);
  else xattrs.set(name, value);
  tree.change(path, { xattrs, mtime: tree.at(path).mtime });
}

/** Names of all operations. */
export const OPERATIONS: readonly string[] = Object.keys(PLANNERS);

/** Chooses what the operation `name` does to the tree. Throws RangeError when there is nothing left that it could be done to. */
export function plan(name: string, tree: Tree, random: Seeded): Plan {
  return PLANNERS[name]!(tree, random);
}
