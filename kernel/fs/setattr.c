// SPDX-License-Identifier: GPL-2.0 OR MIT
/* chmod(2), chown(2), utimensat(2), and the flags of chattr(1). Lengths are the matter of vexfs_resize(). */
#include <linux/fs.h>
#include <linux/fileattr.h>
#include <linux/posix_acl.h>
#include "file_size.h"
#include "inode_write.h"
#include "vexfs_fs.h"
#include "xattr_change.h"

static int vexfs_set_attributes(VEXFS_IDMAP *idmap, struct dentry *dentry, struct iattr *wanted)
{
	struct inode *inode = d_inode(dentry);
	const int credits = VEXFS_XATTR_CREDITS + 2 * VEXFS_INODE_CREDITS;
	/* The length has changed already. */
	handle_t *handle = wanted->ia_valid & ATTR_SIZE ? vexfs_start_surely(inode->i_sb, credits) :
							  vexfs_start(inode->i_sb, credits);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	setattr_copy(idmap, inode, wanted);
	error = vexfs_write_inode(handle, inode);
	if (error)
		vexfs_abort(handle, error);
	/* The access list says the same as the mode, so they change together. */
	if (!error && wanted->ia_valid & ATTR_MODE)
		error = vexfs_acl_chmod(idmap, dentry, inode->i_mode);
	if (IS_SYNC(inode))
		handle->h_sync = 1;
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

int vexfs_setattr(VEXFS_IDMAP *idmap, struct dentry *dentry, struct iattr *wanted)
{
	/* The VFS lets a chown that names nobody through, which strips privileges. */
	int error = IS_IMMUTABLE(d_inode(dentry)) ? -EPERM : setattr_prepare(idmap, dentry, wanted);

	if (!error && wanted->ia_valid & ATTR_SIZE) {
		error = vexfs_resize(d_inode(dentry), wanted->ia_size);
		/* A length that the file has already counts as a change, whichever call sets it. */
		wanted->ia_valid |= ATTR_MTIME | ATTR_CTIME;
	}
	return error ?: vexfs_set_attributes(idmap, dentry, wanted);
}

static int vexfs_store_flags(struct inode *inode, u32 flags)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	handle_t *handle = vexfs_start(inode->i_sb, VEXFS_INODE_CREDITS);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	info->flags = (info->flags & ~VEXFS_SHOWN_FLAGS) | flags;
	vexfs_set_vfs_flags(inode);
	vexfs_touch_ctime(inode);
	error = vexfs_write_inode(handle, inode);
	if (error)
		vexfs_abort(handle, error);
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

/* The VFS has checked who may set which. */
int vexfs_fileattr_set(VEXFS_IDMAP *idmap, struct dentry *dentry, VEXFS_FILEATTR *wanted)
{
	const struct vexfs_inode_info *info = vexfs_info(d_inode(dentry));
	const u32 known = FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND | FS_XFLAG_SYNC | FS_XFLAG_NOATIME | FS_XFLAG_NODUMP;

	if (wanted->flags & ~VEXFS_SHOWN_FLAGS)
		return -EOPNOTSUPP;
	if (wanted->fsx_valid && (wanted->fsx_xflags & ~known || wanted->fsx_extsize || wanted->fsx_projid ||
				  wanted->fsx_cowextsize))
		return -EOPNOTSUPP;
	/* What stays immutable gets no other flags either. */
	if (wanted->flags & info->flags & VEXFS_INODE_IMMUTABLE && wanted->flags != (info->flags & VEXFS_SHOWN_FLAGS))
		return -EPERM;
	return vexfs_store_flags(d_inode(dentry), wanted->flags);
}
