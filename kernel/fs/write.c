// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * write(2) through the page cache. Blocks are taken as unwritten before the copy and marked as written after it, in a
 * transaction that is committed when the pages are on the device: what a crash leaves reads as zeros or as written.
 */
#include <linux/pagemap.h>
#include "alloc.h"
#include "compat_iomap.h"
#include "content.h"
#include "content_blocks.h"
#include "file_size.h"
#include "inode_write.h"
#include "row_changes.h"

/* Blocks that are taken for one copy. */
#define VEXFS_WRITE_BLOCKS 8192

static bool vexfs_iomap_valid(struct inode *inode, const struct iomap *iomap)
{
	return vexfs_content_is(inode, iomap->validity_cookie);
}

static const VEXFS_VALIDITY vexfs_validity = {
	.iomap_valid = vexfs_iomap_valid,
};

static int vexfs_write_begin(struct inode *inode, loff_t offset, loff_t length, unsigned int flags, struct iomap *iomap,
			     struct iomap *source)
{
	const u64 first = offset >> inode->i_blkbits;
	const u64 most = min_t(u64, vexfs_blocks_of(inode, offset + length) - first, VEXFS_WRITE_BLOCKS);
	struct vexfs_run run;
	u64 version;
	int error = vexfs_info(inode)->write_error ?: vexfs_content_find(inode, first, most, &run, &version);

	const bool takes = !error && !run.physical && !(flags & IOMAP_ZERO);

	if (takes && flags & IOMAP_NOWAIT)
		return -EAGAIN;
	if (takes)
		error = vexfs_content_take(inode, first, run.length, &run, &version);
	if (error)
		return error;
	vexfs_iomap_fill(inode, first, &run, version, iomap);
	vexfs_name_validity(iomap, &vexfs_validity);
	iomap->flags = takes ? IOMAP_F_NEW : 0;
	return 0;
}

static int vexfs_try_publish(struct inode *inode, loff_t from, loff_t to, bool unwritten, bool grows, bool is_alone)
{
	const u64 first = from >> inode->i_blkbits;
	const u64 count = vexfs_blocks_of(inode, to) - first;
	handle_t *handle;
	int error = 0, stopped;

	handle = vexfs_start(inode->i_sb, vexfs_content_credits(inode, 1) + vexfs_size_credits(inode));
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	if (unwritten && is_alone)
		error = vexfs_content_become_written(handle, inode, first, count);
	else if (unwritten)
		error = vexfs_content_mark(handle, inode, first, count, false);
	if (!error)
		error = vexfs_order_content(handle, inode, from, to);
	if (!error && grows)
		error = vexfs_publish_size(handle, inode, to);
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

int vexfs_publish_write(struct inode *inode, loff_t from, loff_t to, bool unwritten, bool is_alone)
{
	const bool grows = to > vexfs_info(inode)->disk_size;
	int attempts = 0, error;

	if (!unwritten && !grows)
		return 0;
	/* New rows need records, and those perhaps blocks. */
	do
		error = vexfs_try_publish(inode, from, to, unwritten, grows, is_alone);
	while (error == -ENOSPC && vexfs_retry_allocate(inode->i_sb, &attempts));
	return error;
}

void vexfs_drop_unused(struct inode *inode, const struct iomap *iomap, loff_t written_to)
{
	const loff_t used = max(written_to, i_size_read(inode));
	const u64 end = (iomap->offset + iomap->length) >> inode->i_blkbits;

	if (iomap->flags & IOMAP_F_NEW && vexfs_blocks_of(inode, used) < end)
		vexfs_content_remove(inode, vexfs_blocks_of(inode, used), end);
}

static int vexfs_write_end(struct inode *inode, loff_t offset, loff_t length, ssize_t written, unsigned int flags,
			   struct iomap *iomap)
{
	const loff_t to = offset + max_t(ssize_t, written, 0);
	int error = 0;

	if (flags & IOMAP_ZERO)
		return 0;
	if (written > 0)
		error = vexfs_publish_write(inode, offset, to, iomap->type == IOMAP_UNWRITTEN, false);
	if (error == -ENOSPC && iomap->type == IOMAP_UNWRITTEN) {
		inode_dio_wait(inode);
		error = vexfs_publish_write(inode, offset, to, true, true);
	}
	if (written < length)
		vexfs_drop_unused(inode, iomap, to);
	/* Of bytes that are copied iomap asks no more what became of them. */
	if (error)
		vexfs_info(inode)->write_error = error;
	return error;
}

const struct iomap_ops vexfs_write_ops = {
	.iomap_begin = vexfs_write_begin,
	.iomap_end = vexfs_write_end,
};

int vexfs_zero_content(struct inode *inode, loff_t from, loff_t count)
{
	return vexfs_iomap_zero(inode, from, count, &vexfs_write_ops, &vexfs_validity);
}

/* Takes back what was copied behind the end that the volume knows. How much of a write from `start` on is left, or the error. */
static ssize_t vexfs_take_back(struct kiocb *iocb, loff_t start, int error)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	const loff_t size = vexfs_info(inode)->disk_size;
	const bool grew = i_size_read(inode) > size;

	if (grew) {
		filemap_invalidate_lock(inode->i_mapping);
		i_size_write(inode, size);
		truncate_pagecache(inode, size);
		filemap_invalidate_unlock(inode->i_mapping);
		vexfs_content_remove(inode, vexfs_blocks_of(inode, size), VEXFS_NO_BLOCK);
	}
	iocb->ki_pos = grew ? max(start, size) : start;
	return iocb->ki_pos > start ? iocb->ki_pos - start : error;
}

ssize_t vexfs_write_pages(struct kiocb *iocb, struct iov_iter *from)
{
	struct vexfs_inode_info *info = vexfs_info(file_inode(iocb->ki_filp));
	const loff_t start = iocb->ki_pos;
	ssize_t written = vexfs_iomap_write(iocb, from, &vexfs_write_ops, &vexfs_validity);
	const int error = info->write_error;

	info->write_error = 0;
	return error ? vexfs_take_back(iocb, start, error) : written;
}

/* What every write does first, with i_rwsem held; the position and the count have been checked. */
static int vexfs_prepare_write(struct kiocb *iocb)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	/* A descriptor may be older than the flag. */
	int error = IS_IMMUTABLE(inode) ? -EPERM : kiocb_modified(iocb);

	if (error || iocb->ki_pos <= i_size_read(inode))
		return error;
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	return vexfs_zero_tail(inode, iocb->ki_pos);
}

/* What a direct write did not do goes through the page cache, and out of it again. */
static ssize_t vexfs_write_rest(struct kiocb *iocb, struct iov_iter *from, ssize_t direct)
{
	struct address_space *mapping = iocb->ki_filp->f_mapping;
	const loff_t start = iocb->ki_pos;
	ssize_t written;
	int error;

	iocb->ki_flags &= ~IOCB_DIRECT;
	written = vexfs_write_pages(iocb, from);
	if (written <= 0)
		return direct ?: written;
	error = filemap_write_and_wait_range(mapping, start, start + written - 1);
	if (error)
		return direct ?: error;
	invalidate_mapping_pages(mapping, start >> PAGE_SHIFT, (start + written - 1) >> PAGE_SHIFT);
	return direct + written;
}

static ssize_t vexfs_write_checked(struct kiocb *iocb, struct iov_iter *from, ssize_t done)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	int error;

	error = vexfs_rows_prepare(inode, max_t(loff_t, iocb->ki_pos + done, i_size_read(inode)));
	if (!error)
		error = vexfs_prepare_write(iocb);
	if (error)
		return error;
	if (!(iocb->ki_flags & IOCB_DIRECT))
		return vexfs_write_pages(iocb, from);
	done = vexfs_write_direct(iocb, from);
	/* Pages that cannot be thrown away are in the way. */
	if (done == -ENOTBLK)
		done = 0;
	return done >= 0 && iov_iter_count(from) ? vexfs_write_rest(iocb, from, done) : done;
}

static ssize_t vexfs_write_locked(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	const loff_t size = i_size_read(inode);
	ssize_t done = generic_write_checks(iocb, from);
	const loff_t start = iocb->ki_pos;

	if (done <= 0)
		return done;
	done = vexfs_write_checked(iocb, from, done);
	/* What lies behind the end as it was are new rows, not changed ones. */
	if (done > 0)
		vexfs_rows_overwritten(inode, start, min_t(loff_t, start + done, size));
	return done;
}

ssize_t vexfs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t done;

	if (iocb->ki_flags & IOCB_DIRECT) {
		done = vexfs_overwrite_direct(iocb, from);
		if (done != -ENOTBLK)
			return done;
	}
	if (!(iocb->ki_flags & IOCB_NOWAIT))
		inode_lock(inode);
	else if (!inode_trylock(inode))
		return -EAGAIN;
	done = vexfs_write_locked(iocb, from);
	inode_unlock(inode);
	/* A direct write that went through has done it already. */
	return done > 0 && !(iocb->ki_flags & IOCB_DIRECT) ? generic_write_sync(iocb, done) : done;
}
