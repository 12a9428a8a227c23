import { lseekIn, lseekOut } from '../../protocol/index.js';
import { Connection, type Request } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import { FsError, seek } from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';

const AT = Connection.PAYLOAD_AT;
/** Source: include/uapi/linux/fs.h. */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** lseek(2) with SEEK_DATA and SEEK_HOLE; the kernel does the others itself. ENXIO where there is nothing to find. */
export function lseek(fs: Filesystem, request: Request): void {
  const { view, body } = request;
  const inode = fs.inode(request.nodeid);
  const whence = lseekIn.whence.get(view, body);
  const offset = lseekIn.offset.get(view, body);
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) throw new FsError(errno.EINVAL);
  if (!inode.isRegular) throw new FsError(errno.EINVAL);
  const found = seek(fs.volume, inode, offset, whence === SEEK_DATA ? 'data' : 'hole');
  if (found < 0) throw new FsError(errno.ENXIO);
  lseekOut.offset.set(fs.connection.output.view, AT, found);
  fs.connection.send(request.unique, lseekOut.$.size);
}
