// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/slab.h>
#include "vexfs_fs.h"

/* Copies the target of a symlink that is too long for its inode. */
static int vexfs_read_target(struct inode *inode, char *target, u32 length)
{
	const struct vexfs_tree tree = { .sb = inode->i_sb, .owner = inode->i_ino, .root = vexfs_info(inode)->root };
	const u32 size = i_blocksize(inode);
	u32 done;

	for (done = 0; done < length; done += size) {
		struct buffer_head *bh;
		struct vexfs_run run;
		int error = vexfs_find_run(&tree, done / size, 1, &run);

		if (error)
			return error;
		if (run.physical == 0 || run.unwritten)
			return vexfs_damage(inode->i_sb, "the target of symlink %lu has a hole", inode->i_ino);
		bh = vexfs_read_block(inode->i_sb, run.physical);
		if (IS_ERR(bh))
			return PTR_ERR(bh);
		memcpy(target + done, bh->b_data, min(size, length - done));
		brelse(bh);
	}
	return 0;
}

static const char *vexfs_get_link(struct dentry *dentry, struct inode *inode, struct delayed_call *done)
{
	const u32 length = i_size_read(inode);
	char *target;
	int error;

	if (!dentry)
		return ERR_PTR(-ECHILD);
	target = kzalloc(length + 1, GFP_KERNEL);
	if (!target)
		return ERR_PTR(-ENOMEM);
	if (length <= sizeof_field(struct vexfs_inode, root)) {
		memcpy(target, vexfs_info(inode)->root, length);
	} else {
		error = vexfs_read_target(inode, target, length);
		if (error) {
			kfree(target);
			return ERR_PTR(error);
		}
	}
	if (strlen(target) != length) {
		kfree(target);
		return ERR_PTR(vexfs_damage(inode->i_sb, "the target of symlink %lu", inode->i_ino));
	}
	set_delayed_call(done, kfree_link, target);
	return target;
}

const struct inode_operations vexfs_symlink_inode_operations = {
	.get_link = vexfs_get_link,
	.getattr = vexfs_getattr,
	.listxattr = vexfs_listxattr,
};
