import { INODE_HIDDEN } from '@vexfs/shared';
import { freeContent } from './content.js';
import { DamageError, FsError } from './errors.js';
import type { Inode } from './inode.js';
import type { Volume } from './volume.js';

/** A new inode that only `owner` names: of a set, a log or a snapshot. Throws ENOSPC. */
export function hiddenInode(volume: Volume, owner: Inode): Inode {
  const inode = volume.inodes.create(volume.geometry.groupOfInode(owner.number), false);
  inode.mode = 0o100000;
  inode.links = 1;
  inode.flags = INODE_HIDDEN;
  inode.parent = owner.number;
  inode.ownerGeneration = owner.generation;
  inode.markDirty();
  return inode;
}

export function isHiddenOf(inode: Inode, owner: Inode): boolean {
  return inode.isHidden && inode.parent === owner.number && inode.ownerGeneration === owner.generation;
}

/** Throws DamageError. */
function checkHidden(inode: Inode, owner: Inode): void {
  if (!isHiddenOf(inode, owner)) {
    throw new DamageError(`inode ${inode.number} is not a hidden inode of inode ${owner.number}`);
  }
}

/** The hidden inode of `owner` that its set names. Throws DamageError, also when that number is free. */
export function hiddenOf(volume: Volume, owner: Inode, number: number): Inode {
  let inode: Inode;
  try {
    inode = volume.inodes.get(number);
  } catch (error) {
    if (error instanceof FsError && !(error instanceof DamageError))
      throw new DamageError(`the vector set of inode ${owner.number} names the free inode ${number}`);
    throw error;
  }
  checkHidden(inode, owner);
  return inode;
}

/**
 * A hidden inode that its owner names no more is deleted. One in more pieces than a transaction may free becomes an orphan
 * without an owner and is returned: the caller goes on with `deleteInode`, or the next mount does.
 */
export function discardHidden(volume: Volume, inode: Inode): Inode | undefined {
  inode.flags = 0;
  inode.parent = 0;
  inode.ownerGeneration = 0;
  inode.links = 0;
  inode.size = 0;
  volume.orphans.add(inode);
  if (!freeContent(volume, inode, 0)) return inode;
  volume.inodes.expectRemove(inode);
  volume.orphans.remove(inode);
  volume.inodes.remove(inode);
  return undefined;
}
