/** The on-disk format: what the daemon, mkfs, fsck and the tests share. */
export * as acl from './acl.js';
export * from './block_allocator.js';
export * from './committer.js';
export * from './content.js';
export * from './device.js';
export * as directory from './directory.js';
export * from './errors.js';
export * from './extents.js';
export * from './format/index.js';
export * from './geometry.js';
export * from './inode.js';
export * from './namespace.js';
export * from './recovery.js';
export * from './store.js';
export * from './superblock.js';
export * from './vector_set.js';
export * from './volume.js';
export * as xattr from './xattr.js';
