// SPDX-License-Identifier: GPL-2.0 OR MIT
/* fallocate(2): blocks in advance, holes, zeros. */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include "alloc.h"
#include "content.h"
#include "content_blocks.h"
#include "file_size.h"
#include "inode_write.h"
#include "row_changes.h"

/* Blocks that holes got, in ascending order, to be given back when there are not enough for all. */
struct vexfs_filled {
	struct vexfs_range {
		u64 first;
		u64 end;
	} *ranges;
	size_t count;
	size_t room;
};

static int vexfs_note_filled(struct vexfs_filled *filled, u64 first, u64 end)
{
	struct vexfs_range *last = filled->count ? &filled->ranges[filled->count - 1] : NULL;

	if (last && last->end == first) {
		last->end = end;
		return 0;
	}
	if (filled->count == filled->room) {
		const size_t room = filled->room ? filled->room * 2 : 64;
		struct vexfs_range *ranges = kvmalloc_array(room, sizeof(*ranges), GFP_KERNEL);

		if (!ranges)
			return -ENOMEM;
		if (filled->count)
			memcpy(ranges, filled->ranges, filled->count * sizeof(*ranges));
		kvfree(filled->ranges);
		filled->ranges = ranges;
		filled->room = room;
	}
	filled->ranges[filled->count++] = (struct vexfs_range){ first, end };
	return 0;
}

static int vexfs_fill_holes(struct inode *inode, u64 first, u64 end, struct vexfs_filled *filled)
{
	while (first < end) {
		struct vexfs_run run;
		u64 version;
		int error = vexfs_content_find(inode, first, end - first, &run, &version);

		if (!error && !run.physical) {
			error = vexfs_content_take(inode, first, run.length, &run, &version);
			if (!error)
				error = vexfs_note_filled(filled, first, first + run.length);
		}
		if (error)
			return error;
		if (fatal_signal_pending(current))
			return -EINTR;
		first += run.length;
	}
	return 0;
}

/* All holes of a range get blocks, and the file becomes as long if it grows; or none does. */
static int vexfs_allocate_range(struct inode *inode, loff_t from, loff_t to, bool grows)
{
	struct vexfs_filled filled = {};
	int error = vexfs_fill_holes(inode, from >> inode->i_blkbits, vexfs_blocks_of(inode, to), &filled);

	/* The record of the rows that it has then may find no block. */
	if (!error && grows)
		error = vexfs_grow(inode, to);
	while (error && filled.count--)
		vexfs_content_remove(inode, filled.ranges[filled.count].first, filled.ranges[filled.count].end);
	kvfree(filled.ranges);
	return error;
}

int vexfs_preallocate(struct inode *inode, loff_t from, loff_t to)
{
	return vexfs_allocate_range(inode, from, to, false);
}

/* Zeros on the device over what is written of a range; no page holds anything of it. */
static int vexfs_zero_written(struct inode *inode, u64 first, u64 end)
{
	while (first < end) {
		struct vexfs_run run;
		u64 version;
		int error = vexfs_content_find(inode, first, end - first, &run, &version);

		if (!error && run.physical && !run.unwritten)
			error = vexfs_zero_blocks(inode->i_sb, run.physical, run.length);
		if (error)
			return error;
		first += run.length;
		cond_resched();
	}
	return 0;
}

/*
 * Zeros the edges of a range through the page cache and throws away the pages of its whole blocks, [*first, *end). The
 * block that the file ends in is whole when the range goes to the end: what lies behind means nothing.
 */
static int vexfs_clear_pages(struct inode *inode, loff_t from, loff_t to, u64 *first, u64 *end)
{
	const loff_t size = i_size_read(inode);
	const u32 bits = inode->i_blkbits;
	loff_t stop = min(to, size);
	int error = filemap_write_and_wait_range(inode->i_mapping, from, to - 1);

	*first = vexfs_blocks_of(inode, from);
	*end = to >= size ? vexfs_blocks_of(inode, to) : (u64)to >> bits;
	if (error)
		return error;
	if (*first >= *end) {
		*end = *first;
		return from < stop ? vexfs_zero_content(inode, from, stop - from) : 0;
	}
	if (from < size && from < *first << bits)
		error = vexfs_zero_content(inode, from, min_t(loff_t, *first << bits, size) - from);
	if (!error && (loff_t)(*end << bits) < stop)
		error = vexfs_zero_content(inode, *end << bits, stop - (*end << bits));
	if (!error)
		truncate_pagecache_range(inode, *first << bits, (*end << bits) - 1);
	return error;
}

static int vexfs_punch_hole(struct inode *inode, loff_t from, loff_t to)
{
	u64 first, end;
	int attempts = 0;
	int error = vexfs_clear_pages(inode, from, to, &first, &end);

	if (error || first == end)
		return error;
	do {
		error = vexfs_content_remove(inode, first, end);
	} while (error == -ENOSPC && vexfs_retry_allocate(inode->i_sb, &attempts));
	return error == -ENOSPC ? vexfs_zero_written(inode, first, end) : error;
}

static int vexfs_mark_run(struct inode *inode, u64 first, u64 count)
{
	handle_t *handle = vexfs_start(inode->i_sb, vexfs_content_credits(inode, 1));
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_content_mark(handle, inode, first, count, true);
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

static int vexfs_mark_unwritten(struct inode *inode, u64 first, u64 end)
{
	while (first < end) {
		struct vexfs_run run;
		u64 version;
		int error = vexfs_content_find(inode, first, end - first, &run, &version);

		if (!error && run.physical && !run.unwritten) {
			error = vexfs_mark_run(inode, first, run.length);
			if (error == -ENOSPC)
				error = vexfs_zero_blocks(inode->i_sb, run.physical, run.length);
		}
		if (error)
			return error;
		first += run.length;
	}
	return 0;
}

static int vexfs_zero_range(struct inode *inode, loff_t from, loff_t to)
{
	u64 first, end;
	int error = vexfs_preallocate(inode, from, to);

	if (!error)
		error = vexfs_clear_pages(inode, from, to, &first, &end);
	return error ?: vexfs_mark_unwritten(inode, first, end);
}

static int vexfs_change_range(struct inode *inode, int mode, loff_t from, loff_t to)
{
	const bool grows = !(mode & FALLOC_FL_KEEP_SIZE) && to > i_size_read(inode);
	int error;

	if (mode & FALLOC_FL_PUNCH_HOLE)
		return vexfs_punch_hole(inode, from, to);
	if (!(mode & FALLOC_FL_ZERO_RANGE))
		return vexfs_allocate_range(inode, from, to, grows);
	error = vexfs_zero_range(inode, from, to);
	return error ?: grows ? vexfs_grow(inode, to) : 0;
}

long vexfs_fallocate(struct file *file, int mode, loff_t offset, loff_t length)
{
	struct inode *inode = file_inode(file);
	const loff_t end = offset + length;
	loff_t size;
	int error = 0;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	inode_lock(inode);
	size = i_size_read(inode);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > i_size_read(inode))
		error = inode_newsize_ok(inode, end) ?: vexfs_rows_prepare(inode, end);
	if (!error)
		error = file_modified(file);
	if (error)
		goto unlock;
	inode_dio_wait(inode);
	filemap_invalidate_lock(inode->i_mapping);
	error = vexfs_change_range(inode, mode, offset, end);
	filemap_invalidate_unlock(inode->i_mapping);
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		vexfs_rows_overwritten(inode, offset, min(end, size));
unlock:
	inode_unlock(inode);
	if (!error && (file->f_flags & O_DSYNC || IS_SYNC(inode)))
		error = vfs_fsync_range(file, offset, end - 1, !(file->f_flags & __O_SYNC));
	return error;
}
