// SPDX-License-Identifier: GPL-2.0 OR MIT
/* How long a regular file is: in memory at once, on the volume together with the blocks that this shows. */
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include "alloc.h"
#include "content.h"
#include "content_blocks.h"
#include "file_size.h"
#include "inode_write.h"
#include "row_changes.h"

int vexfs_order_content(handle_t *handle, struct inode *inode, loff_t from, loff_t to)
{
	if (from >= to)
		return 0;
	return jbd2_journal_inode_ranged_write(handle, &vexfs_info(inode)->jinode, from, to - from);
}

int vexfs_publish_size(handle_t *handle, struct inode *inode, loff_t size)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	const loff_t before = info->disk_size;
	const loff_t shown = min_t(loff_t, size, round_up(before, i_blocksize(inode)));
	int error = 0;

	/* What begins to count in the old last block is on the device before the size is. */
	if (size > before)
		error = vexfs_order_content(handle, inode, before, shown);
	if (!error)
		error = vexfs_rows_resize(handle, inode, size);
	if (error)
		return error;
	info->disk_size = size;
	return vexfs_write_inode(handle, inode);
}

int vexfs_size_credits(const struct inode *inode)
{
	return VEXFS_INODE_CREDITS + vexfs_rows_credits(inode);
}

/* Where blocks are smaller than pages a mapping has stored to others behind that of the end too, which the device knows nothing of. */
static void vexfs_clear_last_page(struct inode *inode)
{
	struct folio *folio = filemap_lock_folio(inode->i_mapping, i_size_read(inode) >> PAGE_SHIFT);

	/* Older kernels say NULL. */
	if (IS_ERR_OR_NULL(folio))
		return;
	vexfs_clear_behind_end(inode, folio);
	folio_unlock(folio);
	folio_put(folio);
}

int vexfs_zero_tail(struct inode *inode, loff_t upto)
{
	const loff_t size = i_size_read(inode);
	const loff_t end = min_t(loff_t, upto, round_up(size, i_blocksize(inode)));
	int error;

	if (i_blocksize(inode) < PAGE_SIZE)
		vexfs_clear_last_page(inode);
	if (size >= end)
		return 0;
	error = vexfs_zero_content(inode, size, end - size);
	/* Some kernels take what is zeroed for written and raise the size. */
	i_size_write(inode, size);
	return error;
}

int vexfs_grow(struct inode *inode, loff_t size)
{
	const loff_t before = i_size_read(inode);
	handle_t *handle;
	int error = vexfs_zero_tail(inode, size);
	int stopped;

	if (error)
		return error;
	handle = vexfs_start(inode->i_sb, vexfs_size_credits(inode));
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	i_size_write(inode, size);
	vexfs_touch_mtime_ctime(inode);
	error = vexfs_publish_size(handle, inode, size);
	if (error)
		i_size_write(inode, before);
	stopped = vexfs_stop(handle);
	pagecache_isize_extended(inode, before, i_size_read(inode));
	return error ?: stopped;
}

static int vexfs_shrink(struct inode *inode, loff_t size, bool touch)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	const loff_t before = i_size_read(inode);
	const bool has_blocks = !vexfs_content_is_hole(inode, vexfs_blocks_of(inode, size), VEXFS_NO_BLOCK);
	const bool was_orphan = info->orphan;
	handle_t *handle;
	int error, stopped;

	/* What a transaction under way made reachable gets its content before that is thrown away. */
	error = jbd2_journal_begin_ordered_truncate(vexfs_volume(inode->i_sb)->journal, &info->jinode, size);
	if (error)
		return error;
	handle = vexfs_start(inode->i_sb, vexfs_size_credits(inode) + VEXFS_ORPHAN_CREDITS);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = has_blocks ? vexfs_orphan_add(handle, inode) : 0;
	if (!error) {
		i_size_write(inode, size);
		if (touch)
			vexfs_touch_mtime_ctime(inode);
		error = vexfs_publish_size(handle, inode, size);
		if (error) {
			i_size_write(inode, before);
			/* There is nothing to be finished: who would stay on the list could be entered once more. */
			if (!was_orphan)
				vexfs_orphan_remove(handle, inode);
		}
	}
	stopped = vexfs_stop(handle);
	truncate_pagecache(inode, i_size_read(inode));
	if (error || stopped || !has_blocks)
		return error ?: stopped;
	return vexfs_truncate(inode);
}

static int vexfs_change_size(struct inode *inode, loff_t size, bool touch)
{
	const loff_t before = i_size_read(inode);
	int attempts = 0, error;

	if (!vexfs_volume(inode->i_sb)->journal)
		return -EROFS;
	error = vexfs_rows_prepare(inode, size);
	if (error)
		return error;
	inode_dio_wait(inode);
	do {
		filemap_invalidate_lock(inode->i_mapping);
		if (size > before)
			error = vexfs_grow(inode, size);
		else if (size < before)
			error = vexfs_shrink(inode, size, touch);
		/* What fallocate() has put behind the end goes as well, as on ext4. */
		else if (!vexfs_content_is_hole(inode, vexfs_blocks_of(inode, size), VEXFS_NO_BLOCK))
			error = vexfs_shrink(inode, size, false);
		filemap_invalidate_unlock(inode->i_mapping);
		/* The log of a vector file may need a block. */
	} while (error == -ENOSPC && vexfs_retry_allocate(inode->i_sb, &attempts));
	return error;
}

int vexfs_resize(struct inode *inode, loff_t size)
{
	return vexfs_change_size(inode, size, true);
}

int vexfs_cut_off(struct inode *inode, loff_t size)
{
	return vexfs_change_size(inode, size, false);
}
