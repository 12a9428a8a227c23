/**
 * The on-disk structures of a volume; docs/format.md explains them, this file is the one place that gives their offsets.
 * Little-endian. The journal's own structures are jbd2's and stand with the journal code.
 */
import { type AnyStruct, bytes, i64, struct, u8, u16, u32, u64 } from './layout.js';

/** 'VEXF' when read as bytes. */
export const SUPERBLOCK_MAGIC = 0x46584556;
export const FORMAT_VERSION = 1;
export const SUPERBLOCK_SIZE = 1024;
export const INODE_SIZE = 256;
export const GROUP_DESCRIPTOR_SIZE = 64;
export const MIN_BLOCK_SIZE = 1024;
export const MAX_BLOCK_SIZE = 65536;
export const MIN_JOURNAL_BLOCKS = 1024;

export const ROOT_INODE = 1;
/** Inodes below this one are never given to a file. */
export const FIRST_INODE = 11;

/** Feature bits this version knows; an unknown incompat bit refuses the mount, an unknown ro_compat bit a writable one. */
export const KNOWN_INCOMPAT = 0;
export const KNOWN_RO_COMPAT = 0;

export const STATE_ERRORS = 1;

export const GROUP_BLOCKS_UNINITIALISED = 1;
export const GROUP_INODES_UNINITIALISED = 2;

/** Inode flags carry the values of FS_IOC_GETFLAGS (include/uapi/linux/fs.h); HIDDEN is ours. */
export const INODE_SYNC = 0x8;
export const INODE_IMMUTABLE = 0x10;
export const INODE_APPEND = 0x20;
export const INODE_NODUMP = 0x40;
export const INODE_NOATIME = 0x80;
export const INODE_HIDDEN = 0x40000000;

export const EXTENT_MAGIC = 0xe7a1;
export const EXTENT_UNWRITTEN = 1;
export const DIRECTORY_MAGIC = 0x52494456;
export const XATTR_MAGIC = 0x54544156;
export const SET_MAGIC = 0x54455356;
export const LOG_MAGIC = 0x474f4c56;

export const RECORD_PUT = 1;
export const RECORD_RANGE = 2;
export const RECORD_DELETE = 3;
export const RECORD_TRUNCATE = 4;

/** Levels that an extent or directory tree may have above its leaves; more is damage. */
export const MAX_TREE_DEPTH = 8;

export const XATTR_USER = 1;
export const XATTR_TRUSTED = 2;
export const XATTR_SECURITY = 3;
export const XATTR_ACL_ACCESS = 4;
export const XATTR_ACL_DEFAULT = 5;

/** Everything that changes while mounted lies in the first 512 bytes, the sum included: one sector, never torn. */
export const superblock = struct('vexfs_superblock', SUPERBLOCK_SIZE, {
  magic: u32(0),
  version: u32(4),
  block_size: u32(8),
  inode_size: u32(12),
  total_blocks: u64(16),
  free_blocks: u64(24),
  reserved_blocks: u64(32),
  inode_count: u64(40),
  free_inodes: u64(48),
  blocks_per_group: u32(56),
  inodes_per_group: u32(60),
  group_count: u32(64),
  group_descriptor_size: u32(68),
  journal_start: u64(72),
  journal_blocks: u32(80),
  first_inode: u32(84),
  vector_data_start: u64(88),
  index_metadata_start: u64(96),
  orphan_head: u64(104),
  feature_compat: u32(112),
  feature_ro_compat: u32(116),
  feature_incompat: u32(120),
  state: u32(124),
  uuid: bytes(128, 16),
  label: bytes(144, 64),
  hash_key: bytes(208, 16),
  format_time: i64(224),
  mount_time: i64(232),
  write_time: i64(240),
  mount_count: u32(248),
  reserved_uid: u32(252),
  reserved_gid: u32(256),
  checksum: u32(508),
});

export const groupDescriptor = struct('vexfs_group_descriptor', GROUP_DESCRIPTOR_SIZE, {
  free_blocks: u32(0),
  free_inodes: u32(4),
  used_directories: u32(8),
  initialised_inodes: u32(12),
  flags: u32(16),
  block_bitmap_checksum: u32(20),
  inode_bitmap_checksum: u32(24),
  checksum: u32(60),
});

/** Bytes of an inode that hold the root of its extent tree or directory tree, or a short symlink target. */
export const INODE_ROOT_SIZE = 112;

export const inode = struct('vexfs_inode', INODE_SIZE, {
  mode: u16(0),
  links: u32(4),
  uid: u32(8),
  gid: u32(12),
  size: u64(16),
  blocks: u64(24),
  atime: i64(32),
  mtime: i64(40),
  ctime: i64(48),
  btime: i64(56),
  atime_nsec: u32(64),
  mtime_nsec: u32(68),
  ctime_nsec: u32(72),
  btime_nsec: u32(76),
  flags: u32(80),
  generation: u32(84),
  rdev: u32(88),
  vector_set: u64(96),
  xattr_block: u64(104),
  orphan_next: u64(112),
  parent: u64(120),
  owner_generation: u32(128),
  root: bytes(136, INODE_ROOT_SIZE),
  checksum: u32(252),
});

export const extentHeader = struct('vexfs_extent_header', 24, {
  magic: u16(0),
  count: u16(2),
  capacity: u16(4),
  depth: u16(6),
  owner: u64(8),
  checksum: u32(16),
});

export const extentEntry = struct('vexfs_extent', 24, {
  logical: u64(0),
  physical: u64(8),
  length: u32(16),
  flags: u32(20),
});

export const extentIndex = struct('vexfs_extent_index', 24, {
  logical: u64(0),
  child: u64(8),
});

export const directoryRoot = struct('vexfs_directory_root', INODE_ROOT_SIZE, {
  block: u64(0),
  depth: u32(8),
  entries: u64(16),
});

export const directoryHeader = struct('vexfs_directory_header', 32, {
  magic: u32(0),
  level: u16(4),
  count: u16(6),
  owner: u64(8),
  data_start: u32(16),
  checksum: u32(20),
  garbage: u32(24),
});

export const directoryIndex = struct('vexfs_directory_index', 16, {
  cookie: u64(0),
  child: u64(8),
});

/** The name follows at byte 18; a record takes a multiple of 8 bytes. */
export const directoryEntry = struct('vexfs_directory_entry', 24, {
  cookie: u64(0),
  inode: u64(8),
  type: u8(16),
  name_length: u8(17),
});
export const DIRECTORY_NAME_OFFSET = 18;

export const xattrHeader = struct('vexfs_xattr_header', 32, {
  magic: u32(0),
  count: u32(4),
  used: u32(8),
  checksum: u32(12),
  owner: u64(16),
});

/** Name and value follow; an entry takes a multiple of 8 bytes. */
export const xattrEntry = struct('vexfs_xattr_entry', 8, {
  name_space: u8(0),
  name_length: u8(1),
  value_length: u32(4),
});

export const SET_HEADER_SIZE = 512;

export const setHeader = struct('vexfs_set_header', SET_HEADER_SIZE, {
  magic: u32(0),
  checksum: u32(4),
  owner: u64(8),
  owner_generation: u32(16),
  dimensions: u32(20),
  element_type: u32(24),
  storage_format: u32(28),
  compression_type: u32(32),
  alignment: u32(36),
  data_offset: u64(40),
  slots: u64(48),
  live_rows: u64(56),
  next_id: u64(64),
  log_inode: u64(72),
  log_blocks: u64(80),
  graph_inode: u64(88),
  inline_records: u32(96),
  log_compactions: u32(100),
  index_type: u32(104),
  index_metric: u32(108),
  index_m: u32(112),
  index_ef_construction: u32(116),
  index_ef_search: u32(120),
  index_automatic: u32(124),
  graph_records: u64(128),
  graph_offset: u32(136),
  graph_compactions: u32(140),
  graph_bytes: u64(144),
  graph_scan: u32(152),
});

/** `index_type` of a set that has no index. */
export const INDEX_NONE = 0;

export const logHeader = struct('vexfs_log_header', 32, {
  magic: u32(0),
  count: u32(4),
  owner: u64(8),
  index: u64(16),
  checksum: u32(24),
});

export const LOG_RECORD_SIZE = 24;

export const logRecord = struct('vexfs_log_record', LOG_RECORD_SIZE, {
  type: u32(0),
  slot: u32(4),
  id: u64(8),
  count: u64(16),
});

/** Records in a full log block, and at most inline behind a set header. */
export function recordsPerBlock(blockSize: number): number {
  return Math.floor((blockSize - SET_HEADER_SIZE) / LOG_RECORD_SIZE);
}

/** Whether a group keeps a copy of the superblock and the group descriptors: 0, 1 and the powers of 3, 5 and 7. */
export function hasSuperblock(group: number): boolean {
  if (group <= 1) return true;
  for (const base of [3, 5, 7]) {
    let power = base;
    while (power < group) power *= base;
    if (power === group) return true;
  }
  return false;
}

export const diskStructs: ReadonlyArray<AnyStruct> = [
  superblock,
  groupDescriptor,
  inode,
  extentHeader,
  extentEntry,
  extentIndex,
  directoryRoot,
  directoryHeader,
  directoryIndex,
  directoryEntry,
  xattrHeader,
  xattrEntry,
  setHeader,
  logHeader,
  logRecord,
];

export const diskConstants: Readonly<Record<string, number>> = {
  VEXFS_SUPERBLOCK_MAGIC: SUPERBLOCK_MAGIC,
  VEXFS_FORMAT_VERSION: FORMAT_VERSION,
  VEXFS_ROOT_INODE: ROOT_INODE,
  VEXFS_FIRST_INODE: FIRST_INODE,
  VEXFS_MIN_BLOCK_SIZE: MIN_BLOCK_SIZE,
  VEXFS_MAX_BLOCK_SIZE: MAX_BLOCK_SIZE,
  VEXFS_MIN_JOURNAL_BLOCKS: MIN_JOURNAL_BLOCKS,
  VEXFS_STATE_ERRORS: STATE_ERRORS,
  VEXFS_GROUP_BLOCKS_UNINITIALISED: GROUP_BLOCKS_UNINITIALISED,
  VEXFS_GROUP_INODES_UNINITIALISED: GROUP_INODES_UNINITIALISED,
  VEXFS_INODE_SYNC: INODE_SYNC,
  VEXFS_INODE_IMMUTABLE: INODE_IMMUTABLE,
  VEXFS_INODE_APPEND: INODE_APPEND,
  VEXFS_INODE_NODUMP: INODE_NODUMP,
  VEXFS_INODE_NOATIME: INODE_NOATIME,
  VEXFS_INODE_HIDDEN: INODE_HIDDEN,
  VEXFS_EXTENT_MAGIC: EXTENT_MAGIC,
  VEXFS_EXTENT_UNWRITTEN: EXTENT_UNWRITTEN,
  VEXFS_DIRECTORY_MAGIC: DIRECTORY_MAGIC,
  VEXFS_XATTR_MAGIC: XATTR_MAGIC,
  VEXFS_SET_MAGIC: SET_MAGIC,
  VEXFS_LOG_MAGIC: LOG_MAGIC,
  VEXFS_RECORD_PUT: RECORD_PUT,
  VEXFS_RECORD_RANGE: RECORD_RANGE,
  VEXFS_RECORD_DELETE: RECORD_DELETE,
  VEXFS_RECORD_TRUNCATE: RECORD_TRUNCATE,
  VEXFS_INDEX_NONE: INDEX_NONE,
  VEXFS_MAX_TREE_DEPTH: MAX_TREE_DEPTH,
  VEXFS_XATTR_USER: XATTR_USER,
  VEXFS_XATTR_TRUSTED: XATTR_TRUSTED,
  VEXFS_XATTR_SECURITY: XATTR_SECURITY,
  VEXFS_XATTR_ACL_ACCESS: XATTR_ACL_ACCESS,
  VEXFS_XATTR_ACL_DEFAULT: XATTR_ACL_DEFAULT,
  VEXFS_DIRECTORY_NAME_OFFSET: DIRECTORY_NAME_OFFSET,
};
