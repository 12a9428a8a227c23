import { FsError } from './errors.js';
import type { Inode } from './inode.js';
import type { InodeTable } from './inode_table.js';
import type { Superblock } from './superblock.js';

/**
 * The list of inodes that recovery has to finish with: without links they are deleted, with links their blocks past
 * the size are cut off. It starts in the superblock and goes on through `orphan_next`.
 */
export class Orphans {
  private readonly superblock: Superblock;
  private readonly inodes: InodeTable;
  /** Number -> the one before it on the list, 0 for the first. */
  private readonly before = new Map<number, number>();

  constructor(superblock: Superblock, inodes: InodeTable) {
    this.superblock = superblock;
    this.inodes = inodes;
  }

  has(inode: Inode): boolean {
    return this.before.has(inode.number);
  }

  add(inode: Inode): void {
    if (this.has(inode)) return;
    const head = this.superblock.orphanHead;
    inode.orphanNext = head;
    inode.markDirty();
    if (head !== 0) this.before.set(head, inode.number);
    this.before.set(inode.number, 0);
    this.superblock.orphanHead = inode.number;
  }

  remove(inode: Inode): void {
    const previous = this.before.get(inode.number);
    if (previous === undefined) return;
    const next = inode.orphanNext;
    if (previous === 0) {
      this.superblock.orphanHead = next;
    } else {
      const prior = this.inodes.get(previous);
      prior.orphanNext = next;
      prior.markDirty();
    }
    if (next !== 0) this.before.set(next, previous);
    this.before.delete(inode.number);
    inode.orphanNext = 0;
    inode.markDirty();
  }

  /**
   * Reads the list at mount. It ends before an inode that cannot stand there: in a circle, free, hidden or damaged. What
   * lies behind is lost to the list; `isWhole` says whether there was such a place. Throws DeviceError.
   */
  load(): { readonly inodes: Inode[]; readonly isWhole: boolean } {
    const inodes: Inode[] = [];
    let last: Inode | undefined;
    for (let number = this.superblock.orphanHead; number !== 0; ) {
      const inode = this.orphanAt(number);
      if (inode === undefined) {
        if (last === undefined) this.superblock.orphanHead = 0;
        else last.orphanNext = 0;
        last?.markDirty();
        return { inodes, isWhole: false };
      }
      this.before.set(number, last?.number ?? 0);
      inodes.push(inode);
      last = inode;
      number = inode.orphanNext;
    }
    return { inodes, isWhole: true };
  }

  /** The inode of that number, if it can be the next one of the list. */
  private orphanAt(number: number): Inode | undefined {
    if (this.before.has(number)) return undefined;
    try {
      const inode = this.inodes.get(number);
      return inode.isHidden ? undefined : inode;
    } catch (error) {
      if (error instanceof FsError) return undefined;
      throw error;
    }
  }
}
