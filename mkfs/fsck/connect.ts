import { deleteInode, directory, type Inode } from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';
import type { Finding } from './finding.js';
import { DIRECTORY } from './inode_fields.js';
import { CONNECTED, HIDDEN, NAMED_BY_OWNER, ORPHAN, TYPE } from './inode_map.js';
import { LostAndFound } from './lost_and_found.js';
import type { Repair } from './repair.js';

/**
 * Pass 5: whether every inode can be reached, and as often as it says. Hidden inodes by their owner, directories from
 * the root, files by as many names as they have links.
 */
export function checkConnections(repair: Repair): void {
  const pass = new ConnectionCheck(repair);
  pass.hiddenInodes();
  pass.directories();
  pass.files();
  repair.commit();
}

class ConnectionCheck {
  private readonly repair: Repair;
  private readonly lostAndFound: LostAndFound;

  constructor(repair: Repair) {
    this.repair = repair;
    this.lostAndFound = new LostAndFound(repair);
  }

  private find(finding: Omit<Finding, 'inode'>, inode: number, mend: (inode: Inode) => void): void {
    this.repair.check.find({ ...finding, inode });
    this.repair.attempt(inode, () => mend(this.repair.volume.inodes.get(inode)));
  }

  /** Frees hidden inodes that no owner names. */
  hiddenInodes(): void {
    const { inodes } = this.repair.check;
    for (const number of inodes.used()) {
      const state = inodes.state(number);
      if ((state & HIDDEN) === 0 || (state & NAMED_BY_OWNER) !== 0) continue;
      const message = `no file names the hidden inode ${number}`;
      this.find({ code: 'lost-hidden', message, repair: 'free it', safe: true }, number, () =>
        this.repair.freeHidden(number),
      );
      inodes.setState(number, 0);
    }
  }

  directories(): void {
    const { check, volume } = this.repair;
    const { inodes } = check;
    inodes.mark(ROOT_INODE, CONNECTED);
    check.directories.forEach((number, i) => {
      if (inodes.state(number) !== 0) this.connect(number);
      if (i % 1024 === 0) check.progress('Checking connections', i, check.directories.length);
    });
    for (const number of check.directories) {
      if (inodes.type(number) !== DIRECTORY) continue;
      const parent = number === ROOT_INODE ? ROOT_INODE : inodes.parent(number);
      // One that a name leads to is in use, whatever the orphan list says; with its links set the next round ends the list.
      if (parent === 0 && inodes.has(number, ORPHAN)) continue;
      const inode = volume.inodes.get(number);
      if (parent !== 0 && inode.parent !== parent) {
        const message = `directory ${number} lies in directory ${parent} and names ${inode.parent} as its parent`;
        this.find({ code: 'parent', message, repair: 'set its parent', safe: true }, number, (found) => {
          found.parent = parent;
          found.markDirty();
        });
      }
      this.links(number, 2 + inodes.names(number));
      this.repair.pause();
    }
    this.lostAndFound.attachAll();
  }

  /** Follows the parents of a directory to the root; what is not reached goes to lost+found. */
  private connect(number: number): void {
    const { inodes } = this.repair.check;
    const path: number[] = [];
    const seen = new Set<number>();
    let at = number;
    while (at !== 0 && !inodes.has(at, CONNECTED) && !seen.has(at)) {
      seen.add(at);
      path.push(at);
      at = inodes.parent(at);
    }
    const top = path[path.length - 1];
    if (top === undefined) return;
    const isCircle = at !== 0 && seen.has(at);
    if (isCircle) this.cutCircle(at);
    else if (at === 0) this.unattached(top);
    for (const reached of path) inodes.mark(reached, CONNECTED);
  }

  /** Takes a directory that lies below itself out of the directory that names it. */
  private cutCircle(number: number): void {
    const { check, volume } = this.repair;
    const parent = check.inodes.parent(number);
    check.find({
      code: 'circle',
      message: `directory ${number} lies below itself`,
      repair: 'move it to lost+found',
      safe: false,
      inode: number,
    });
    this.repair.attempt(parent, () => {
      const above = volume.inodes.get(parent);
      let name: Uint8Array | undefined;
      directory.iterate(volume, above, { hi: 0, lo: 0 }, (found, inode) => {
        if (inode === number) name = found.slice();
        return name === undefined;
      });
      if (name === undefined) return;
      directory.remove(volume, above, name);
      above.links -= 1;
      above.markDirty();
    });
    check.inodes.setParent(number, 0);
    this.lostAndFound.add(number);
  }

  private unattached(number: number): void {
    const { check, volume } = this.repair;
    const inode = volume.inodes.get(number);
    const isEmpty = directory.entryCount(inode) === 0;
    if (isEmpty && inode.links === 0) {
      if (!check.inodes.has(number, ORPHAN)) this.remove(number);
      return;
    }
    check.find({
      code: 'unattached',
      message: `directory ${number} lies in no directory`,
      repair: 'move it to lost+found',
      safe: false,
      inode: number,
    });
    this.lostAndFound.add(number);
  }

  /** Frees what has neither names nor links and should have been deleted. */
  private remove(number: number): void {
    const message = `inode ${number} is deleted, but not freed`;
    this.find({ code: 'deleted', message, repair: 'free it', safe: true }, number, (inode) => {
      while (!deleteInode(this.repair.volume, inode)) this.repair.commit();
    });
    this.repair.check.inodes.setState(number, 0);
  }

  private links(number: number, wanted: number): void {
    const found = this.repair.check.inodes.links(number);
    if (found === wanted) return;
    const message = `inode ${number} has ${wanted} links and counts ${found}`;
    this.find({ code: 'link-count', message, repair: 'set the count', safe: true }, number, (inode) => {
      inode.links += wanted - found;
      inode.markDirty();
    });
  }

  files(): void {
    const { check } = this.repair;
    const { inodes } = check;
    for (const number of inodes.used()) {
      const state = inodes.state(number);
      if ((state & HIDDEN) !== 0 || (state & TYPE) === DIRECTORY) continue;
      const names = inodes.names(number);
      if (names > 0) {
        this.links(number, names);
        continue;
      }
      if (inodes.links(number) === 0) {
        if ((state & ORPHAN) === 0) this.remove(number);
        continue;
      }
      check.find({
        code: 'unattached',
        message: `no name leads to inode ${number}`,
        repair: 'move it to lost+found',
        safe: false,
        inode: number,
      });
      this.lostAndFound.add(number);
    }
    this.lostAndFound.attachAll();
  }
}
