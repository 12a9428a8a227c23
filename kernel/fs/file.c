// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Regular files, read through the page cache or past it. */
#include <linux/iomap.h>
#include <linux/splice.h>
#include "vector_calls.h"
#include "vexfs_fs.h"

static ssize_t vexfs_read_direct(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t done;

	inode_lock_shared(inode);
	done = iomap_dio_rw(iocb, to, &vexfs_iomap_ops, NULL, 0, NULL, 0);
	inode_unlock_shared(inode);
	file_accessed(iocb->ki_filp);
	return done;
}

static ssize_t vexfs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	if (iov_iter_count(to) == 0)
		return 0;
	if (iocb->ki_flags & IOCB_DIRECT)
		return vexfs_read_direct(iocb, to);
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

const struct file_operations vexfs_file_operations = {
	.llseek = vexfs_llseek,
	.read_iter = vexfs_read_iter,
	.mmap = generic_file_readonly_mmap,
	.open = generic_file_open,
	.splice_read = vexfs_splice_read,
	.unlocked_ioctl = vexfs_ioctl,
};

const struct inode_operations vexfs_file_inode_operations = {
	.getattr = vexfs_getattr,
	.listxattr = vexfs_listxattr,
	.fiemap = vexfs_fiemap,
	.fileattr_get = vexfs_fileattr_get,
	VEXFS_GET_ACL = vexfs_get_acl,
};
