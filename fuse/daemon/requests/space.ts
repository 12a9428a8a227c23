import { fallocateIn } from '../../protocol/index.js';
import type { Request } from '../../server/connection.js';
import {
  errno,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
} from '../../system/index.js';
import {
  type Following,
  FsError,
  type Inode,
  MAX_FILE_SIZE,
  NeedCommit,
  preallocate,
  punchHole,
  requireMutable,
  requireUnrestricted,
  zeroRange,
} from '../../volume/index.js';
import { announce } from '../announcements.js';
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
  const { flags } = fs.known.handle(fallocateIn.fh.get(view, body));
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
  // First, because it may have to read the disk: a call that fails there has changed nothing.
  stripCapability(fs.volume, inode);
  const stop = offset + length;
  const grows = !keeps && stop > inode.size;
  if (grows) fs.vectors.beforeResize(inode, stop);
  if (!punches && !zeroes) preallocate(fs.volume, inode, offset, length, growing(fs, inode, grows));
  else if (!makeZeros(fs, request, inode, { offset, length, punches, grows })) return;
  if (grows) resize(fs, inode, stop);
  fs.markChanged(inode, request);
  fs.whenAsDurable(inode, flags, unique, () => fs.connection.send(unique, 0));
}

/**
 * What takes more than one transaction may find no space in the end: as on ext4 the file has then what it got, and is as long, so that
 * nobody has blocks that he does not see.
 */
function growing(fs: Filesystem, inode: Inode, grows: boolean): Following {
  if (!grows) return {};
  return {
    spare: fs.vectors.blocksToResize(inode),
    filled: (end) => {
      if (end > inode.size) resize(fs, inode, end);
    },
  };
}

/**
 * A range becomes zeros. What has become so counts for the index in the same transaction, also when the rest fails or comes later.
 * False: it has failed midway, and the call is answered.
 */
function makeZeros(
  fs: Filesystem,
  request: Request,
  inode: Inode,
  range: { offset: number; length: number; punches: boolean; grows: boolean },
): boolean {
  const { offset, length, punches, grows } = range;
  const overwritten = OverwrittenRows.of(fs, inode, offset, length);
  let first = Number.MAX_SAFE_INTEGER;
  let end = 0;
  const zeroed = (from: number, to: number): void => {
    if (from === to) return;
    first = Math.min(first, from);
    end = Math.max(end, to);
  };
  try {
    if (punches) punchHole(fs.volume, inode, offset, length, { zeroed });
    else zeroRange(fs.volume, inode, offset, length, { ...growing(fs, inode, grows), zeroed });
  } catch (error) {
    if (first < end) {
      overwritten?.told(first, end);
      fs.markChanged(inode, request);
    }
    const code = error instanceof NeedCommit ? undefined : fs.errnoOf(error);
    if (code === undefined) throw error;
    // The kernel drops its pages of the range by itself only when the call succeeds; transactions before may have changed some.
    const mayWait = code === errno.ENOSPC && first >= end;
    announce(fs, inode, { unique: mayWait ? 0 : request.unique, code, from: offset, end: -1, sync: false });
    if (mayWait) throw error;
    return false;
  }
  if (first < end) overwritten?.told(first, end);
  return true;
}
