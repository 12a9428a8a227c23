// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Regular files: what can be done with a descriptor. */
#include <linux/fs.h>
#include <linux/splice.h>
#include "content.h"
#include "inode_write.h"
#include "row_changes.h"
#include "vector_calls.h"

static ssize_t vexfs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	if (iov_iter_count(to) == 0)
		return 0;
	if (iocb->ki_flags & IOCB_DIRECT && vexfs_is_aligned(iocb, to))
		return vexfs_read_direct(iocb, to);
	iocb->ki_flags &= ~IOCB_DIRECT;
	return generic_file_read_iter(iocb, to);
}

static loff_t vexfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file->f_mapping->host;

	switch (whence) {
	case SEEK_HOLE:
	case SEEK_DATA:
		inode_lock_shared(inode);
		offset = whence == SEEK_HOLE ? iomap_seek_hole(inode, offset, &vexfs_seek_ops) :
					       iomap_seek_data(inode, offset, &vexfs_seek_ops);
		inode_unlock_shared(inode);
		if (offset < 0)
			return offset;
		return vfs_setpos(file, offset, inode->i_sb->s_maxbytes);
	default:
		return generic_file_llseek(file, offset, whence);
	}
}

static int vexfs_fiemap(struct inode *inode, struct fiemap_extent_info *info, u64 start, u64 length)
{
	int error;

	inode_lock_shared(inode);
	error = iomap_fiemap(inode, info, start, length, &vexfs_iomap_ops);
	inode_unlock_shared(inode);
	return error;
}

static int vexfs_sync_file(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file_inode(file);
	loff_t from, to;
	const bool has_stores = vexfs_take_stores(inode, &from, &to);
	int error;

	if (has_stores) {
		start = min(start, from);
		end = max(end, to - 1);
	}
	error = file_write_and_wait_range(file, start, end);
	if (has_stores)
		vexfs_tell_stores(inode, from, to);
	return error ?: vexfs_commit_inode(inode, datasync);
}

/* The last close of a file that was mapped. */
static int vexfs_release_file(struct inode *inode, struct file *file)
{
	loff_t from, to;

	if (!(file->f_mode & FMODE_WRITE) || !vexfs_take_stores(inode, &from, &to))
		return 0;
	if (vexfs_has_index(inode)) {
		/* What this fails for, the next sync of the file answers. */
		filemap_write_and_wait_range(inode->i_mapping, from, to - 1);
		vexfs_tell_stores(inode, from, to);
	}
	return 0;
}

const struct file_operations vexfs_file_operations = {
	.llseek = vexfs_llseek,
	.read_iter = vexfs_read_iter,
	.write_iter = vexfs_write_iter,
	.mmap = vexfs_mmap,
	.open = generic_file_open,
	.fsync = vexfs_sync_file,
	.release = vexfs_release_file,
	.fallocate = vexfs_fallocate,
	.splice_read = vexfs_splice_read,
	.splice_write = iter_file_splice_write,
	.unlocked_ioctl = vexfs_ioctl,
};

const struct inode_operations vexfs_file_inode_operations = {
	.getattr = vexfs_getattr,
	.setattr = vexfs_setattr,
	.listxattr = vexfs_listxattr,
	.fiemap = vexfs_fiemap,
	.fileattr_get = vexfs_fileattr_get,
	.fileattr_set = vexfs_fileattr_set,
	VEXFS_GET_ACL = vexfs_get_acl,
	.set_acl = vexfs_set_acl,
};
