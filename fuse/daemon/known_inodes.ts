import { errno, O_APPEND } from '../system/index.js';
import { deleteInode, FsError, type Inode } from '../volume/index.js';
import type { Filesystem } from './filesystem.js';

/** An open file or directory. */
export interface Handle {
  readonly node: number;
  /** Flags of open(2). */
  readonly flags: number;
}

/** Seconds of an attribute timeout that outlast a listing: below, each listing brings the attributes. */
const KEPT = 3600;

/**
 * What the kernel knows of the inodes of a mount (lookups) and has open, and what becomes of those that lose their last name: they are
 * deleted when it has neither any more. Lives on the FUSE thread.
 */
export class KnownInodes {
  private readonly fs: Filesystem;
  /** Inodes that changed in a way after which the kernel asks for attributes again. */
  readonly outdated = new Set<number>();
  private readonly lookups = new Map<number, number>();
  private readonly handles = new Map<number, Handle>();
  private readonly openCounts = new Map<number, number>();
  /** How many handles of an inode were opened to append. */
  private readonly appenders = new Map<number, number>();
  private nextHandle = 1;
  /** Unlinked inodes whose blocks are not all freed yet. */
  private readonly dying = new Set<number>();
  /** The transaction whose commit was asked for so that their deletion goes on. */
  private hurried = 0;
  /** Inodes without a name that somebody still has open, or that the kernel still knows: as where a process stands. */
  private readonly nameless = new Set<number>();

  constructor(fs: Filesystem) {
    this.fs = fs;
  }

  /** The kernel learns of an inode once more. */
  remember(node: number): void {
    this.lookups.set(node, (this.lookups.get(node) ?? 0) + 1);
  }

  /** The kernel takes back `count` of what it learnt. */
  forget(node: number, count: number): void {
    const left = (this.lookups.get(node) ?? 0) - count;
    if (left > 0) {
      this.lookups.set(node, left);
      return;
    }
    this.lookups.delete(node);
    this.outdated.delete(node);
    if (this.nameless.has(node)) this.letGo(node);
  }

  /** Whether the kernel has, and may still use, what it was told of an inode. */
  keepsAttributes(node: number): boolean {
    return this.lookups.has(node) && !this.outdated.has(node) && this.fs.attributeTimeout.seconds >= KEPT;
  }

  private knows(node: number): boolean {
    return this.lookups.has(node) || this.openCounts.has(node);
  }

  isOpen(node: number): boolean {
    return this.openCounts.has(node);
  }

  /** Whether something that has lost its last name may come free without anybody else's doing. */
  get awaitsDeletion(): boolean {
    return this.nameless.size + this.dying.size > 0;
  }

  open(node: number, flags: number): number {
    const handle = this.nextHandle;
    this.nextHandle += 1;
    this.handles.set(handle, { node, flags });
    this.openCounts.set(node, (this.openCounts.get(node) ?? 0) + 1);
    if ((flags & O_APPEND) !== 0) this.appenders.set(node, (this.appenders.get(node) ?? 0) + 1);
    return handle;
  }

  /** Whether somebody may be appending to a file by write(2). Who asks for it by fcntl(2) is seen by his first write. */
  hasAppenders(node: number): boolean {
    return this.appenders.has(node) || this.fs.vectors.isAppendedTo(node);
  }

  handle(number: number): Handle {
    const handle = this.handles.get(number);
    if (handle === undefined) throw new FsError(errno.EBADF);
    return handle;
  }

  release(number: number): void {
    const handle = this.handles.get(number);
    if (handle === undefined) return;
    this.handles.delete(number);
    if ((handle.flags & O_APPEND) !== 0) {
      const others = this.appenders.get(handle.node)! - 1;
      if (others > 0) this.appenders.set(handle.node, others);
      else this.appenders.delete(handle.node);
    }
    const left = this.openCounts.get(handle.node)! - 1;
    if (left > 0) {
      this.openCounts.set(handle.node, left);
      return;
    }
    this.openCounts.delete(handle.node);
    this.letGo(handle.node);
  }

  /** Nobody has an inode open any more, or the kernel has forgotten it: without a name it is deleted when both is so. */
  private letGo(node: number): void {
    if (this.fs.readOnly || this.fs.commits.failed !== 0) return;
    let inode: Inode;
    try {
      inode = this.fs.volume.inodes.get(node);
    } catch (error) {
      if (this.fs.errnoOf(error) === undefined) throw error;
      return;
    }
    if (inode.links === 0) this.bury(inode);
    else this.nameless.delete(node);
  }

  /**
   * An inode has lost its last name: it is deleted now, or when its last handle is closed and the kernel has forgotten it. Until
   * then it can be used as before, as through O_PATH or the directory in which a process stands.
   */
  bury(inode: Inode): void {
    if (this.knows(inode.number)) {
      this.nameless.add(inode.number);
      return;
    }
    this.nameless.delete(inode.number);
    this.fs.vectors.drop(inode);
    this.dying.add(inode.number);
    this.reap();
  }

  /** An inode that stands on the orphan list and has no links is deleted piece by piece, from the next commit on. */
  condemn(inode: Inode): void {
    this.dying.add(inode.number);
  }

  /** Frees more of what was deleted; the rest waits for the next commit. */
  reap(): void {
    for (const number of this.dying) {
      if (this.fs.commits.crowded) return;
      try {
        if (!deleteInode(this.fs.volume, this.fs.volume.inodes.get(number))) return;
      } catch (error) {
        // It stays on the orphan list, where fsck or the next mount finds it; its name is gone and the volume goes on.
        if (this.fs.errnoOf(error) === undefined) throw error;
      }
      this.dying.delete(number);
    }
  }

  /** Of what lies scattered a transaction frees but a piece: its commit is asked for, or one piece a second would come free. */
  hurry(): void {
    const { transaction } = this.fs.volume.store;
    if (this.dying.size === 0 || this.hurried === transaction || this.fs.volume.transactionBlocks <= 1)
      return;
    this.hurried = transaction;
    this.fs.commits.whenDurable(() => {});
  }

  /** Everything unlinked is deleted, open or not: the mount has ended. Returns false when a commit has to come first. */
  buryAll(): boolean {
    this.openCounts.clear();
    this.lookups.clear();
    const nodes = [...this.nameless, ...[...this.handles.values()].map(({ node }) => node)];
    for (const node of new Set(nodes)) {
      if (this.dying.has(node)) continue;
      try {
        const inode = this.fs.volume.inodes.get(node);
        if (inode.links === 0) this.bury(inode);
      } catch (error) {
        if (this.fs.errnoOf(error) === undefined) throw error;
      }
    }
    this.handles.clear();
    this.appenders.clear();
    this.reap();
    return this.dying.size === 0;
  }
}
