/** What each request consists of, and what a reply to it has to look like. */
import {
  accessIn,
  attrOut,
  bmapIn,
  copyFileRangeIn,
  createIn,
  entryOut,
  fallocateIn,
  flushIn,
  fsyncIn,
  getattrIn,
  getxattrIn,
  ioctlIn,
  kstatfs,
  linkIn,
  lkIn,
  lseekIn,
  lseekOut,
  mkdirIn,
  mknodIn,
  OPCODE,
  openIn,
  openOut,
  pollIn,
  readIn,
  releaseIn,
  rename2In,
  renameIn,
  setattrIn,
  setxattrIn,
  statxIn,
  statxOut,
  syncfsIn,
  writeIn,
  writeOut,
} from '@vexfs/fuse/protocol';
import type { AnyStruct } from '@vexfs/shared';

export interface Shape {
  readonly opcode: number;
  readonly structure?: AnyStruct;
  /** Names that follow, each with its NUL. */
  readonly names: number;
  /** Whether bytes follow whose length stands in the field `size`. */
  readonly data?: boolean;
  /** Bytes of the payload of a reply without an error: exactly, or at most. */
  readonly exactly?: number;
  readonly atMost?: number;
}

const ENTRY = entryOut.$.size;
const NOTHING = 0;
const NAME_MOST = 4096;
const ANY = 1 << 20;

export const SHAPES: readonly Shape[] = [
  { opcode: OPCODE.LOOKUP, names: 1, exactly: ENTRY },
  { opcode: OPCODE.GETATTR, structure: getattrIn, names: 0, exactly: attrOut.$.size },
  { opcode: OPCODE.SETATTR, structure: setattrIn, names: 0, exactly: attrOut.$.size },
  { opcode: OPCODE.READLINK, names: 0, atMost: NAME_MOST },
  { opcode: OPCODE.SYMLINK, names: 2, exactly: ENTRY },
  { opcode: OPCODE.MKNOD, structure: mknodIn, names: 1, exactly: ENTRY },
  { opcode: OPCODE.MKDIR, structure: mkdirIn, names: 1, exactly: ENTRY },
  { opcode: OPCODE.UNLINK, names: 1, exactly: NOTHING },
  { opcode: OPCODE.RMDIR, names: 1, exactly: NOTHING },
  { opcode: OPCODE.RENAME, structure: renameIn, names: 2, exactly: NOTHING },
  { opcode: OPCODE.LINK, structure: linkIn, names: 1, exactly: ENTRY },
  { opcode: OPCODE.OPEN, structure: openIn, names: 0, exactly: openOut.$.size },
  { opcode: OPCODE.READ, structure: readIn, names: 0, atMost: ANY },
  { opcode: OPCODE.WRITE, structure: writeIn, names: 0, data: true, exactly: writeOut.$.size },
  { opcode: OPCODE.STATFS, names: 0, exactly: kstatfs.$.size },
  { opcode: OPCODE.RELEASE, structure: releaseIn, names: 0, exactly: NOTHING },
  { opcode: OPCODE.FSYNC, structure: fsyncIn, names: 0, exactly: NOTHING },
  { opcode: OPCODE.SETXATTR, structure: setxattrIn, names: 1, data: true, exactly: NOTHING },
  { opcode: OPCODE.GETXATTR, structure: getxattrIn, names: 1, atMost: ANY },
  { opcode: OPCODE.LISTXATTR, structure: getxattrIn, names: 0, atMost: ANY },
  { opcode: OPCODE.REMOVEXATTR, names: 1, exactly: NOTHING },
  { opcode: OPCODE.FLUSH, structure: flushIn, names: 0, exactly: NOTHING },
  { opcode: OPCODE.OPENDIR, structure: openIn, names: 0, exactly: openOut.$.size },
  { opcode: OPCODE.READDIR, structure: readIn, names: 0, atMost: ANY },
  { opcode: OPCODE.RELEASEDIR, structure: releaseIn, names: 0, exactly: NOTHING },
  { opcode: OPCODE.FSYNCDIR, structure: fsyncIn, names: 0, exactly: NOTHING },
  { opcode: OPCODE.GETLK, structure: lkIn, names: 0, atMost: ANY },
  { opcode: OPCODE.SETLK, structure: lkIn, names: 0, exactly: NOTHING },
  { opcode: OPCODE.ACCESS, structure: accessIn, names: 0, exactly: NOTHING },
  { opcode: OPCODE.CREATE, structure: createIn, names: 1, exactly: ENTRY + openOut.$.size },
  { opcode: OPCODE.BMAP, structure: bmapIn, names: 0, atMost: ANY },
  { opcode: OPCODE.IOCTL, structure: ioctlIn, names: 0, atMost: 16 + 16384 },
  { opcode: OPCODE.POLL, structure: pollIn, names: 0, atMost: ANY },
  { opcode: OPCODE.FALLOCATE, structure: fallocateIn, names: 0, exactly: NOTHING },
  { opcode: OPCODE.READDIRPLUS, structure: readIn, names: 0, atMost: ANY },
  { opcode: OPCODE.RENAME2, structure: rename2In, names: 2, exactly: NOTHING },
  { opcode: OPCODE.LSEEK, structure: lseekIn, names: 0, exactly: lseekOut.$.size },
  { opcode: OPCODE.COPY_FILE_RANGE, structure: copyFileRangeIn, names: 0, exactly: writeOut.$.size },
  { opcode: OPCODE.SYNCFS, structure: syncfsIn, names: 0, exactly: NOTHING },
  { opcode: OPCODE.TMPFILE, structure: createIn, names: 1, exactly: ENTRY + openOut.$.size },
  { opcode: OPCODE.STATX, structure: statxIn, names: 0, exactly: statxOut.$.size },
];
