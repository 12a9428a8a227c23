/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Slots that rows have left are zeroed and take rows again; those at the end of the file are cut off. */
#ifndef VEXFS_RECYCLE_H
#define VEXFS_RECYCLE_H

#include <linux/fs.h>

struct vexfs_set;
struct vexfs_volume;

/* What can be done now. The caller holds i_rwsem and no handle. */
void vexfs_recycle(struct inode *inode, struct vexfs_set *set);
/* Sees to the rest when it is due. */
void vexfs_recycle_later(struct inode *inode, struct vexfs_set *set);

int vexfs_recycler_start(struct vexfs_volume *volume);
/* Before the volume goes. */
void vexfs_recycler_stop(struct vexfs_volume *volume);

#endif
