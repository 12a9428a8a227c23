import { DamageError, type Inode, xattr } from '@vexfs/fuse/volume';
import type { Check } from './check.js';

/** Claims and checks the attribute block of an inode. Returns whether the inode was changed and must be written. */
export function checkAttributes(check: Check, inode: Inode): boolean {
  const block = inode.xattrBlock;
  if (block === 0) return false;
  let damage: string | undefined;
  try {
    // Also refuses a block that is no data block.
    xattr.each(check.tree, inode, () => {});
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    damage = error.message;
  }
  if (damage !== undefined) {
    check.find({
      code: 'attributes',
      message: `the extended attributes of inode ${inode.number} are damaged: ${damage}`,
      repair: 'drop them',
      safe: false,
      inode: inode.number,
      block,
    });
    inode.xattrBlock = 0;
    return true;
  }
  if (!check.usage.claim(block, 1)) {
    check.find({
      code: 'shared-block',
      message: `the attribute block ${block} of inode ${inode.number} is in use elsewhere`,
      repair: 'give the inode a copy of it',
      safe: false,
      inode: inode.number,
      block,
    });
    check.sharedAttributes.push(inode.number);
  }
  return false;
}
