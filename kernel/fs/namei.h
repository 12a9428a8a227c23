/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef VEXFS_NAMEI_H
#define VEXFS_NAMEI_H

#include "dir_tree.h"

/* namei.c: a failure has ended the journal. */
int vexfs_drop_link(handle_t *handle, struct inode *inode);
/* rename.c */
int vexfs_rename(VEXFS_IDMAP *idmap, struct inode *from_dir, struct dentry *from, struct inode *to_dir,
		 struct dentry *to, unsigned int flags);

/* symlink.c: the target of a new symlink, in the inode or in blocks, which are on the volume when this returns. */
int vexfs_target_credits(const struct super_block *sb, u32 length);
int vexfs_write_target(handle_t *handle, struct inode *inode, const char *target, u32 length);

static inline bool vexfs_is_empty_dir(const struct inode *dir)
{
	return vexfs_dir_root(dir)->block == 0;
}

#endif
