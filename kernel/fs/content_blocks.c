// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/blkdev.h>
#include "alloc.h"
#include "content_blocks.h"
#include "inode_write.h"

/* Of one handle that frees blocks; it is extended as far as the transaction has room. */
#define VEXFS_REMOVE_CREDITS 64

static struct vexfs_tree vexfs_content_tree(struct inode *inode)
{
	return (struct vexfs_tree){
		.sb = inode->i_sb,
		.owner = inode->i_ino,
		.root = vexfs_info(inode)->root,
		/* See snapshot_pages.c. */
		.is_hint = IS_PRIVATE(inode),
	};
}

int vexfs_content_find(struct inode *inode, u64 logical, u64 most, struct vexfs_run *run, u64 *version)
{
	const struct vexfs_tree tree = vexfs_content_tree(inode);
	struct vexfs_inode_info *info = vexfs_info(inode);
	int error;

	down_read(&info->extents_lock);
	error = vexfs_find_run(&tree, logical, most, run);
	*version = info->extents_version;
	up_read(&info->extents_lock);
	return error;
}

int vexfs_content_credits(struct inode *inode, u32 count)
{
	const struct vexfs_tree tree = vexfs_content_tree(inode);

	/* Marking makes two of an extent twice. */
	return VEXFS_INODE_CREDITS + count * (VEXFS_ALLOCATE_CREDITS + 2 * vexfs_extents_credits(&tree));
}

int vexfs_mark_credits(struct inode *inode, u32 blocks)
{
	const struct vexfs_tree tree = vexfs_content_tree(inode);

	/* The extents at both ends become two; of the others the leaf changes, and a key above it. */
	return VEXFS_INODE_CREDITS + 2 * vexfs_extents_credits(&tree) + 2 * blocks;
}

/* Ends a change of the tree that extents_lock was taken for. */
static int vexfs_content_changed(handle_t *handle, struct inode *inode, const struct vexfs_tree *tree, int error)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	const loff_t bytes = abs(tree->taken) << inode->i_blkbits;
	int written;

	WRITE_ONCE(info->extents_version, info->extents_version + 1);
	if (tree->taken > 0)
		inode_add_bytes(inode, bytes);
	else if (tree->taken < 0)
		inode_sub_bytes(inode, bytes);
	up_write(&info->extents_lock);
	/* Also after an error: a node may have split before it. */
	written = vexfs_write_inode(handle, inode);
	/* What has changed in a node alone is not seen in the record. */
	vexfs_content_needs(handle, inode);
	return error ?: written;
}

/* Behind the blocks that the file has in front of `logical`, or where its group begins. */
static int vexfs_content_goal(const struct vexfs_tree *tree, u64 logical, u64 *goal)
{
	struct vexfs_run run = {};
	int error = logical ? vexfs_find_run(tree, logical - 1, 1, &run) : 0;

	*goal = run.physical ? run.physical + 1 : vexfs_goal(tree->sb, tree->owner);
	return error;
}

static int vexfs_fill_hole(handle_t *handle, struct vexfs_tree *tree, u64 logical, bool unwritten,
			   struct vexfs_run *run)
{
	u64 goal, start, count;
	int error = vexfs_content_goal(tree, logical, &goal);

	if (!error)
		error = vexfs_allocate(handle, tree->sb, goal, run->length, &start, &count);
	if (error)
		return error;
	/* Metadata that the blocks held before must not be written back over the content. */
	clean_bdev_aliases(tree->sb->s_bdev, start, count);
	error = vexfs_extents_insert(handle, tree, logical, start, count, unwritten);
	if (error) {
		int freed = vexfs_free(handle, tree->sb, start, count);

		return freed ? vexfs_abort(handle, freed) : error;
	}
	tree->taken += count;
	run->physical = start;
	run->length = count;
	run->unwritten = unwritten;
	return 0;
}

int vexfs_content_fill(handle_t *handle, struct inode *inode, u64 logical, u64 most, bool unwritten,
		       struct vexfs_run *run, u64 *version)
{
	struct vexfs_tree tree = vexfs_content_tree(inode);
	struct vexfs_inode_info *info = vexfs_info(inode);
	int error;

	down_write(&info->extents_lock);
	*version = info->extents_version;
	error = vexfs_find_run(&tree, logical, most, run);
	if (error || run->physical) {
		up_write(&info->extents_lock);
		return error;
	}
	*version += 1;
	error = vexfs_fill_hole(handle, &tree, logical, unwritten, run);
	return vexfs_content_changed(handle, inode, &tree, error);
}

int vexfs_content_take(struct inode *inode, u64 logical, u64 most, struct vexfs_run *run, u64 *version)
{
	int attempts = 0, error, stopped;

	do {
		handle_t *handle = vexfs_start(inode->i_sb, vexfs_content_credits(inode, 1));

		if (IS_ERR(handle))
			return PTR_ERR(handle);
		error = vexfs_content_fill(handle, inode, logical, most, true, run, version);
		stopped = vexfs_stop(handle);
	} while (error == -ENOSPC && !stopped && vexfs_retry_allocate(inode->i_sb, &attempts));
	return error ?: stopped;
}

int vexfs_content_mark(handle_t *handle, struct inode *inode, u64 logical, u64 count, bool unwritten)
{
	struct vexfs_tree tree = vexfs_content_tree(inode);
	int error;

	down_write(&vexfs_info(inode)->extents_lock);
	error = vexfs_extents_mark(handle, &tree, logical, count, unwritten);
	return vexfs_content_changed(handle, inode, &tree, error);
}

int vexfs_zero_blocks(struct super_block *sb, u64 physical, u64 count)
{
	const u32 shift = sb->s_blocksize_bits - SECTOR_SHIFT;

	return blkdev_issue_zeroout(sb->s_bdev, physical << shift, count << shift, GFP_NOFS, 0);
}

/*
 * All of the extent around `logical` becomes written, so that it need not become two: what is not [logical, end) is
 * zeroed, and what lies past the end of the file is given back.
 */
static int vexfs_write_whole(handle_t *handle, struct vexfs_tree *tree, struct inode *inode, u64 logical, u64 *end)
{
	const u64 keep = max_t(u64, *end, DIV_ROUND_UP_ULL(i_size_read(inode), i_blocksize(inode)));
	u64 from, to, physical;
	int error = vexfs_extent_around(tree, logical, &from, &to, &physical);

	if (error)
		return error;
	if (to > keep) {
		error = vexfs_extents_remove(handle, tree, keep, to);
		if (error)
			return error < 0 ? error : -ENOSPC;
		to = keep;
	}
	if (from < logical)
		error = vexfs_zero_blocks(tree->sb, physical, logical - from);
	if (!error && *end < to)
		error = vexfs_zero_blocks(tree->sb, physical + (*end - from), to - *end);
	*end = min(*end, to);
	return error ?: vexfs_extents_mark(handle, tree, from, to - from, false);
}

int vexfs_content_become_written(handle_t *handle, struct inode *inode, u64 logical, u64 count)
{
	struct vexfs_tree tree = vexfs_content_tree(inode);
	const u64 end = logical + count;
	int error;

	down_write(&vexfs_info(inode)->extents_lock);
	error = vexfs_extents_mark(handle, &tree, logical, count, false);
	while (error == -ENOSPC && logical < end) {
		u64 next = end;

		error = vexfs_write_whole(handle, &tree, inode, logical, &next);
		logical = next;
		if (!error && logical < end)
			error = vexfs_extents_mark(handle, &tree, logical, end - logical, false);
	}
	return vexfs_content_changed(handle, inode, &tree, error);
}

static int vexfs_remove_some(handle_t *handle, struct inode *inode, u64 first, u64 end)
{
	struct vexfs_tree tree = vexfs_content_tree(inode);
	int error;

	down_write(&vexfs_info(inode)->extents_lock);
	error = vexfs_extents_remove(handle, &tree, first, end);
	return vexfs_content_changed(handle, inode, &tree, error ?: vexfs_extents_pull_up(handle, &tree));
}

int vexfs_content_is_written(struct inode *inode, u64 first, u64 end)
{
	while (first < end) {
		struct vexfs_run run;
		u64 version;
		int error = vexfs_content_find(inode, first, end - first, &run, &version);

		if (error)
			return error;
		if (!run.physical || run.unwritten)
			return 0;
		first += run.length;
	}
	return 1;
}

bool vexfs_content_is_hole(struct inode *inode, u64 first, u64 end)
{
	while (first < end) {
		struct vexfs_run run;
		u64 version;

		/* What cannot be read is not taken for a hole: whoever frees it says what is wrong. */
		if (vexfs_content_find(inode, first, end - first, &run, &version) || run.physical)
			return false;
		first += run.length;
	}
	return true;
}

int vexfs_content_remove(struct inode *inode, u64 first, u64 end)
{
	int error = vexfs_content_is_hole(inode, first, end) ? 0 : 1;

	while (error == 1) {
		handle_t *handle = vexfs_start(inode->i_sb, VEXFS_REMOVE_CREDITS);
		int stopped;

		if (IS_ERR(handle))
			return PTR_ERR(handle);
		error = vexfs_remove_some(handle, inode, first, end);
		stopped = vexfs_stop(handle);
		if (stopped && error >= 0)
			error = stopped;
		cond_resched();
	}
	return error;
}
