/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Ids that a call is given, in memory of ours. Waits for the caller's memory, so with nothing locked and outside of sections. */
#ifndef VEXFS_CALLER_IDS_H
#define VEXFS_CALLER_IDS_H

#include <linux/types.h>

struct inode;

/* A copy, for kvfree(). ERR_PTR of -EFAULT, -ENOMEM. */
u64 *vexfs_ids_copy(const void __user *from, u32 count);
/* 0, or -EINVAL when one of them is no id or stands there twice. -ENODATA, -ENOMEM and what else reading the set of a file may say. */
int vexfs_ids_check(struct inode *inode, const u64 *ids, u32 count);

#endif
