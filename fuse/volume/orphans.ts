import { DamageError } from './errors.js';
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

  /** Reads the list at mount. Throws DamageError when it runs in a circle or over free inodes. */
  load(): Inode[] {
    const found: Inode[] = [];
    let previous = 0;
    for (let number = this.superblock.orphanHead; number !== 0; ) {
      if (this.before.has(number)) throw new DamageError('the orphan list runs in a circle');
      const inode = this.inodes.get(number);
      if (inode.isHidden) throw new DamageError(`the hidden inode ${number} stands on the orphan list`);
      this.before.set(number, previous);
      found.push(inode);
      previous = number;
      number = inode.orphanNext;
    }
    return found;
  }
}
