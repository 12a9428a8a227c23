import {
  accessIn,
  batchForgetIn,
  bmapIn,
  copyFileRangeIn,
  createIn,
  fallocateIn,
  flushIn,
  forgetIn,
  fsyncIn,
  getattrIn,
  getxattrIn,
  inHeader,
  initIn,
  interruptIn,
  ioctlIn,
  linkIn,
  lkIn,
  lseekIn,
  mkdirIn,
  mknodIn,
  openIn,
  pollIn,
  readIn,
  releaseIn,
  rename2In,
  renameIn,
  SETXATTR_IN_COMPAT_SIZE,
  setattrIn,
  statxIn,
  syncfsIn,
  writeIn,
} from './structs.js';

/** enum fuse_opcode (include/uapi/linux/fuse.h). */
export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SETUPMAPPING: 48,
  REMOVEMAPPING: 49,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
} as const;

/** Opcodes are below this number; larger ones are answered ENOSYS like any unknown one. */
export const OPCODE_LIMIT = 64;

const names = new Map<number, string>(Object.entries(OPCODE).map(([name, code]) => [code, name]));

/** `LOOKUP` for 1; `opcode 99` for one that this protocol version does not have. */
export function opcodeName(opcode: number): string {
  return names.get(opcode) ?? `opcode ${opcode}`;
}

/** A name of one byte and its NUL: what a request with a name carries at least. */
const NAME = 2;

const minimum = new Uint16Array(OPCODE_LIMIT);
for (const [opcode, size] of [
  [OPCODE.LOOKUP, NAME],
  [OPCODE.FORGET, forgetIn.$.size],
  [OPCODE.GETATTR, getattrIn.$.size],
  [OPCODE.SETATTR, setattrIn.$.size],
  [OPCODE.SYMLINK, 2 * NAME],
  [OPCODE.MKNOD, mknodIn.$.size + NAME],
  [OPCODE.MKDIR, mkdirIn.$.size + NAME],
  [OPCODE.UNLINK, NAME],
  [OPCODE.RMDIR, NAME],
  [OPCODE.RENAME, renameIn.$.size + 2 * NAME],
  [OPCODE.LINK, linkIn.$.size + NAME],
  [OPCODE.OPEN, openIn.$.size],
  [OPCODE.READ, readIn.$.size],
  [OPCODE.WRITE, writeIn.$.size],
  [OPCODE.RELEASE, releaseIn.$.size],
  [OPCODE.FSYNC, fsyncIn.$.size],
  [OPCODE.SETXATTR, SETXATTR_IN_COMPAT_SIZE + NAME],
  [OPCODE.GETXATTR, getxattrIn.$.size + NAME],
  [OPCODE.LISTXATTR, getxattrIn.$.size],
  [OPCODE.REMOVEXATTR, NAME],
  [OPCODE.FLUSH, flushIn.$.size],
  // Kernels before 7.36 send only the first 16 bytes.
  [OPCODE.INIT, initIn.flags2.offset],
  [OPCODE.OPENDIR, openIn.$.size],
  [OPCODE.READDIR, readIn.$.size],
  [OPCODE.RELEASEDIR, releaseIn.$.size],
  [OPCODE.FSYNCDIR, fsyncIn.$.size],
  [OPCODE.GETLK, lkIn.$.size],
  [OPCODE.SETLK, lkIn.$.size],
  [OPCODE.SETLKW, lkIn.$.size],
  [OPCODE.ACCESS, accessIn.$.size],
  [OPCODE.CREATE, createIn.$.size + NAME],
  [OPCODE.INTERRUPT, interruptIn.$.size],
  [OPCODE.BMAP, bmapIn.$.size],
  [OPCODE.IOCTL, ioctlIn.$.size],
  [OPCODE.POLL, pollIn.$.size],
  [OPCODE.BATCH_FORGET, batchForgetIn.$.size],
  [OPCODE.FALLOCATE, fallocateIn.$.size],
  [OPCODE.READDIRPLUS, readIn.$.size],
  [OPCODE.RENAME2, rename2In.$.size + 2 * NAME],
  [OPCODE.LSEEK, lseekIn.$.size],
  [OPCODE.COPY_FILE_RANGE, copyFileRangeIn.$.size],
  [OPCODE.SYNCFS, syncfsIn.$.size],
  [OPCODE.TMPFILE, createIn.$.size],
  [OPCODE.STATX, statxIn.$.size],
] as const) {
  minimum[opcode] = inHeader.$.size + size;
}

/** Least bytes of a whole request (header included) with this opcode; the header alone for opcodes without arguments. */
export function minimumRequest(opcode: number): number {
  return Math.max(inHeader.$.size, minimum[opcode] ?? 0);
}

/** Whether the kernel waits for a reply to this opcode; it drops one that it does not wait for with ENOENT. */
export function expectsReply(opcode: number): boolean {
  return opcode !== OPCODE.FORGET && opcode !== OPCODE.BATCH_FORGET && opcode !== OPCODE.INTERRUPT;
}
