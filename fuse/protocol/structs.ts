/**
 * The structures that travel over /dev/fuse, field by field as include/uapi/linux/fuse.h declares them (protocol 7.31 to
 * 7.41). Requests carry `inHeader`, then the `...In` structure of the opcode, then names or data; replies carry
 * `outHeader`, then an `...Out` structure or data. Times are signed seconds although the header says uint64_t: the
 * kernel assigns them to time64_t.
 */
import { type AnyStruct, i32, i64, struct, u16, u32, u64 } from '@vexfs/shared';

export const inHeader = struct('fuse_in_header', 40, {
  len: u32(0),
  opcode: u32(4),
  unique: u64(8),
  nodeid: u64(16),
  uid: u32(24),
  gid: u32(28),
  pid: u32(32),
  total_extlen: u16(36),
  padding: u16(38),
});

export const outHeader = struct('fuse_out_header', 16, { len: u32(0), error: i32(4), unique: u64(8) });

export const attr = struct('fuse_attr', 88, {
  ino: u64(0),
  size: u64(8),
  blocks: u64(16),
  atime: i64(24),
  mtime: i64(32),
  ctime: i64(40),
  atimensec: u32(48),
  mtimensec: u32(52),
  ctimensec: u32(56),
  mode: u32(60),
  nlink: u32(64),
  uid: u32(68),
  gid: u32(72),
  rdev: u32(76),
  blksize: u32(80),
  flags: u32(84),
});

/** Followed at 40 by `attr`. */
export const entryOut = struct('fuse_entry_out', 128, {
  nodeid: u64(0),
  generation: u64(8),
  entry_valid: u64(16),
  attr_valid: u64(24),
  entry_valid_nsec: u32(32),
  attr_valid_nsec: u32(36),
});
export const ENTRY_ATTR_OFFSET = 40;

/** Followed at 16 by `attr`. */
export const attrOut = struct('fuse_attr_out', 104, {
  attr_valid: u64(0),
  attr_valid_nsec: u32(8),
  dummy: u32(12),
});
export const ATTR_OUT_ATTR_OFFSET = 16;

export const kstatfs = struct('fuse_kstatfs', 80, {
  blocks: u64(0),
  bfree: u64(8),
  bavail: u64(16),
  files: u64(24),
  ffree: u64(32),
  bsize: u32(40),
  namelen: u32(44),
  frsize: u32(48),
  padding: u32(52),
});

/** Protocol 7.39. The four times stand as {i64 seconds, u32 nanoseconds, i32 reserved}. */
export const statx = struct('fuse_statx', 256, {
  mask: u32(0),
  blksize: u32(4),
  attributes: u64(8),
  nlink: u32(16),
  uid: u32(20),
  gid: u32(24),
  mode: u16(28),
  ino: u64(32),
  size: u64(40),
  blocks: u64(48),
  attributes_mask: u64(56),
  atime: i64(64),
  atimensec: u32(72),
  btime: i64(80),
  btimensec: u32(88),
  ctime: i64(96),
  ctimensec: u32(104),
  mtime: i64(112),
  mtimensec: u32(120),
  rdev_major: u32(128),
  rdev_minor: u32(132),
  dev_major: u32(136),
  dev_minor: u32(140),
});
export const statxIn = struct('fuse_statx_in', 24, {
  getattr_flags: u32(0),
  reserved: u32(4),
  fh: u64(8),
  sx_flags: u32(16),
  sx_mask: u32(20),
});
/** Followed at 32 by `statx`. */
export const statxOut = struct('fuse_statx_out', 288, {
  attr_valid: u64(0),
  attr_valid_nsec: u32(8),
  flags: u32(12),
});
export const STATX_OUT_STATX_OFFSET = 32;

export const initIn = struct('fuse_init_in', 64, {
  major: u32(0),
  minor: u32(4),
  max_readahead: u32(8),
  flags: u32(12),
  flags2: u32(16),
});
export const initOut = struct('fuse_init_out', 64, {
  major: u32(0),
  minor: u32(4),
  max_readahead: u32(8),
  flags: u32(12),
  max_background: u16(16),
  congestion_threshold: u16(18),
  max_write: u32(20),
  time_gran: u32(24),
  max_pages: u16(28),
  map_alignment: u16(30),
  flags2: u32(32),
});

export const forgetIn = struct('fuse_forget_in', 8, { nlookup: u64(0) });
export const forgetOne = struct('fuse_forget_one', 16, { nodeid: u64(0), nlookup: u64(8) });
/** Followed by `count` forgetOne. */
export const batchForgetIn = struct('fuse_batch_forget_in', 8, { count: u32(0), dummy: u32(4) });
export const getattrIn = struct('fuse_getattr_in', 16, { getattr_flags: u32(0), dummy: u32(4), fh: u64(8) });
export const setattrIn = struct('fuse_setattr_in', 88, {
  valid: u32(0),
  padding: u32(4),
  fh: u64(8),
  size: u64(16),
  lock_owner: u64(24),
  atime: i64(32),
  mtime: i64(40),
  ctime: i64(48),
  atimensec: u32(56),
  mtimensec: u32(60),
  ctimensec: u32(64),
  mode: u32(68),
  unused4: u32(72),
  uid: u32(76),
  gid: u32(80),
  unused5: u32(84),
});

/** Followed by a name, as are mkdirIn, linkIn, createIn; rename by two names. Each name ends with a NUL. */
export const mknodIn = struct('fuse_mknod_in', 16, {
  mode: u32(0),
  rdev: u32(4),
  umask: u32(8),
  padding: u32(12),
});
export const mkdirIn = struct('fuse_mkdir_in', 8, { mode: u32(0), umask: u32(4) });
export const renameIn = struct('fuse_rename_in', 8, { newdir: u64(0) });
export const rename2In = struct('fuse_rename2_in', 16, { newdir: u64(0), flags: u32(8), padding: u32(12) });
export const linkIn = struct('fuse_link_in', 8, { oldnodeid: u64(0) });
export const createIn = struct('fuse_create_in', 16, {
  flags: u32(0),
  mode: u32(4),
  umask: u32(8),
  open_flags: u32(12),
});
export const openIn = struct('fuse_open_in', 8, { flags: u32(0), open_flags: u32(4) });
/** `backing_id` is 7.40; before it the word is padding. */
export const openOut = struct('fuse_open_out', 16, { fh: u64(0), open_flags: u32(8), padding: u32(12) });
export const releaseIn = struct('fuse_release_in', 24, {
  fh: u64(0),
  flags: u32(8),
  release_flags: u32(12),
  lock_owner: u64(16),
});
export const flushIn = struct('fuse_flush_in', 24, {
  fh: u64(0),
  unused: u32(8),
  padding: u32(12),
  lock_owner: u64(16),
});
/** Of READ, READDIR and READDIRPLUS. For the latter two `offset` is a cookie of 64 bits: read it with getBig or in halves. */
export const readIn = struct('fuse_read_in', 40, {
  fh: u64(0),
  offset: u64(8),
  size: u32(16),
  read_flags: u32(20),
  lock_owner: u64(24),
  flags: u32(32),
  padding: u32(36),
});
/** Followed by `size` bytes of data. */
export const writeIn = struct('fuse_write_in', 40, {
  fh: u64(0),
  offset: u64(8),
  size: u32(16),
  write_flags: u32(20),
  lock_owner: u64(24),
  flags: u32(32),
  padding: u32(36),
});
export const writeOut = struct('fuse_write_out', 8, { size: u32(0), padding: u32(4) });
/** Of FSYNC and FSYNCDIR. */
export const fsyncIn = struct('fuse_fsync_in', 16, { fh: u64(0), fsync_flags: u32(8), padding: u32(12) });

/** With SETXATTR_EXT negotiated; without it only the first 8 bytes. Followed by a name and `size` bytes of value. */
export const setxattrIn = struct('fuse_setxattr_in', 16, {
  size: u32(0),
  flags: u32(4),
  setxattr_flags: u32(8),
  padding: u32(12),
});
export const SETXATTR_IN_COMPAT_SIZE = 8;
/** Of GETXATTR (followed by a name) and LISTXATTR; size 0 asks for the size only. */
export const getxattrIn = struct('fuse_getxattr_in', 8, { size: u32(0), padding: u32(4) });
export const getxattrOut = struct('fuse_getxattr_out', 8, { size: u32(0), padding: u32(4) });

export const accessIn = struct('fuse_access_in', 8, { mask: u32(0), padding: u32(4) });
export const interruptIn = struct('fuse_interrupt_in', 8, { unique: u64(0) });
export const bmapIn = struct('fuse_bmap_in', 16, { block: u64(0), blocksize: u32(8), padding: u32(12) });
export const bmapOut = struct('fuse_bmap_out', 8, { block: u64(0) });

/** Followed by `in_size` bytes of the argument. */
export const ioctlIn = struct('fuse_ioctl_in', 32, {
  fh: u64(0),
  flags: u32(8),
  cmd: u32(12),
  arg: u64(16),
  in_size: u32(24),
  out_size: u32(28),
});
/** Followed by at most `out_size` bytes for the caller. */
export const ioctlOut = struct('fuse_ioctl_out', 16, {
  result: i32(0),
  flags: u32(4),
  in_iovs: u32(8),
  out_iovs: u32(12),
});

/** Locks are start, end, type, pid; `lkIn` puts them at 16. */
export const fileLock = struct('fuse_file_lock', 24, {
  start: u64(0),
  end: u64(8),
  type: u32(16),
  pid: u32(20),
});
export const lkIn = struct('fuse_lk_in', 48, { fh: u64(0), owner: u64(8), lk_flags: u32(40) });
export const LK_IN_LOCK_OFFSET = 16;

export const pollIn = struct('fuse_poll_in', 24, { fh: u64(0), kh: u64(8), flags: u32(16), events: u32(20) });
export const pollOut = struct('fuse_poll_out', 8, { revents: u32(0), padding: u32(4) });
export const fallocateIn = struct('fuse_fallocate_in', 32, {
  fh: u64(0),
  offset: u64(8),
  length: u64(16),
  mode: u32(24),
  padding: u32(28),
});
export const lseekIn = struct('fuse_lseek_in', 24, {
  fh: u64(0),
  offset: i64(8),
  whence: u32(16),
  padding: u32(20),
});
export const lseekOut = struct('fuse_lseek_out', 8, { offset: u64(0) });
export const copyFileRangeIn = struct('fuse_copy_file_range_in', 56, {
  fh_in: u64(0),
  off_in: u64(8),
  nodeid_out: u64(16),
  fh_out: u64(24),
  off_out: u64(32),
  len: u64(40),
  flags: u64(48),
});
export const syncfsIn = struct('fuse_syncfs_in', 8, { padding: u64(0) });

/** Followed by the name, without a NUL, padded with zeros to 8 bytes. */
export const dirent = struct('fuse_dirent', 24, {
  ino: u64(0),
  off: u64(8),
  namelen: u32(16),
  type: u32(20),
});
/** `entryOut`, then `dirent` at 128 and its name. */
export const DIRENTPLUS_DIRENT_OFFSET = 128;
export const DIRENTPLUS_NAME_OFFSET = 152;

export const notifyInvalInodeOut = struct('fuse_notify_inval_inode_out', 24, {
  ino: u64(0),
  off: i64(8),
  len: i64(16),
});
export const notifyInvalEntryOut = struct('fuse_notify_inval_entry_out', 16, {
  parent: u64(0),
  namelen: u32(8),
  flags: u32(12),
});
export const notifyDeleteOut = struct('fuse_notify_delete_out', 24, {
  parent: u64(0),
  child: u64(8),
  namelen: u32(16),
  padding: u32(20),
});
export const notifyStoreOut = struct('fuse_notify_store_out', 24, {
  nodeid: u64(0),
  offset: u64(8),
  size: u32(16),
  padding: u32(20),
});

/** Every structure above, for checks against the kernel's header. */
export const structs: readonly AnyStruct[] = [
  inHeader,
  outHeader,
  attr,
  entryOut,
  attrOut,
  kstatfs,
  statx,
  statxIn,
  statxOut,
  initIn,
  initOut,
  forgetIn,
  forgetOne,
  batchForgetIn,
  getattrIn,
  setattrIn,
  mknodIn,
  mkdirIn,
  renameIn,
  rename2In,
  linkIn,
  createIn,
  openIn,
  openOut,
  releaseIn,
  flushIn,
  readIn,
  writeIn,
  writeOut,
  fsyncIn,
  setxattrIn,
  getxattrIn,
  getxattrOut,
  accessIn,
  interruptIn,
  bmapIn,
  bmapOut,
  ioctlIn,
  ioctlOut,
  fileLock,
  lkIn,
  pollIn,
  pollOut,
  fallocateIn,
  lseekIn,
  lseekOut,
  copyFileRangeIn,
  syncfsIn,
  dirent,
  notifyInvalInodeOut,
  notifyInvalEntryOut,
  notifyDeleteOut,
  notifyStoreOut,
];
