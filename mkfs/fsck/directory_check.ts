import { type DamageError, directory, type Inode, salvage } from '@vexfs/fuse/volume';
import { directoryRoot, ROOT_INODE } from '@vexfs/shared';
import type { Check, PlannedEntry } from './check.js';
import { DIRECTORY } from './inode_fields.js';
import { HIDDEN } from './inode_map.js';
import { countBlocks } from './inode_scan.js';

/**
 * Pass 2: every directory. Claims the blocks of their trees, checks the entries against the inodes that they lead to,
 * counts names, and notes in which directory each directory lies.
 */
export function checkDirectories(check: Check): void {
  const total = check.directories.length;
  for (let i = 0; i < total; i++) {
    checkDirectory(check, check.readInode(check.directories[i]!));
    check.store.trim();
    if (i % 256 === 0) check.progress('Checking directories', i, total);
  }
  check.progress('Checking directories', total, total);
}

/** What an entry does to the counts when its directory turns out to be sound. */
interface Effects {
  /** Inodes, no directories, that names lead to. */
  readonly files: number[];
  readonly subdirectories: PlannedEntry[];
  readonly wrong: PlannedEntry[];
  /** Entries with the type byte of another kind of file. */
  readonly mistyped: PlannedEntry[];
}

function checkDirectory(check: Check, inode: Inode): void {
  const blocks: number[] = [];
  const damages: Array<{ readonly message: string; readonly block: number }> = [];
  let effects = noEffects();
  let lostBlock = false;
  directory.walk(check.tree, inode, {
    block(number) {
      if (check.usage.claim(number, 1)) {
        blocks.push(number);
        return true;
      }
      lostBlock = true;
      check.find({
        code: 'shared-block',
        message: `block ${number} of directory ${inode.number} is in use elsewhere`,
        repair: 'make the directory anew',
        safe: false,
        inode: inode.number,
        block: number,
      });
      return false;
    },
    entry(name, target, type) {
      sort(check, effects, name, target, type);
    },
    damage(error: DamageError, block) {
      damages.push({ message: error.message, block });
    },
  });
  const onlyCount = !lostBlock && damages.length === 1 && damages[0]!.block === 0 && blocks.length > 0;
  for (const { message, block } of damages) {
    check.find({
      code: onlyCount ? 'entry-count' : 'directory',
      message,
      repair: onlyCount ? 'set the count' : 'make the directory anew from its sound entries',
      safe: onlyCount,
      inode: inode.number,
      ...(block > 0 ? { block } : {}),
    });
  }
  if (!onlyCount && (lostBlock || damages.length > 0)) {
    for (const block of blocks) check.usage.release(block, 1);
    effects = collect(check, inode);
    rebuild(check, inode, effects);
    return;
  }
  if (onlyCount) {
    const { files, subdirectories, wrong } = effects;
    const entries = files.length + subdirectories.length + wrong.length;
    directoryRoot.entries.set(inode.rootView, 0, entries);
    check.writeInode(inode);
  }
  if (countBlocks(check, inode, blocks.length + (inode.xattrBlock === 0 ? 0 : 1))) check.writeInode(inode);
  apply(check, inode, effects, false);
}

function noEffects(): Effects {
  return { files: [], subdirectories: [], wrong: [], mistyped: [] };
}

function sort(check: Check, effects: Effects, name: Uint8Array, target: number, type: number): void {
  const state = check.inodes.state(target);
  const actual = check.inodes.type(target);
  if (actual === 0 || (state & HIDDEN) !== 0 || target === ROOT_INODE) {
    effects.wrong.push({ name: name.slice(), inode: target, type });
    return;
  }
  if (actual !== type) effects.mistyped.push({ name: name.slice(), inode: target, type: actual });
  if (actual === DIRECTORY) effects.subdirectories.push({ name: name.slice(), inode: target, type: actual });
  else effects.files.push(target);
}

/** All names of a damaged directory that can be saved, sorted by what they lead to, and noted to be entered anew. */
function collect(check: Check, inode: Inode): Effects {
  const effects = noEffects();
  const entries: PlannedEntry[] = [];
  const enter = (block: number): boolean => {
    if (check.usage.isClaimed(block) && !isOwn(check, inode, block)) return false;
    check.usage.note(block, 1);
    return true;
  };
  salvage(check.tree, inode, enter, (name, target, type) => {
    const before = effects.wrong.length;
    sort(check, effects, name, target, type);
    if (effects.wrong.length > before) return;
    entries.push({ name: name.slice(), inode: target, type: check.inodes.type(target) });
  });
  effects.mistyped.length = 0;
  check.directoryRebuilds.set(inode.number, entries);
  return effects;
}

/** A block that somebody else has claimed may still be this directory's: its checksum and owner say so. */
function isOwn(check: Check, inode: Inode, block: number): boolean {
  try {
    check.store.getOwned(block, 'directory', inode.number);
    return true;
  } catch {
    return false;
  }
}

/** Wrong entries are simply not entered again. */
function rebuild(check: Check, inode: Inode, effects: Effects): void {
  for (const entry of effects.wrong) findWrong(check, inode, entry);
  effects.wrong.length = 0;
  apply(check, inode, effects, true);
}

function findWrong(check: Check, inode: Inode, entry: PlannedEntry): void {
  const what =
    entry.inode === ROOT_INODE
      ? 'the root'
      : check.inodes.has(entry.inode, HIDDEN)
        ? `the hidden inode ${entry.inode}`
        : `the free inode ${entry.inode}`;
  check.find({
    code: 'entry',
    message: `"${printable(entry.name)}" in directory ${inode.number} leads to ${what}`,
    repair: 'remove the name',
    safe: false,
    inode: inode.number,
  });
}

function apply(check: Check, inode: Inode, effects: Effects, isRebuilt: boolean): void {
  const { number } = inode;
  for (const entry of effects.wrong) {
    findWrong(check, inode, entry);
    check.entryFixes.push({ directory: number, name: entry.name, inode: entry.inode, type: undefined });
  }
  for (const entry of effects.mistyped) {
    check.find({
      code: 'entry-type',
      message: `"${printable(entry.name)}" in directory ${number} has the type of another kind of file`,
      repair: 'set it',
      safe: true,
      inode: number,
    });
    check.entryFixes.push({ directory: number, name: entry.name, inode: entry.inode, type: entry.type });
  }
  for (const file of effects.files) check.inodes.addName(file);
  for (const entry of effects.subdirectories) {
    if (check.inodes.parent(entry.inode) === 0) {
      check.inodes.setParent(entry.inode, number);
      check.inodes.addName(number);
      continue;
    }
    check.find({
      code: 'entry',
      message: `"${printable(entry.name)}" in directory ${number} is a second name of directory ${entry.inode}`,
      repair: 'remove the name',
      safe: false,
      inode: number,
    });
    if (isRebuilt) {
      const kept = check.directoryRebuilds.get(number)!.filter((planned) => !isSame(planned, entry));
      check.directoryRebuilds.set(number, kept);
    } else {
      check.entryFixes.push({ directory: number, name: entry.name, inode: entry.inode, type: undefined });
    }
  }
}

function isSame(a: PlannedEntry, b: PlannedEntry): boolean {
  return Buffer.compare(a.name, b.name) === 0;
}

/** A name for the terminal: what is no printable ASCII is escaped. */
export function printable(name: Uint8Array): string {
  let text = '';
  for (const byte of name) {
    const plain = byte >= 32 && byte < 127 && byte !== 0x5c && byte !== 0x22;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}
