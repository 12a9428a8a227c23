import { createIn } from '../../protocol/index.js';
import type { Request } from '../../server/connection.js';
import { createUnnamed } from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';
import { inheritFrom, storeLists } from '../new_inode.js';
import { sendOpened } from './names.js';

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

/** O_TMPFILE: a regular file without a name, open. Without O_EXCL the kernel lets it be linked later. */
export function tmpfile(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { view, body } = request;
  const parent = fs.inode(request.nodeid);
  const mode = (createIn.mode.get(view, body) & ~S_IFMT) | S_IFREG;
  const inherited = inheritFrom(fs, parent, request, mode, createIn.umask.get(view, body));
  const inode = createUnnamed(fs.volume, parent, inherited, fs.now());
  storeLists(fs, inode, inherited);
  sendOpened(fs, request, inode);
}
