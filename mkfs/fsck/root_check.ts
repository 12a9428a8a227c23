import { Inode } from '@vexfs/fuse/volume';
import { INODE_SIZE, ROOT_INODE } from '@vexfs/shared';
import type { Check } from './check.js';
import { DIRECTORY } from './inode_fields.js';

const MODE = 0o040755;

/** Makes an empty root directory where there is none. What lay in the old one then comes to lost+found. */
export function replaceRoot(check: Check): void {
  if (check.inodes.type(ROOT_INODE) === DIRECTORY) return;
  check.find({
    code: 'root',
    message: 'there is no root directory',
    repair: 'make an empty one',
    safe: false,
    inode: ROOT_INODE,
  });
  const inode = new Inode(ROOT_INODE, new Uint8Array(INODE_SIZE), () => {});
  const seconds = Math.floor(Date.now() / 1000);
  const now = { seconds, nanoseconds: 0 };
  inode.mode = MODE;
  inode.links = 2;
  inode.generation = 1;
  inode.parent = ROOT_INODE;
  inode.atime = now;
  inode.mtime = now;
  inode.ctime = now;
  inode.btime = now;
  check.writeInode(inode);
  check.inodes.setState(ROOT_INODE, DIRECTORY);
  check.inodes.setLinks(ROOT_INODE, 2);
  check.directories.unshift(ROOT_INODE);
  check.inodesInUse += 1;
}
