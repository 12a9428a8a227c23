/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef VEXFS_SYSFS_H
#define VEXFS_SYSFS_H

#include <linux/fs.h>

/* /sys/fs/vexfs, as long as the module is loaded. */
int vexfs_sysfs_init(void);
void vexfs_sysfs_exit(void);

/* The folder of a mounted volume, which is complete when it comes to be seen. */
int vexfs_sysfs_add(struct super_block *sb);
/* Takes it away, and waits for those who read in it; nothing when it is not there. */
void vexfs_sysfs_remove(struct super_block *sb);

#endif
