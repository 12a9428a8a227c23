/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef VEXFS_TRIM_H
#define VEXFS_TRIM_H

struct file;
struct fstrim_range;

/* FITRIM. */
int vexfs_ioctl_trim(struct file *file, struct fstrim_range __user *argument);

#endif
