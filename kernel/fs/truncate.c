// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "content_blocks.h"
#include "file_size.h"
#include "inode_write.h"

/* Many transactions, if it has to be: a crash between them leaves the rest to the orphan list. */
int vexfs_truncate(struct inode *inode)
{
	handle_t *handle;
	int error = vexfs_content_remove(inode, vexfs_blocks_of(inode, vexfs_info(inode)->disk_size), VEXFS_NO_BLOCK);
	int stopped;

	if (error || inode->i_nlink == 0)
		return error;
	handle = vexfs_start(inode->i_sb, VEXFS_ORPHAN_CREDITS);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_orphan_remove(handle, inode);
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}
