/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* jbd2, as a filesystem writes content before it commits. */
#ifndef VEXFS_COMPAT_JBD2_H
#define VEXFS_COMPAT_JBD2_H

#include <linux/jbd2.h>
#include <linux/version.h>

/* The bytes of content that the transaction waits for, first and last; false: none. */
static inline bool vexfs_ordered_range(const struct jbd2_inode *inode, loff_t *first, loff_t *last)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
	return jbd2_jinode_get_dirty_range(inode, first, last);
#else
	*first = inode->i_dirty_start;
	*last = inode->i_dirty_end;
	return true;
#endif
}

#endif
