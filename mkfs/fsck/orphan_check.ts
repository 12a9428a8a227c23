import { entryType, type Inode } from '@vexfs/fuse/volume';
import { directoryRoot, FIRST_INODE, inode as layout } from '@vexfs/shared';
import type { Check } from './check.js';
import { DIRECTORY, REGULAR, reasonToClear } from './inode_fields.js';
import { ORPHAN } from './inode_map.js';

/**
 * Follows the orphan list, before the inodes are scanned, and marks who stands on it. A list that cannot be is cut off
 * in front of its first wrong member. Returns the members.
 */
export function checkOrphans(check: Check): number[] {
  const members: number[] = [];
  let last: Inode | undefined;
  let number = check.superblock.orphanHead;
  while (number !== 0) {
    const reason = reasonAgainst(check, number);
    if (reason !== undefined) {
      check.find({
        code: 'orphan-list',
        message: `the orphan list ${reason}`,
        repair: 'end it before that',
        safe: true,
      });
      if (last === undefined) {
        check.superblock.orphanHead = 0;
      } else {
        last.orphanNext = 0;
        check.writeInode(last);
      }
      break;
    }
    members.push(number);
    check.inodes.mark(number, ORPHAN);
    last = check.readInode(number);
    number = last.orphanNext;
  }
  return members;
}

function reasonAgainst(check: Check, number: number): string | undefined {
  if (!(number >= FIRST_INODE && number <= check.geometry.inodeCount)) return `leads to inode ${number}`;
  if (check.inodes.has(number, ORPHAN)) return 'runs in a circle';
  const inode = check.readInode(number);
  const view = new DataView(inode.bytes.buffer);
  if (layout.checksum.get(view, 0) !== check.inodeSum(number, inode.bytes)) {
    return `leads to the damaged inode ${number}`;
  }
  if (check.condemned.has(number) || reasonToClear(inode) !== undefined) {
    return `leads to inode ${number}, which is none`;
  }
  if (inode.isHidden) return `leads to the hidden inode ${number}`;
  const type = entryType(inode.mode);
  // Only empty directories are deleted, and those have no block.
  const isInUse = inode.links > 0 || directoryRoot.block.get(inode.rootView, 0) !== 0;
  if (type === DIRECTORY && isInUse) return `leads to the directory ${number}, which is in use`;
  if (type !== REGULAR && inode.links > 0) return `leads to inode ${number}, which cannot be cut`;
  return undefined;
}

/** Inodes that point to a next orphan without standing on the list. */
export function checkStrayOrphans(check: Check): void {
  for (const number of check.linkedOrphans) {
    if (check.inodes.has(number, ORPHAN)) continue;
    check.find({
      code: 'orphan-list',
      message: `inode ${number} names a next orphan and is none`,
      repair: 'clear the field',
      safe: true,
      inode: number,
    });
    const inode = check.readInode(number);
    inode.orphanNext = 0;
    check.writeInode(inode);
  }
}
