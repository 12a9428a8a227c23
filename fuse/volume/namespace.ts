import { constants } from 'node:os';
import { inode as inodeLayout } from '@vexfs/shared';
import { extentsOf, freeContent } from './content.js';
import * as directory from './directory.js';
import { DamageError, FsError } from './errors.js';
import type { Inode, Timestamp } from './inode.js';
import { requireMutable, requireRemovable, requireUnrestricted } from './inode_flags.js';
import { ROOT_EXTENTS } from './inode_table.js';
import { VectorSet } from './vector_set.js';
import type { Volume } from './volume.js';
import * as xattr from './xattr.js';

const { EEXIST, EINVAL, EISDIR, EMLINK, ENOENT, ENOTDIR, ENOTEMPTY } = constants.errno;

/** Bytes of `inode.root`: a target that fits stands in it. */
const ROOT_SIZE = inodeLayout.root.size;

/** Directory entry types of readdir(3): the file type bits of the mode, shifted. */
export function entryType(mode: number): number {
  return (mode & 0o170000) >> 12;
}

export const MAX_LINKS = 65000;

/** Who a new inode belongs to, and its mode with the type bits. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev?: number;
  /** Flags as in the inode. */
  readonly flags?: number;
  /** Blocks that the caller is going to need for the new inode's attributes. */
  readonly moreBlocks?: number;
}

export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

/** What an operation on names left without any name; the caller deletes it when nobody has it open. */
export interface Unlinked {
  readonly inode: Inode | undefined;
}

function touch(inode: Inode, now: Timestamp): void {
  inode.mtime = now;
  inode.ctime = now;
  inode.markDirty();
}

function asDirectory(inode: Inode): Inode {
  if (!inode.isDirectory) throw new FsError(ENOTDIR);
  return inode;
}

/** The inode that a name in a directory leads to, or undefined. Hidden inodes have no names; one that has is damage. */
export function lookupName(volume: Volume, parent: Inode, name: Uint8Array): Inode | undefined {
  const found = directory.lookup(volume, asDirectory(parent), name);
  return found === undefined ? undefined : visible(volume, found.inode);
}

/** An inode by number as users may see it. */
export function visible(volume: Volume, number: number): Inode {
  let inode: Inode;
  try {
    inode = volume.inodes.get(number);
  } catch (error) {
    if (error instanceof FsError && !(error instanceof DamageError)) {
      throw new DamageError(`a directory entry leads to the free inode ${number}`);
    }
    throw error;
  }
  if (inode.isHidden) throw new DamageError(`a directory entry leads to the hidden inode ${number}`);
  return inode;
}

/** Makes a file of any type under a new name. A directory starts empty and without blocks. */
export function createInode(
  volume: Volume,
  parent: Inode,
  name: Uint8Array,
  attributes: Attributes,
  now: Timestamp,
  symlinkTarget?: Uint8Array,
): Inode {
  requireMutable(asDirectory(parent));
  if (parent.links === 0) throw new FsError(ENOENT);
  const isDirectory = entryType(attributes.mode) === 4;
  if (isDirectory && parent.links >= MAX_LINKS) throw new FsError(EMLINK);
  if (directory.lookup(volume, parent, name) !== undefined) throw new FsError(EEXIST);
  volume.inodes.requireOne();
  const targetBlocks = symlinkTarget === undefined ? 0 : blocksOfTarget(volume, symlinkTarget);
  const moreBlocks = attributes.moreBlocks ?? 0;
  volume.requireBlocks(directory.blocksToInsert(volume, parent, name) + targetBlocks + moreBlocks);
  const inode = newInode(volume, parent, attributes, now);
  try {
    if (symlinkTarget !== undefined) writeSymlink(volume, inode, symlinkTarget);
    directory.insert(volume, parent, name, inode.number, entryType(attributes.mode));
  } catch (error) {
    while (holdsExtents(inode) && !freeContent(volume, inode, 0));
    volume.inodes.remove(inode);
    throw error;
  }
  if (isDirectory) parent.links += 1;
  touch(parent, now);
  return inode;
}

function newInode(volume: Volume, parent: Inode, attributes: Attributes, now: Timestamp): Inode {
  const isDirectory = entryType(attributes.mode) === 4;
  const group = isDirectory
    ? volume.inodes.groupForDirectory(parent)
    : volume.geometry.groupOfInode(parent.number);
  const inode = volume.inodes.create(group, isDirectory);
  inode.mode = attributes.mode;
  inode.uid = attributes.uid;
  inode.gid = attributes.gid;
  inode.rdev = attributes.rdev ?? 0;
  inode.flags = attributes.flags ?? 0;
  inode.links = isDirectory ? 2 : 1;
  inode.atime = now;
  inode.btime = now;
  touch(inode, now);
  if (isDirectory) {
    inode.parent = parent.number;
    inode.size = 0;
  }
  return inode;
}

/** Makes a regular file without a name (O_TMPFILE); it stands on the orphan list until `linkName` gives it one. */
export function createUnnamed(volume: Volume, parent: Inode, attributes: Attributes, now: Timestamp): Inode {
  requireMutable(asDirectory(parent));
  if (parent.links === 0) throw new FsError(ENOENT);
  volume.inodes.requireOne();
  volume.requireBlocks(attributes.moreBlocks ?? 0);
  const inode = newInode(volume, parent, attributes, now);
  inode.links = 0;
  volume.orphans.add(inode);
  return inode;
}

/** Each block of a long target could become an extent of its own, for which the root in the inode has too few entries. */
function blocksOfTarget(volume: Volume, target: Uint8Array): number {
  if (target.length <= ROOT_SIZE) return 0;
  const blocks = Math.ceil(target.length / volume.geometry.blockSize);
  return blocks > ROOT_EXTENTS ? blocks + 1 : blocks;
}

function writeSymlink(volume: Volume, inode: Inode, target: Uint8Array): void {
  inode.size = target.length;
  if (target.length <= inode.root.length) {
    inode.root.fill(0);
    inode.root.set(target);
    return;
  }
  const { blockSize } = volume.geometry;
  const count = Math.ceil(target.length / blockSize);
  const bytes = new Uint8Array(count * blockSize);
  bytes.set(target);
  for (let logical = 0; logical < count; ) {
    const run = volume.blocks.take(volume.goalFor(inode.number, false), count - logical);
    try {
      volume.device.write(
        run.start * blockSize,
        bytes.subarray(logical * blockSize, (logical + run.length) * blockSize),
      );
      extentsOf(volume, inode).insert(logical, run.start, run.length);
    } catch (error) {
      volume.blocks.give(run);
      throw error;
    }
    inode.blocks += run.length;
    logical += run.length;
  }
}

/** Removes a name that is no directory's. */
export function unlinkName(volume: Volume, parent: Inode, name: Uint8Array, now: Timestamp): Unlinked {
  const inode = lookupName(volume, parent, name);
  if (inode === undefined) throw new FsError(ENOENT);
  requireRemovable(parent, inode);
  if (inode.isDirectory) throw new FsError(EISDIR);
  directory.remove(volume, parent, name);
  touch(parent, now);
  return dropLink(volume, inode, now);
}

/** Removes the name of an empty directory. */
export function removeDirectory(volume: Volume, parent: Inode, name: Uint8Array, now: Timestamp): Unlinked {
  const inode = lookupName(volume, parent, name);
  if (inode === undefined) throw new FsError(ENOENT);
  requireRemovable(parent, inode);
  if (!inode.isDirectory) throw new FsError(ENOTDIR);
  if (directory.entryCount(inode) > 0) throw new FsError(ENOTEMPTY);
  directory.remove(volume, parent, name);
  parent.links -= 1;
  touch(parent, now);
  return dropDirectory(volume, inode, now);
}

function dropLink(volume: Volume, inode: Inode, now: Timestamp): Unlinked {
  inode.links -= 1;
  inode.ctime = now;
  inode.markDirty();
  if (inode.links > 0) return { inode: undefined };
  volume.orphans.add(inode);
  return { inode };
}

function dropDirectory(volume: Volume, inode: Inode, now: Timestamp): Unlinked {
  inode.links = 0;
  inode.ctime = now;
  inode.markDirty();
  volume.orphans.add(inode);
  return { inode };
}

/** Gives a file one more name. */
export function linkName(
  volume: Volume,
  parent: Inode,
  name: Uint8Array,
  inode: Inode,
  now: Timestamp,
): void {
  requireMutable(asDirectory(parent));
  requireUnrestricted(inode);
  if (inode.links >= MAX_LINKS) throw new FsError(EMLINK);
  // Without a link it is a file of O_TMPFILE; the kernel refuses those that have been unlinked.
  const isUnnamed = inode.links === 0 && inode.isRegular && volume.orphans.has(inode);
  if ((inode.links === 0 && !isUnnamed) || parent.links === 0) throw new FsError(ENOENT);
  directory.insert(volume, parent, name, inode.number, entryType(inode.mode));
  inode.links += 1;
  if (isUnnamed && !volume.cutting.has(inode.number)) volume.orphans.remove(inode);
  inode.ctime = now;
  inode.markDirty();
  touch(parent, now);
}

/** Whether `inode` is `ancestor` or lies below it. */
function isBelow(volume: Volume, inode: Inode, ancestor: Inode): boolean {
  let at = inode;
  for (let steps = 0; steps <= volume.geometry.inodeCount; steps++) {
    if (at.number === ancestor.number) return true;
    if (at.parent === at.number) return false;
    at = volume.inodes.get(at.parent);
  }
  throw new DamageError(`the parents of directory ${inode.number} run in a circle`);
}

/** rename(2) with RENAME_NOREPLACE and RENAME_EXCHANGE. What stood under the new name loses it. */
export function renameName(
  volume: Volume,
  from: Inode,
  oldName: Uint8Array,
  to: Inode,
  newName: Uint8Array,
  flags: number,
  now: Timestamp,
): Unlinked {
  if (
    (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0 ||
    flags === (RENAME_NOREPLACE | RENAME_EXCHANGE)
  ) {
    throw new FsError(EINVAL);
  }
  const source = lookupName(volume, from, oldName);
  if (source === undefined) throw new FsError(ENOENT);
  const target = lookupName(volume, to, newName);
  if (to.links === 0) throw new FsError(ENOENT);
  requireRemovable(from, source);
  if (target === undefined) requireMutable(to);
  else if (target !== source) requireRemovable(to, target);
  if (source.isDirectory && isBelow(volume, to, source)) throw new FsError(EINVAL);
  if ((flags & RENAME_EXCHANGE) !== 0) {
    if (target === undefined) throw new FsError(ENOENT);
    exchange(volume, from, oldName, source, to, newName, target, now);
    return { inode: undefined };
  }
  if (target !== undefined) {
    if ((flags & RENAME_NOREPLACE) !== 0) throw new FsError(EEXIST);
    if (target === source) return { inode: undefined };
    if (target.isDirectory !== source.isDirectory) throw new FsError(target.isDirectory ? EISDIR : ENOTDIR);
    if (target.isDirectory && directory.entryCount(target) > 0) throw new FsError(ENOTEMPTY);
  } else if (source.isDirectory && from !== to && to.links >= MAX_LINKS) {
    throw new FsError(EMLINK);
  }
  if (target === undefined) directory.insert(volume, to, newName, source.number, entryType(source.mode));
  else directory.replace(volume, to, newName, source.number, entryType(source.mode));
  try {
    directory.remove(volume, from, oldName);
  } catch (error) {
    if (target === undefined) directory.remove(volume, to, newName);
    else directory.replace(volume, to, newName, target.number, entryType(target.mode));
    throw error;
  }
  let unlinked: Unlinked = { inode: undefined };
  if (target !== undefined) {
    unlinked = target.isDirectory ? dropDirectory(volume, target, now) : dropLink(volume, target, now);
    if (target.isDirectory) to.links -= 1;
  }
  if (source.isDirectory && from !== to) {
    from.links -= 1;
    to.links += 1;
    source.parent = to.number;
  }
  source.ctime = now;
  source.markDirty();
  touch(from, now);
  touch(to, now);
  return unlinked;
}

function exchange(
  volume: Volume,
  from: Inode,
  oldName: Uint8Array,
  source: Inode,
  to: Inode,
  newName: Uint8Array,
  target: Inode,
  now: Timestamp,
): void {
  if (target.isDirectory && isBelow(volume, from, target)) throw new FsError(EINVAL);
  const moves = from !== to && source.isDirectory !== target.isDirectory;
  if (moves && (source.isDirectory ? to : from).links >= MAX_LINKS) throw new FsError(EMLINK);
  directory.replace(volume, from, oldName, target.number, entryType(target.mode));
  directory.replace(volume, to, newName, source.number, entryType(source.mode));
  if (from !== to) {
    if (source.isDirectory) {
      from.links -= 1;
      to.links += 1;
      source.parent = to.number;
    }
    if (target.isDirectory) {
      to.links -= 1;
      from.links += 1;
      target.parent = from.number;
    }
  }
  for (const inode of [source, target]) {
    inode.ctime = now;
    inode.markDirty();
  }
  touch(from, now);
  touch(to, now);
}

/**
 * Deletes an inode that has no link and that nobody has open: its set with the hidden inodes first, then its blocks,
 * then itself. Frees at most one transaction's worth; returns false when it has to be called again after a commit.
 */
export function deleteInode(volume: Volume, inode: Inode): boolean {
  // Nothing deletes such a directory: what leads here is damaged, and its names are all that leads to what they name.
  if (inode.isDirectory && directory.entryCount(inode) > 0)
    throw new DamageError(`directory ${inode.number} is to be deleted and holds names`);
  volume.inodes.expectRemove(inode);
  if (inode.vectorSet !== 0 && !VectorSet.open(volume, inode).free()) return false;
  if (inode.isDirectory) {
    if (!directory.freeAll(volume, inode, volume.freeBudget)) return false;
  } else if (holdsExtents(inode) && !freeContent(volume, inode, 0)) {
    return false;
  }
  if (inode.xattrBlock !== 0) xattr.freeAll(volume, inode);
  volume.cutting.delete(inode.number);
  volume.orphans.remove(inode);
  volume.inodes.remove(inode);
  return true;
}

/** Whether the root of an inode is that of an extent tree: not for devices, fifos, sockets and short symlinks. */
export function holdsExtents(inode: Inode): boolean {
  const type = entryType(inode.mode);
  return type === 8 || (type === 10 && inode.size > inode.root.length);
}
