// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What all new inodes have in common, whatever their type and whether they get a name. */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/random.h>
#include <linux/security.h>
#include <linux/xattr.h>
#include "alloc.h"
#include "inode_write.h"
#include "new_inode.h"
#include "xattr_change.h"

static u32 vexfs_inherited_flags(const struct inode *dir, umode_t mode)
{
	u32 inherited = VEXFS_INODE_NODUMP | VEXFS_INODE_NOATIME;

	if (S_ISDIR(mode) || S_ISREG(mode))
		inherited |= VEXFS_INODE_SYNC;
	return vexfs_info(dir)->flags & inherited;
}

static void vexfs_empty_root(struct inode *inode)
{
	struct vexfs_extent_header *header = (void *)vexfs_info(inode)->root;

	header->magic = cpu_to_le16(VEXFS_EXTENT_MAGIC);
	header->capacity = cpu_to_le16(VEXFS_ROOT_EXTENTS);
	header->owner = cpu_to_le64(inode->i_ino);
}

int vexfs_new_inode_begin(VEXFS_IDMAP *idmap, struct inode *dir, umode_t mode, struct vexfs_new_inode *new)
{
	struct vexfs_inode_info *info;
	struct timespec64 now;
	int error;

	memset(new, 0, sizeof(*new));
	/* Where a name cannot be made the VFS has said so; an inode without a name is asked for all the same. */
	if (!dir->i_nlink)
		return -EPERM;
	new->inode = new_inode(dir->i_sb);
	if (!new->inode)
		return -ENOMEM;
	inode_init_owner(idmap, new->inode, dir, mode);
	error = posix_acl_create(dir, &new->inode->i_mode, &new->default_acl, &new->acl);
	if (error)
		return error;
	info = vexfs_info(new->inode);
	now = current_time(new->inode);
	vexfs_set_times(new->inode, now, now, now);
	info->btime = now;
	info->flags = vexfs_inherited_flags(dir, mode);
	info->parent = S_ISDIR(mode) ? dir->i_ino : 0;
	new->inode->i_generation = get_random_u32();
	return 0;
}

int vexfs_new_inode_credits(void)
{
	return VEXFS_TAKE_INODE_CREDITS + VEXFS_INODE_CREDITS + VEXFS_XATTR_CREDITS + VEXFS_ORPHAN_CREDITS +
	       VEXFS_GIVE_INODE_CREDITS;
}

static int vexfs_store_label(struct inode *inode, const struct xattr *labels, void *handle)
{
	const struct xattr *label;
	int error = 0;

	for (label = labels; label->name && !error; label++)
		error = vexfs_xattr_change(handle, inode, VEXFS_XATTR_SECURITY, label->name, label->value, label->value_len, 0);
	return error;
}

static int vexfs_store_attributes(handle_t *handle, struct inode *dir, const struct qstr *name, struct vexfs_new_inode *new)
{
	struct inode *inode = new->inode;
	int error = 0;

	if (new->acl)
		error = vexfs_store_acl(handle, inode, VEXFS_XATTR_ACL_ACCESS, new->acl);
	if (!error && new->default_acl)
		error = vexfs_store_acl(handle, inode, VEXFS_XATTR_ACL_DEFAULT, new->default_acl);
	if (!error)
		error = security_inode_init_security(inode, dir, name, vexfs_store_label, handle);
	if (error)
		return error == -EOPNOTSUPP ? 0 : error;
	cache_no_acl(inode);
	if (new->acl)
		set_cached_acl(inode, ACL_TYPE_ACCESS, new->acl);
	if (new->default_acl)
		set_cached_acl(inode, ACL_TYPE_DEFAULT, new->default_acl);
	return 0;
}

int vexfs_new_inode_store(handle_t *handle, struct inode *dir, const struct qstr *name, struct vexfs_new_inode *new)
{
	struct inode *inode = new->inode;
	const bool is_directory = S_ISDIR(inode->i_mode);
	const u32 group = is_directory ? vexfs_group_for_directory(dir->i_sb, dir->i_ino) :
					 (u32)(dir->i_ino - 1) / vexfs_volume(dir->i_sb)->geometry.inodes_per_group;
	u64 number;
	int error = vexfs_take_inode(handle, dir->i_sb, group, is_directory, &number);

	if (error)
		return error;
	inode->i_ino = number;
	if (insert_inode_locked(inode) < 0) {
		vexfs_give_inode(handle, dir->i_sb, number, is_directory);
		return vexfs_damage(dir->i_sb, "inode %llu is free and in use", number);
	}
	if (!is_directory)
		vexfs_empty_root(inode);
	vexfs_set_operations(inode, new_encode_dev(inode->i_rdev));
	vexfs_set_vfs_flags(inode);
	error = vexfs_store_attributes(handle, dir, name, new);
	if (error)
		vexfs_new_inode_abandon(handle, new);
	return error;
}

void vexfs_new_inode_abandon(handle_t *handle, struct vexfs_new_inode *new)
{
	int error;

	clear_nlink(new->inode);
	error = vexfs_write_inode(handle, new->inode);
	if (!error)
		error = vexfs_orphan_add(handle, new->inode);
	if (error)
		vexfs_abort(handle, error);
}

void vexfs_new_inode_end(struct vexfs_new_inode *new)
{
	posix_acl_release(new->acl);
	posix_acl_release(new->default_acl);
	if (!new->inode)
		return;
	if (vexfs_inode_state(new->inode) & I_NEW)
		discard_new_inode(new->inode);
	else
		iput(new->inode);
}
