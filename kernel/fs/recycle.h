/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Slots that rows have left are zeroed and take rows again; those at the end of the file are cut off, and when there are many others rows move into them. */
#ifndef VEXFS_RECYCLE_H
#define VEXFS_RECYCLE_H

#include <linux/fs.h>

struct vexfs_set;
struct vexfs_volume;

/* What can be done now. The caller holds i_rwsem and no handle. */
void vexfs_recycle(struct inode *inode, struct vexfs_set *set);
/* Sees to the rest when it is due, and to the space of slots that stay free. */
void vexfs_recycle_later(struct inode *inode, struct vexfs_set *set);
/*
 * The next step of that, and waits until what it has freed can be used. 1: there is another, when the index has taken every change; 0: there is none, or none is
 * possible on a volume that is frozen or read-only. -EINTR, -EIO.
 */
int vexfs_recycle_settle(struct inode *inode);

int vexfs_recycler_start(struct vexfs_volume *volume);
/* Before the volume goes. */
void vexfs_recycler_stop(struct vexfs_volume *volume);

#endif
