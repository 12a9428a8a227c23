import { directory } from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';
import type { Check } from './check.js';
import { printable } from './directory_check.js';

/** Findings that get a path; looking for more would take as long as the check itself. */
const MOST_PATHS = 1000;
/** In a larger tree nothing is looked for: each level of a path may take a walk over all directories. */
const MOST_DIRECTORIES = 20_000;
/** Longest chain of directories that is spelled out. */
const MOST_STEPS = 256;

/** Gives the findings of a round the path of their inode, as far as the directories on the device tell it. */
export function addPaths(check: Check): void {
  const wanted = new Set<number>();
  for (const { inode } of check.findings.list) {
    if (inode !== undefined && inode !== ROOT_INODE && wanted.size < MOST_PATHS) wanted.add(inode);
  }
  for (const number of [...wanted]) {
    let at = check.inodes.parent(number);
    for (let step = 0; at > ROOT_INODE && step < MOST_STEPS; step++) {
      wanted.add(at);
      at = check.inodes.parent(at);
    }
  }
  if (check.directories.length > MOST_DIRECTORIES) return;
  const names = new Map<number, { readonly parent: number; readonly name: string }>();
  if (wanted.size > 0) gather(check, wanted, names);
  for (const finding of check.findings.list) {
    if (finding.inode === undefined) continue;
    const path = pathOf(finding.inode, names);
    if (path !== undefined) finding.path = path;
  }
}

function gather(
  check: Check,
  wanted: Set<number>,
  names: Map<number, { readonly parent: number; readonly name: string }>,
): void {
  const collect = (): boolean => {
    let grew = false;
    for (const number of check.directories) {
      const visit = (name: Uint8Array, inode: number): void => {
        if (!wanted.has(inode) || names.has(inode)) return;
        names.set(inode, { parent: number, name: printable(name) });
        if (number === ROOT_INODE || wanted.has(number)) return;
        // A file's directory is known only now; its own name, and those above, may have been passed already.
        for (let at = number, step = 0; at > ROOT_INODE && !wanted.has(at) && step < MOST_STEPS; step++) {
          wanted.add(at);
          at = check.inodes.parent(at);
        }
        grew = true;
      };
      const seen = new Set<number>();
      directory.walk(check.tree, check.readInode(number), {
        block(block) {
          const { size } = seen;
          return seen.add(block).size > size;
        },
        entry: visit,
        damage() {},
      });
      check.store.trim();
    }
    return grew;
  };
  for (let step = 0; step < MOST_STEPS && collect(); step++);
}

function pathOf(
  inode: number,
  names: ReadonlyMap<number, { readonly parent: number; readonly name: string }>,
): string | undefined {
  if (inode === ROOT_INODE) return '/';
  let path = '';
  let at = inode;
  for (let step = 0; at !== ROOT_INODE; step++) {
    const found = names.get(at);
    if (found === undefined || step > MOST_STEPS) return undefined;
    path = `/${found.name}${path}`;
    at = found.parent;
  }
  return path;
}
