// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/fs.h>
#include <linux/posix_acl_xattr.h>
#include <linux/slab.h>
#include "alloc.h"
#include "inode_write.h"
#include "vexfs_fs.h"
#include "xattr_change.h"

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

int vexfs_store_acl(handle_t *handle, struct inode *inode, u8 name_space, const struct posix_acl *acl)
{
	void *value = NULL;
	size_t size = 0;
	int error;

	if (acl) {
		value = vexfs_acl_bytes(acl, &size, GFP_NOFS);
		if (IS_ERR(value))
			return PTR_ERR(value);
	}
	error = vexfs_xattr_change(handle, inode, name_space, "", value, size, 0);
	kfree(value);
	/* Who takes away what is not there has what he wants. */
	return error == -ENODATA ? 1 : error;
}

static int vexfs_try_set_acl(struct inode *inode, struct posix_acl *acl, int type, umode_t mode)
{
	const u8 name_space = type == ACL_TYPE_ACCESS ? VEXFS_XATTR_ACL_ACCESS : VEXFS_XATTR_ACL_DEFAULT;
	handle_t *handle = vexfs_start(inode->i_sb, VEXFS_XATTR_CREDITS + VEXFS_INODE_CREDITS);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_store_acl(handle, inode, name_space, acl);
	if (error == 0 || (error > 0 && mode != inode->i_mode)) {
		inode->i_mode = mode;
		vexfs_touch_ctime(inode);
		error = vexfs_write_inode(handle, inode);
		if (error)
			vexfs_abort(handle, error);
	}
	if (error >= 0)
		set_cached_acl(inode, type, acl);
	stopped = vexfs_stop(handle);
	return error > 0 ? stopped : error ?: stopped;
}

/* An access list that says no more than the mode becomes the mode. */
int vexfs_set_acl(VEXFS_IDMAP *idmap, VEXFS_ACL_OBJECT *object, struct posix_acl *acl, int type)
{
	struct inode *inode = vexfs_acl_inode(object);
	umode_t mode = inode->i_mode;
	int attempts = 0, error = 0;

	if (type == ACL_TYPE_DEFAULT && !S_ISDIR(inode->i_mode))
		return acl ? -EACCES : 0;
	if (type == ACL_TYPE_ACCESS && acl)
		error = posix_acl_update_mode(idmap, inode, &mode, &acl);
	if (error)
		return error;
	do
		error = vexfs_try_set_acl(inode, acl, type, mode);
	/* A list that does not fit beside other attributes does not after a commit either. */
	while (error == -ENOSPC && !vexfs_info(inode)->xattr_block && vexfs_retry_allocate(inode->i_sb, &attempts));
	return error;
}
