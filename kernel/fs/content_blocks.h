/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Blocks of regular files, found and changed under extents_lock. What changes them happens inside a handle of the
 * caller's and brings the inode's record along; handles are never started with extents_lock held.
 */
#ifndef VEXFS_CONTENT_BLOCKS_H
#define VEXFS_CONTENT_BLOCKS_H

#include "transaction.h"
#include "vexfs_fs.h"

/* Behind every block that a file may have. */
#define VEXFS_NO_BLOCK U64_MAX

/* Blocks that so many bytes take. */
static inline u64 vexfs_blocks_of(const struct inode *inode, loff_t bytes)
{
	return (u64)(bytes + i_blocksize(inode) - 1) >> inode->i_blkbits;
}

/* Which blocks hold the `most` blocks from `logical` on; *version: of the tree that said so. */
int vexfs_content_find(struct inode *inode, u64 logical, u64 most, struct vexfs_run *run, u64 *version);
/* Whether blocks [first, end) are all there and written, which they stay while i_rwsem is held: 1, 0 or an error. */
int vexfs_content_is_written(struct inode *inode, u64 first, u64 end);
/* Whether the tree is still the one of that version. */
static inline bool vexfs_content_is(const struct inode *inode, u64 version)
{
	return READ_ONCE(vexfs_info(inode)->extents_version) == version;
}

/* Credits of each of the three below, for `count` ranges at once. */
int vexfs_content_credits(struct inode *inode, u32 count);
/* Of marking one range of so many blocks, each of which may be an extent of its own. */
int vexfs_mark_credits(struct inode *inode, u32 blocks);
/* Gives blocks to the front of a hole, up to `most`. *run: what holds `logical` then, also when that was no hole. */
int vexfs_content_fill(handle_t *handle, struct inode *inode, u64 logical, u64 most, bool unwritten,
		       struct vexfs_run *run, u64 *version);
/* The same with unwritten blocks in a handle of its own, after a commit when that frees blocks. */
int vexfs_content_take(struct inode *inode, u64 logical, u64 most, struct vexfs_run *run, u64 *version);
/* Marks what is mapped of a range as written or not. -ENOSPC: no block for a node, nothing marked. */
int vexfs_content_mark(handle_t *handle, struct inode *inode, u64 logical, u64 count, bool unwritten);
/*
 * The same where it must not fail for want of blocks: then all of the extent becomes written, with zeros, at once. Nobody may be writing to its other blocks:
 * see vexfs_publish_write().
 */
int vexfs_content_become_written(handle_t *handle, struct inode *inode, u64 logical, u64 count);
bool vexfs_content_is_hole(struct inode *inode, u64 first, u64 end);
/* Frees blocks [first, end), the last ones first, in handles of its own. -ENOSPC: no block to make two of an extent. */
int vexfs_content_remove(struct inode *inode, u64 first, u64 end);

/* Zeros on the device, at once. */
int vexfs_zero_blocks(struct super_block *sb, u64 physical, u64 count);

#endif
