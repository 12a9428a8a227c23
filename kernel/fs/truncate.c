// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include "content_blocks.h"
#include "file_size.h"
#include "inode_write.h"

/* Many transactions, if it has to be: a crash between them leaves the rest to the orphan list. */
static int vexfs_try_truncate(struct inode *inode)
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

/* Want of memory passes: the length has changed already. */
int vexfs_truncate(struct inode *inode)
{
	int error = vexfs_try_truncate(inode);

	while (error == -ENOMEM && !fatal_signal_pending(current)) {
		memalloc_retry_wait(GFP_NOFS);
		error = vexfs_try_truncate(inode);
	}
	return error;
}
