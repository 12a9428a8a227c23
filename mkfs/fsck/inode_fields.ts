import { emptyExtentRoot, entryType, type Inode, MAX_FILE_SIZE } from '@vexfs/fuse/volume';
import {
  EXTENT_MAGIC,
  extentHeader,
  FIRST_INODE,
  INODE_APPEND,
  INODE_HIDDEN,
  INODE_IMMUTABLE,
  INODE_NOATIME,
  INODE_NODUMP,
  INODE_SYNC,
  inode as layout,
  MAX_TREE_DEPTH,
  ROOT_INODE,
} from '@vexfs/shared';

export const PIPE = 1;
export const DIRECTORY = 4;
export const REGULAR = 8;
export const SYMLINK = 10;

const TYPES = new Set([PIPE, 2, DIRECTORY, 6, REGULAR, SYMLINK, 12]);
const FLAGS = INODE_SYNC | INODE_IMMUTABLE | INODE_APPEND | INODE_NODUMP | INODE_NOATIME | INODE_HIDDEN;
const MAX_NANOSECONDS = 999_999_999;
const MAX_SYMLINK = 4095;

/** Why an inode cannot be kept; undefined when its type is one and its root belongs to the type. */
export function reasonToClear(inode: Inode): string | undefined {
  const { number } = inode;
  if (number < FIRST_INODE && number !== ROOT_INODE) return `the reserved inode ${number} is in use`;
  const type = entryType(inode.mode);
  if (!TYPES.has(type)) return `inode ${number} has the type ${type}`;
  if (number === ROOT_INODE && type !== DIRECTORY) return 'the root is no directory';
  if (type === SYMLINK) {
    if (!(inode.size >= 1 && inode.size <= MAX_SYMLINK)) {
      return `the symlink ${number} has a target of ${inode.size} bytes`;
    }
    if (inode.size <= inode.root.length) {
      const isText = !inode.root.subarray(0, inode.size).includes(0);
      return isText ? undefined : `the target of the symlink ${number} has a NUL in it`;
    }
  }
  if (type === DIRECTORY) return undefined;
  const { rootView } = inode;
  if (extentHeader.magic.get(rootView, 0) !== EXTENT_MAGIC) return `inode ${number} has no extent root`;
  return undefined;
}

/** Whether an inode whose checksum is wrong looks as if little else was. */
export function isPlausible(inode: Inode): boolean {
  if (reasonToClear(inode) !== undefined) return false;
  // A root that is made for this very inode says more than any number: the content can be kept, and numbers be set.
  if (entryType(inode.mode) === REGULAR && hasOwnTree(inode)) return true;
  const view = new DataView(inode.bytes.buffer, inode.bytes.byteOffset);
  const { size, blocks, links } = inode;
  return size <= MAX_FILE_SIZE && Number.isSafeInteger(blocks) && links <= 65000 && flagsOf(view) === 0;
}

function hasOwnTree({ number, rootView }: Inode): boolean {
  return (
    extentHeader.owner.get(rootView, 0) === number &&
    extentHeader.depth.get(rootView, 0) <= MAX_TREE_DEPTH &&
    extentHeader.checksum.get(rootView, 0) === 0
  );
}

/** Whether the root of an inode is that of an extent tree without extents. */
function isEmpty({ rootView }: Inode): boolean {
  return extentHeader.count.get(rootView, 0) === 0 && extentHeader.depth.get(rootView, 0) === 0;
}

function flagsOf(view: DataView): number {
  return layout.flags.get(view, 0) & ~FLAGS;
}

/** Sets fields that cannot be to what they can be, and says which. A size becomes 0: what is written tells it later. */
export function mendFields(inode: Inode): string[] {
  const view = new DataView(inode.bytes.buffer, inode.bytes.byteOffset);
  const mended: string[] = [];
  const type = entryType(inode.mode);
  const expect = (name: string, wrong: boolean, mend: () => void): void => {
    if (!wrong) return;
    mended.push(name);
    mend();
  };
  for (const stamp of ['atime_nsec', 'mtime_nsec', 'ctime_nsec', 'btime_nsec'] as const) {
    expect(stamp, layout[stamp].get(view, 0) > MAX_NANOSECONDS, () => layout[stamp].set(view, 0, 0));
  }
  expect('flags', flagsOf(view) !== 0, () => layout.flags.set(view, 0, layout.flags.get(view, 0) & FLAGS));
  expect('flags', inode.isHidden && type !== REGULAR, () => {
    inode.flags &= ~INODE_HIDDEN;
  });
  // Counted anew later, if what is counted can be read; until then it has to be a number at all.
  expect('blocks', !Number.isSafeInteger(inode.blocks), () => {
    inode.blocks = 0;
  });
  const sized = type === REGULAR || type === SYMLINK;
  expect('size', sized ? !(inode.size <= MAX_FILE_SIZE) : inode.size !== 0, () => {
    inode.size = 0;
  });
  expect('root', !sized && type !== DIRECTORY && !isEmpty(inode), () => emptyExtentRoot(inode));
  const hasSet = type === REGULAR && !inode.isHidden;
  expect('vector_set', inode.vectorSet !== 0 && !hasSet, () => {
    inode.vectorSet = 0;
  });
  expect('parent', inode.parent !== 0 && type !== DIRECTORY && !inode.isHidden, () => {
    inode.parent = 0;
  });
  expect('owner_generation', inode.ownerGeneration !== 0 && !inode.isHidden, () => {
    inode.ownerGeneration = 0;
  });
  return mended;
}
