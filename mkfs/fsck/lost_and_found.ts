import { constants } from 'node:os';
import {
  createInode,
  directory,
  entryType,
  FsError,
  type Inode,
  NeedCommit,
  type Volume,
} from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';
import type { Repair } from './repair.js';

const NAME = 'lost+found';
const MODE = 0o040700;

/**
 * Where inodes go that no directory names: /lost+found, under the name "#" and their number; the root, when no inode or no block is left
 * to make that of.
 */
export class LostAndFound {
  private readonly repair: Repair;
  private waiting: number[] = [];

  constructor(repair: Repair) {
    this.repair = repair;
  }

  /** An inode to be attached by `attachAll`, when the link counts of everything else are right. */
  add(number: number): void {
    this.waiting.push(number);
  }

  attachAll(): void {
    const { repair } = this;
    const { waiting } = this;
    this.waiting = [];
    for (const number of waiting) repair.attempt(number, () => this.attach(number));
  }

  private attach(number: number): void {
    const { volume } = this.repair;
    const home = this.home();
    const inode = volume.inodes.get(number);
    const name = freeName(volume, home, number);
    directory.insert(volume, home, name, number, entryType(inode.mode));
    if (inode.isDirectory) {
      inode.parent = home.number;
      home.links += 1;
      home.markDirty();
      if (inode.links < 2) inode.links = 2;
    } else {
      inode.links = 1;
    }
    inode.markDirty();
  }

  private home(): Inode {
    const { volume } = this.repair;
    try {
      return volume.inodes.get(this.open());
    } catch (error) {
      const isFull = error instanceof FsError && error.errno === constants.errno.ENOSPC;
      if (!isFull || error instanceof NeedCommit || this.repair.mayReuse) throw error;
      return volume.inodes.get(ROOT_INODE);
    }
  }

  /** The directory's inode; made when it is not there, under another name when something else has its own. */
  private open(): number {
    const { volume } = this.repair;
    const root = volume.inodes.get(ROOT_INODE);
    for (let attempt = 0; ; attempt++) {
      const name = new TextEncoder().encode(attempt === 0 ? NAME : `${NAME}-${attempt}`);
      const found = directory.lookup(volume, root, name);
      if (found === undefined) return createDirectory(volume, root, name).number;
      if (found.type === entryType(MODE) && volume.inodes.get(found.inode).isDirectory) return found.inode;
    }
  }
}

function createDirectory(volume: Volume, root: Inode, name: Uint8Array): Inode {
  const milliseconds = Date.now();
  const seconds = Math.floor(milliseconds / 1000);
  const now = { seconds, nanoseconds: (milliseconds - seconds * 1000) * 1_000_000 };
  return createInode(volume, root, name, { mode: MODE, uid: 0, gid: 0 }, now);
}

function freeName(volume: Volume, home: Inode, number: number): Uint8Array {
  for (let attempt = 0; ; attempt++) {
    const name = new TextEncoder().encode(attempt === 0 ? `#${number}` : `#${number}-${attempt}`);
    if (directory.lookup(volume, home, name) === undefined) return name;
  }
}
