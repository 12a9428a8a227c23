// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/fs.h>
#include <linux/posix_acl_xattr.h>
#include <linux/slab.h>
#include "vexfs_fs.h"

struct posix_acl *vexfs_get_acl(struct inode *inode, int type, bool rcu)
{
	const u8 name_space = type == ACL_TYPE_ACCESS ? VEXFS_XATTR_ACL_ACCESS : VEXFS_XATTR_ACL_DEFAULT;
	struct posix_acl *acl = NULL;
	void *value = NULL;
	ssize_t bytes;

	if (rcu)
		return ERR_PTR(-ECHILD);
	bytes = vexfs_xattr_get(inode, name_space, "", NULL, 0);
	if (bytes > 0) {
		value = kmalloc(bytes, GFP_KERNEL);
		if (!value)
			return ERR_PTR(-ENOMEM);
		bytes = vexfs_xattr_get(inode, name_space, "", value, bytes);
	}
	if (bytes > 0)
		acl = posix_acl_from_xattr(&init_user_ns, value, bytes);
	else if (bytes < 0 && bytes != -ENODATA)
		acl = ERR_PTR(bytes);
	kfree(value);
	return acl;
}
