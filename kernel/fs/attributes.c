// SPDX-License-Identifier: GPL-2.0 OR MIT
/* stat(2), and the flags of chattr(1). */
#include <linux/fs.h>
#include <linux/fileattr.h>
#include <linux/sched/signal.h>
#include <linux/stat.h>
#include "content_blocks.h"
#include "vector_set.h"
#include "vexfs_fs.h"

int vexfs_getattr(VEXFS_IDMAP *idmap, const struct path *path, struct kstat *stat, u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	const struct vexfs_inode_info *info = vexfs_info(inode);

	vexfs_fillattr(idmap, mask, inode, stat);
	stat->blksize = max_t(u32, 4096, i_blocksize(inode));
	stat->blocks += vexfs_hidden_blocks(inode) << (inode->i_blkbits - SECTOR_SHIFT);
	if (mask & STATX_BTIME) {
		stat->btime = info->btime;
		stat->result_mask |= STATX_BTIME;
	}
	if (info->flags & VEXFS_INODE_IMMUTABLE)
		stat->attributes |= STATX_ATTR_IMMUTABLE;
	if (info->flags & VEXFS_INODE_APPEND)
		stat->attributes |= STATX_ATTR_APPEND;
	if (info->flags & VEXFS_INODE_NODUMP)
		stat->attributes |= STATX_ATTR_NODUMP;
	stat->attributes_mask |= STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
	return 0;
}

/* Runs of blocks that a file has; 0 when its tree cannot be read. */
static u32 vexfs_count_extents(struct inode *inode)
{
	const u64 end = VEXFS_MAX_FILE_BYTES >> inode->i_blkbits;
	u64 logical = 0, version;
	struct vexfs_run run;
	u32 count = 0;

	while (logical < end && !fatal_signal_pending(current)) {
		if (vexfs_content_find(inode, logical, end - logical, &run, &version))
			return 0;
		count += run.physical != 0;
		logical += run.length;
	}
	return count;
}

int vexfs_fileattr_get(struct dentry *dentry, VEXFS_FILEATTR *attributes)
{
	struct inode *inode = d_inode(dentry);
	/* FS_IOC_FSGETXATTR tells of extents too; who asks for flags alone does not wait for it. */
	const bool counts = S_ISREG(inode->i_mode) && attributes->fsx_valid;

	fileattr_fill_flags(attributes, vexfs_info(inode)->flags & VEXFS_SHOWN_FLAGS);
	if (counts)
		attributes->fsx_nextents = vexfs_count_extents(inode);
	return 0;
}

const struct inode_operations vexfs_special_inode_operations = {
	.getattr = vexfs_getattr,
	.setattr = vexfs_setattr,
	.listxattr = vexfs_listxattr,
	VEXFS_GET_ACL = vexfs_get_acl,
	.set_acl = vexfs_set_acl,
};
