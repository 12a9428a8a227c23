import { OPCODE } from '../protocol/index.js';
import type { Request } from '../server/connection.js';
import { errno } from '../system/index.js';
import { FsError } from '../volume/index.js';
import type { Filesystem } from './filesystem.js';
import { getattr, setattr, statfs, statx } from './requests/attributes.js';
import { copyFileRange } from './requests/copy_range.js';
import { opendir, readdir, readdirplus } from './requests/directories.js';
import { flush, fsync, open, read, release, write } from './requests/files.js';
import { interrupt } from './requests/interrupt.js';
import { ioctl } from './requests/ioctl.js';
import {
  batchForget,
  create,
  forget,
  link,
  lookup,
  mkdir,
  mknod,
  readlink,
  rename,
  rename2,
  rmdir,
  symlink,
  unlink,
} from './requests/names.js';

import { lseek } from './requests/seek.js';
import { fallocate } from './requests/space.js';
import { tmpfile } from './requests/tmpfile.js';
import { getxattr, listxattr, removexattr, setxattr } from './requests/xattrs.js';

type Handler = (fs: Filesystem, request: Request) => void;

const HANDLERS: ReadonlyArray<readonly [number, Handler]> = [
  [OPCODE.LOOKUP, lookup],
  [OPCODE.FORGET, forget],
  [OPCODE.BATCH_FORGET, batchForget],
  [OPCODE.GETATTR, getattr],
  [OPCODE.SETATTR, setattr],
  [OPCODE.STATX, statx],
  [OPCODE.STATFS, statfs],
  [OPCODE.READLINK, readlink],
  [OPCODE.SYMLINK, symlink],
  [OPCODE.MKNOD, mknod],
  [OPCODE.MKDIR, mkdir],
  [OPCODE.CREATE, create],
  [OPCODE.LINK, link],
  [OPCODE.UNLINK, unlink],
  [OPCODE.RMDIR, rmdir],
  [OPCODE.RENAME, rename],
  [OPCODE.RENAME2, rename2],
  [OPCODE.OPEN, open],
  [OPCODE.READ, read],
  [OPCODE.WRITE, write],
  [OPCODE.FLUSH, flush],
  [OPCODE.RELEASE, release],
  [OPCODE.FSYNC, fsync],
  [OPCODE.OPENDIR, opendir],
  [OPCODE.READDIR, readdir],
  [OPCODE.READDIRPLUS, readdirplus],
  [OPCODE.RELEASEDIR, release],
  [OPCODE.FSYNCDIR, fsync],
  [OPCODE.IOCTL, ioctl],
  [OPCODE.INTERRUPT, interrupt],
  [OPCODE.TMPFILE, tmpfile],
  [OPCODE.FALLOCATE, fallocate],
  [OPCODE.LSEEK, lseek],
  [OPCODE.COPY_FILE_RANGE, copyFileRange],
  [OPCODE.SETXATTR, setxattr],
  [OPCODE.GETXATTR, getxattr],
  [OPCODE.LISTXATTR, listxattr],
  [OPCODE.REMOVEXATTR, removexattr],
];

const table: Array<Handler | undefined> = [];
for (const [opcode, handler] of HANDLERS) table[opcode] = handler;

/** Serves a request. Throws FsError, DeviceError, Park, NeedCommit, NeedRead: the caller answers or keeps the request. */
export function dispatch(fs: Filesystem, request: Request): void {
  const handler = table[request.opcode];
  if (handler === undefined) throw new FsError(errno.ENOSYS);
  fs.actFor(request.uid, request.gid);
  handler(fs, request);
}
