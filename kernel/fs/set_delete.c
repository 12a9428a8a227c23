// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What rows took goes with their file: log and index first, then the header, so that what is left always names the rest. */
#include "alloc.h"
#include "content_blocks.h"
#include "hidden.h"
#include "index.h"
#include "inode_write.h"
#include "row_changes.h"
#include "vexfs_fs.h"

/* Of a handle that frees blocks; it is extended as far as the transaction has room. */
#define VEXFS_REMOVE_CREDITS 64
#define VEXFS_LAST_CREDITS (VEXFS_GIVE_INODE_CREDITS + VEXFS_HIDDEN_CREDITS + VEXFS_INODE_CREDITS + 1)

/* Some of the blocks, and with the last ones the inode. 1: there are more. */
static int vexfs_free_some(handle_t *handle, struct vexfs_hidden *hidden)
{
	struct vexfs_tree tree = vexfs_hidden_tree(hidden);
	int error = vexfs_extents_remove(handle, &tree, 0, U64_MAX);
	int written;

	vexfs_hidden_count(hidden, &tree);
	if (error == 0)
		return vexfs_give_inode(handle, hidden->sb, hidden->number, false);
	written = vexfs_hidden_write(handle, hidden);
	return written ?: error;
}

/* Frees a hidden inode that the header names in `field`. */
static int vexfs_free_named(struct inode *inode, struct buffer_head *bh, __le64 *field)
{
	struct vexfs_set_header *header = (void *)bh->b_data;
	struct vexfs_hidden hidden;
	int error = vexfs_hidden_read(inode, le64_to_cpu(*field), &hidden);

	if (error)
		return error;
	do {
		handle_t *handle = vexfs_start(inode->i_sb, VEXFS_REMOVE_CREDITS + VEXFS_LAST_CREDITS);
		int stopped;

		if (IS_ERR(handle))
			return PTR_ERR(handle);
		error = vexfs_change(handle, bh);
		if (!error)
			error = vexfs_free_some(handle, &hidden);
		if (!error) {
			*field = 0;
			if (field == &header->log_inode)
				header->log_blocks = 0;
			error = vexfs_set_header_changed(handle, inode, bh);
		}
		stopped = vexfs_stop(handle);
		if (stopped && error >= 0)
			error = stopped;
	} while (error == 1);
	return error;
}

/* The snapshot of the index is a hint: what is no snapshot of this file is not ours to free, and what is damaged is left to fsck. */
static int vexfs_free_snapshot(struct inode *inode, struct buffer_head *bh)
{
	struct vexfs_set_header *header = (void *)bh->b_data;
	int error;

	if (!vexfs_is_snapshot(inode, le64_to_cpu(header->graph_inode)))
		return 0;
	error = vexfs_free_named(inode, bh, &header->graph_inode);
	return error == -EUCLEAN ? 0 : error;
}

/* The set inode has one block, which is metadata. */
static int vexfs_free_header(struct inode *inode, struct vexfs_hidden *hidden, u64 block)
{
	handle_t *handle = vexfs_start(inode->i_sb, VEXFS_REMOVE_CREDITS + VEXFS_LAST_CREDITS);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_revoke(handle, inode->i_sb, block);
	if (!error)
		error = vexfs_free_some(handle, hidden);
	if (!error) {
		WRITE_ONCE(vexfs_info(inode)->vector_set, 0);
		error = vexfs_write_inode(handle, inode);
	}
	/* Half of it is in the transaction. */
	if (error)
		vexfs_abort(handle, error < 0 ? error : -EUCLEAN);
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

int vexfs_set_delete(struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_set_header *header;
	struct vexfs_hidden hidden;
	struct buffer_head *bh;
	u64 block;
	int error;

	if (!info->vector_set)
		return 0;
	/* Nobody has the file open: nobody reads its rows. */
	vexfs_set_free(info->set);
	info->set = NULL;
	bh = vexfs_read_set_header(inode, &hidden.inode);
	if (IS_ERR(bh))
		return PTR_ERR(bh);
	hidden.sb = inode->i_sb;
	hidden.number = info->vector_set;
	header = (void *)bh->b_data;
	block = bh->b_blocknr;
	error = header->log_inode ? vexfs_free_named(inode, bh, &header->log_inode) : 0;
	if (!error)
		error = vexfs_free_snapshot(inode, bh);
	brelse(bh);
	return error ?: vexfs_free_header(inode, &hidden, block);
}
