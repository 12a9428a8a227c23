// SPDX-License-Identifier: GPL-2.0 OR MIT
/* O_DIRECT: between the device and the caller's memory. */
#include <linux/blkdev.h>
#include <linux/uio.h>
#include "alloc.h"
#include "content.h"
#include "content_blocks.h"
#include "row_changes.h"

/* Positions, lengths and memory that the device cannot take go through the page cache, as on a FUSE mount. */
bool vexfs_is_aligned(struct kiocb *iocb, const struct iov_iter *caller)
{
	const u32 mask = bdev_logical_block_size(file_inode(iocb->ki_filp)->i_sb->s_bdev) - 1;

	return !((iocb->ki_pos | iov_iter_alignment(caller)) & mask);
}

ssize_t vexfs_read_direct(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t done;

	/* The memory may be a mapping of this file whose pages vexfs_store_alone() has to make writable, which needs i_rwsem. */
	if (vexfs_is_nearly_full(inode->i_sb))
		fault_in_iov_iter_writeable(to, iov_iter_count(to));
	if (!(iocb->ki_flags & IOCB_NOWAIT))
		inode_lock_shared(inode);
	else if (!inode_trylock_shared(inode))
		return -EAGAIN;
	done = iomap_dio_rw(iocb, to, &vexfs_iomap_ops, NULL, 0, NULL, 0);
	inode_unlock_shared(inode);
	file_accessed(iocb->ki_filp);
	return done;
}

static int vexfs_direct_begin(struct inode *inode, loff_t offset, loff_t length, unsigned int flags,
			      struct iomap *iomap, struct iomap *source)
{
	int error = vexfs_write_ops.iomap_begin(inode, offset, length, flags, iomap, source);

	/* Content may be on the device and the tree that leads there not yet: a sync has to commit. */
	iomap->flags |= IOMAP_F_DIRTY;
	return error;
}

static int vexfs_direct_end(struct inode *inode, loff_t offset, loff_t length, ssize_t written, unsigned int flags,
			    struct iomap *iomap)
{
	if (written < length)
		vexfs_drop_unused(inode, iomap, offset + max_t(ssize_t, written, 0));
	return 0;
}

static const struct iomap_ops vexfs_direct_ops = {
	.iomap_begin = vexfs_direct_begin,
	.iomap_end = vexfs_direct_end,
};

/* The device has it: only now blocks count as written, and the file as longer. */
static int vexfs_end_direct(struct kiocb *iocb, ssize_t size, int error, unsigned int flags, bool is_alone)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	const loff_t end = iocb->ki_pos + size;

	if (error || size <= 0)
		return error;
	error = vexfs_publish_write(inode, iocb->ki_pos, end, flags & IOMAP_DIO_UNWRITTEN, is_alone);
	if (!error && end > i_size_read(inode))
		i_size_write(inode, end);
	return error;
}

static int vexfs_direct_done(struct kiocb *iocb, ssize_t size, int error, unsigned int flags)
{
	return vexfs_end_direct(iocb, size, error, flags, false);
}

static int vexfs_lone_direct_done(struct kiocb *iocb, ssize_t size, int error, unsigned int flags)
{
	return vexfs_end_direct(iocb, size, error, flags, true);
}

static const struct iomap_dio_ops vexfs_direct_write_ops = {
	.end_io = vexfs_direct_done,
};

static const struct iomap_dio_ops vexfs_lone_direct_write_ops = {
	.end_io = vexfs_lone_direct_done,
};

/* The caller holds i_rwsem. -ENOTBLK: nothing was written, and it has to go through the page cache. */
ssize_t vexfs_write_direct(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	/*
	 * Of blocks that are not written yet the rest becomes zeros: two such writes to one block may not be under way together. Where there may be
	 * no block for the node of an extent that becomes two, those beside them become zeros too.
	 */
	const bool is_alone = ((iocb->ki_pos | iov_iter_count(from)) & (i_blocksize(inode) - 1)) || vexfs_is_nearly_full(inode->i_sb);
	/* Whoever has to do something with the bytes afterwards waits for them. */
	const bool waits = is_alone || iocb->ki_pos + iov_iter_count(from) > i_size_read(inode) || vexfs_has_index(inode);

	/* The sync that ends the write tells of stored rows, under i_rwsem: who holds it already syncs when he has let go. */
	if (!vexfs_is_aligned(iocb, from) || (iocb_is_dsync(iocb) && vexfs_has_index(inode)))
		return -ENOTBLK;
	if (is_alone && iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	if (is_alone)
		inode_dio_wait(inode);
	return iomap_dio_rw(iocb, from, &vexfs_direct_ops, is_alone ? &vexfs_lone_direct_write_ops : &vexfs_direct_write_ops,
			    waits ? IOMAP_DIO_FORCE_WAIT : 0, NULL, 0);
}

/* Only a write that neither takes blocks nor moves the end of the file nor changes rows of an index nor drops privileges lets others in beside it. */
static bool vexfs_is_overwrite(struct kiocb *iocb, const struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	const loff_t size = i_size_read(inode);
	const loff_t at = iocb->ki_pos;
	const size_t count = iov_iter_count(from);

	/* The log of changed rows is for one at a time. */
	return count && !vexfs_has_index(inode) && !(iocb->ki_flags & IOCB_APPEND) && at >= 0 && at < size && count <= size - at && IS_NOSEC(inode) &&
	       vexfs_is_aligned(iocb, from) &&
	       vexfs_content_is_written(inode, at >> inode->i_blkbits, vexfs_blocks_of(inode, at + count)) > 0;
}

ssize_t vexfs_overwrite_direct(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t done = -ENOTBLK;

	if (!(iocb->ki_flags & IOCB_NOWAIT))
		inode_lock_shared(inode);
	else if (!inode_trylock_shared(inode))
		return -EAGAIN;
	if (vexfs_is_overwrite(iocb, from)) {
		done = generic_write_checks(iocb, from);
		if (done > 0) {
			int error = IS_IMMUTABLE(inode) ? -EPERM : kiocb_modified(iocb);

			done = error ?: iomap_dio_rw(iocb, from, &vexfs_direct_ops, &vexfs_direct_write_ops, 0, NULL, 0);
		}
	}
	inode_unlock_shared(inode);
	return done;
}
