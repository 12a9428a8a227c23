import { fallocateIn } from '../../protocol/index.js';
import type { Request } from '../../server/connection.js';
import {
  errno,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
} from '../../system/index.js';
import {
  FsError,
  MAX_FILE_SIZE,
  preallocate,
  punchHole,
  requireMutable,
  requireUnrestricted,
  zeroRange,
} from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';
import { OverwrittenRows } from '../overwritten_rows.js';
import { stripCapability } from '../privileges.js';
import { resize } from './attributes.js';

const KNOWN = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;

/** fallocate(2). The kernel drops the pages of a punched or zeroed range and has written back what was dirty in it. */
export function fallocate(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { view, body, unique } = request;
  const inode = fs.inode(request.nodeid);
  const { flags } = fs.handle(fallocateIn.fh.get(view, body));
  const mode = fallocateIn.mode.get(view, body);
  const offset = fallocateIn.offset.get(view, body);
  const length = fallocateIn.length.get(view, body);
  if (!inode.isRegular) throw new FsError(inode.isDirectory ? errno.EISDIR : errno.ENODEV);
  const keeps = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
  const punches = (mode & FALLOC_FL_PUNCH_HOLE) !== 0;
  const zeroes = (mode & FALLOC_FL_ZERO_RANGE) !== 0;
  if ((mode & ~KNOWN) !== 0 || (punches && (zeroes || !keeps))) throw new FsError(errno.EOPNOTSUPP);
  if (length === 0) throw new FsError(errno.EINVAL);
  if (offset + length > MAX_FILE_SIZE) throw new FsError(errno.EFBIG);
  if ((mode & ~FALLOC_FL_KEEP_SIZE) !== 0) requireUnrestricted(inode);
  else requireMutable(inode);
  fs.vectors.requireStill(inode);
  const { volume } = fs;
  // First, because it may have to read the disk: a call that fails there has changed nothing.
  stripCapability(volume, inode);
  const overwritten = punches || zeroes ? OverwrittenRows.of(fs, inode, offset, length) : undefined;
  if (punches) punchHole(volume, inode, offset, length);
  else if (zeroes) zeroRange(volume, inode, offset, length);
  else preallocate(volume, inode, offset, length);
  overwritten?.told();
  if (!keeps && offset + length > inode.size) resize(fs, inode, offset + length);
  fs.markChanged(inode, request);
  fs.whenAsDurable(inode, flags, unique, () => fs.connection.send(unique, 0));
}
