/** Flag words of the protocol (include/uapi/linux/fuse.h). */

/** The first 32 INIT flags. */
export const INIT = {
  ASYNC_READ: 1 << 0,
  POSIX_LOCKS: 1 << 1,
  FILE_OPS: 1 << 2,
  ATOMIC_O_TRUNC: 1 << 3,
  EXPORT_SUPPORT: 1 << 4,
  BIG_WRITES: 1 << 5,
  DONT_MASK: 1 << 6,
  SPLICE_WRITE: 1 << 7,
  SPLICE_MOVE: 1 << 8,
  SPLICE_READ: 1 << 9,
  FLOCK_LOCKS: 1 << 10,
  HAS_IOCTL_DIR: 1 << 11,
  AUTO_INVAL_DATA: 1 << 12,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  ASYNC_DIO: 1 << 15,
  WRITEBACK_CACHE: 1 << 16,
  NO_OPEN_SUPPORT: 1 << 17,
  PARALLEL_DIROPS: 1 << 18,
  HANDLE_KILLPRIV: 1 << 19,
  POSIX_ACL: 1 << 20,
  ABORT_ERROR: 1 << 21,
  MAX_PAGES: 1 << 22,
  CACHE_SYMLINKS: 1 << 23,
  NO_OPENDIR_SUPPORT: 1 << 24,
  EXPLICIT_INVAL_DATA: 1 << 25,
  MAP_ALIGNMENT: 1 << 26,
  SUBMOUNTS: 1 << 27,
  HANDLE_KILLPRIV_V2: 1 << 28,
  SETXATTR_EXT: 1 << 29,
  INIT_EXT: 1 << 30,
} as const;

/** INIT flags 32 to 63, shifted down by 32: they travel in `flags2`, which needs INIT.INIT_EXT (7.36). */
export const INIT2 = {
  SECURITY_CTX: 1 << 0,
  HAS_INODE_DAX: 1 << 1,
  CREATE_SUPP_GROUP: 1 << 2,
  HAS_EXPIRE_ONLY: 1 << 3,
  DIRECT_IO_ALLOW_MMAP: 1 << 4,
  PASSTHROUGH: 1 << 5,
  NO_EXPORT_SUPPORT: 1 << 6,
  HAS_RESEND: 1 << 7,
  ALLOW_IDMAP: 1 << 8,
} as const;

/** openOut.open_flags. */
export const FOPEN = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  NONSEEKABLE: 1 << 2,
  CACHE_DIR: 1 << 3,
  STREAM: 1 << 4,
  NOFLUSH: 1 << 5,
  PARALLEL_DIRECT_WRITES: 1 << 6,
  PASSTHROUGH: 1 << 7,
} as const;

/** setattrIn.valid. */
export const FATTR = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  LOCKOWNER: 1 << 9,
  CTIME: 1 << 10,
  KILL_SUIDGID: 1 << 11,
} as const;

/** getattrIn.getattr_flags: `fh` is valid. */
export const GETATTR_FH = 1;
/** openIn.open_flags and createIn.open_flags: O_TRUNC by a caller that loses the suid and sgid bits. */
export const OPEN_KILL_SUIDGID = 1;
/** fsyncIn.fsync_flags: fdatasync(2). */
export const FSYNC_FDATASYNC = 1;
/** setxattrIn.setxattr_flags: clear the sgid bit with this system.posix_acl_access. */
export const SETXATTR_ACL_KILL_SGID = 1;
/** releaseIn.release_flags. */
export const RELEASE_FLUSH = 1;
export const RELEASE_FLOCK_UNLOCK = 2;
/** readIn.read_flags: `lock_owner` is valid. */
export const READ_LOCKOWNER = 2;
/** attr.flags: the object is the root of a submount. */
export const ATTR_SUBMOUNT = 1;
/** notifyInvalEntryOut.flags: let the entry expire instead of dropping it (needs INIT2.HAS_EXPIRE_ONLY). */
export const EXPIRE_ONLY = 1;

/** writeIn.write_flags. CACHE: written back from the page cache, so pid and uid of the header are nobody's. */
export const WRITE_CACHE = 1;
export const WRITE_LOCKOWNER = 2;
export const WRITE_KILL_SUIDGID = 4;

/** ioctlIn.flags. COMPAT and BITS_32 mark a 32-bit caller. */
export const IOCTL = {
  COMPAT: 1 << 0,
  UNRESTRICTED: 1 << 1,
  RETRY: 1 << 2,
  BITS_32: 1 << 3,
  DIR: 1 << 4,
  COMPAT_X32: 1 << 5,
} as const;

/** Bytes of an ioctl argument that _IOC_SIZE can name: what travels with the call at most. */
export const IOCTL_MAX_ARGUMENT = 16383;

/** enum fuse_notify_code: stands in outHeader.error of a message whose `unique` is 0. */
export const NOTIFY = {
  POLL: 1,
  INVAL_INODE: 2,
  INVAL_ENTRY: 3,
  STORE: 4,
  RETRIEVE: 5,
  DELETE: 6,
  RESEND: 7,
} as const;

/** The node id of the root directory. */
export const ROOT_ID = 1;

/** ioctl on /dev/fuse: makes another open of it a second queue of the session whose descriptor the argument points to. */
export const FUSE_DEV_IOC_CLONE = 0x8004e500;

/** Bits of statxIn.sx_mask and statx.mask (include/uapi/linux/stat.h). */
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_BTIME = 0x800;

/**
 * Whether a descriptor that was opened with these flags of open(2) may read, as the kernel's OPEN_FMODE() has it: the
 * access mode 3 is for neither reading nor writing, only for ioctls that ask for none of both.
 */
export function mayRead(flags: number): boolean {
  return ((flags + 1) & 1) !== 0;
}

/** The same of writing. */
export function mayWrite(flags: number): boolean {
  return ((flags + 1) & 2) !== 0;
}
