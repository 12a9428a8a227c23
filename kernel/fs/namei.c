// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Making and removing names. The VFS holds i_rwsem of the directories and has checked permissions and types. */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include "alloc.h"
#include "dir_tree.h"
#include "inode_write.h"
#include "namei.h"
#include "new_inode.h"
#include "xattr_change.h"

static void vexfs_sync_names(handle_t *handle, const struct inode *dir)
{
	if (IS_DIRSYNC(dir))
		handle->h_sync = 1;
}

/* What a failure between changes of one operation comes to: the journal ends. */
static int vexfs_must(handle_t *handle, int error)
{
	return error ? vexfs_abort(handle, error) : 0;
}

static int vexfs_write_changed_dir(handle_t *handle, struct inode *dir)
{
	vexfs_touch_mtime_ctime(dir);
	return vexfs_must(handle, vexfs_write_inode(handle, dir));
}

/* Enters a new inode into its directory. After an error the inode is as it was. */
static int vexfs_enter(handle_t *handle, struct inode *dir, struct dentry *dentry, struct inode *inode)
{
	int error = vexfs_dir_insert(handle, dir, &dentry->d_name, inode->i_ino, inode->i_mode);

	if (error)
		return error;
	if (S_ISDIR(inode->i_mode)) {
		set_nlink(inode, 2);
		inc_nlink(dir);
	}
	error = vexfs_must(handle, vexfs_write_inode(handle, inode));
	return error ?: vexfs_write_changed_dir(handle, dir);
}

struct vexfs_wanted {
	umode_t mode;
	dev_t rdev;
	/* Of a symlink. */
	const char *target;
	u32 length;
};

static int vexfs_try_make(VEXFS_IDMAP *idmap, struct inode *dir, struct dentry *dentry, const struct vexfs_wanted *wanted)
{
	struct vexfs_new_inode new;
	handle_t *handle;
	int error, stopped;

	error = vexfs_new_inode_begin(idmap, dir, wanted->mode, &new);
	if (error)
		goto done;
	new.inode->i_rdev = wanted->rdev;
	handle = vexfs_start(dir->i_sb, vexfs_new_inode_credits() + vexfs_dir_insert_credits(dir) +
					 VEXFS_INODE_CREDITS + vexfs_target_credits(dir->i_sb, wanted->length));
	if (IS_ERR(handle)) {
		error = PTR_ERR(handle);
		goto done;
	}
	error = vexfs_new_inode_store(handle, dir, &dentry->d_name, &new);
	if (!error) {
		if (wanted->target)
			error = vexfs_write_target(handle, new.inode, wanted->target, wanted->length);
		if (!error)
			error = vexfs_enter(handle, dir, dentry, new.inode);
		if (error)
			vexfs_new_inode_abandon(handle, &new);
		vexfs_sync_names(handle, dir);
	}
	stopped = vexfs_stop(handle);
	if (!error && !stopped) {
		d_instantiate_new(dentry, new.inode);
		new.inode = NULL;
	}
	error = error ?: stopped;
done:
	vexfs_new_inode_end(&new);
	return error;
}

static int vexfs_make(VEXFS_IDMAP *idmap, struct inode *dir, struct dentry *dentry, const struct vexfs_wanted *wanted)
{
	int attempts = 0, error;

	if (dentry->d_name.len > NAME_MAX)
		return -ENAMETOOLONG;
	do
		error = vexfs_try_make(idmap, dir, dentry, wanted);
	while (error == -ENOSPC && vexfs_retry_allocate(dir->i_sb, &attempts));
	return error;
}

static int vexfs_create(VEXFS_IDMAP *idmap, struct inode *dir, struct dentry *dentry, umode_t mode, bool exclusive)
{
	return vexfs_make(idmap, dir, dentry, &(struct vexfs_wanted){ .mode = mode });
}

static VEXFS_MKDIR_RESULT vexfs_mkdir(VEXFS_IDMAP *idmap, struct inode *dir, struct dentry *dentry, umode_t mode)
{
	return vexfs_mkdir_result(vexfs_make(idmap, dir, dentry, &(struct vexfs_wanted){ .mode = S_IFDIR | mode }));
}

static int vexfs_mknod(VEXFS_IDMAP *idmap, struct inode *dir, struct dentry *dentry, umode_t mode, dev_t rdev)
{
	return vexfs_make(idmap, dir, dentry, &(struct vexfs_wanted){ .mode = mode, .rdev = rdev });
}

static int vexfs_symlink(VEXFS_IDMAP *idmap, struct inode *dir, struct dentry *dentry, const char *target)
{
	const size_t length = strlen(target);

	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	return vexfs_make(idmap, dir, dentry,
			  &(struct vexfs_wanted){ .mode = S_IFLNK | 0777, .target = target, .length = length });
}

/* A regular file without a name, which a crash deletes. */
static int vexfs_try_tmpfile(VEXFS_IDMAP *idmap, struct inode *dir, struct file *file, umode_t mode)
{
	struct vexfs_new_inode new;
	handle_t *handle;
	int error, stopped;

	error = vexfs_new_inode_begin(idmap, dir, mode, &new);
	if (error)
		goto done;
	handle = vexfs_start(dir->i_sb, vexfs_new_inode_credits());
	if (IS_ERR(handle)) {
		error = PTR_ERR(handle);
		goto done;
	}
	error = vexfs_new_inode_store(handle, dir, &file->f_path.dentry->d_name, &new);
	if (!error) {
		/* It takes away the link, and writes the inode. */
		d_tmpfile(file, new.inode);
		error = vexfs_must(handle, vexfs_orphan_add(handle, new.inode));
		unlock_new_inode(new.inode);
		new.inode = NULL;
	}
	stopped = vexfs_stop(handle);
	error = error ?: stopped;
done:
	vexfs_new_inode_end(&new);
	return error;
}

static int vexfs_tmpfile(VEXFS_IDMAP *idmap, struct inode *dir, struct file *file, umode_t mode)
{
	int attempts = 0, error;

	do
		error = vexfs_try_tmpfile(idmap, dir, file, mode);
	while (error == -ENOSPC && vexfs_retry_allocate(dir->i_sb, &attempts));
	return finish_open_simple(file, error);
}

static int vexfs_try_link(struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	handle_t *handle = vexfs_start(dir->i_sb, vexfs_dir_insert_credits(dir) + 2 * VEXFS_INODE_CREDITS + VEXFS_ORPHAN_CREDITS);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_dir_insert(handle, dir, &dentry->d_name, inode->i_ino, inode->i_mode);
	if (!error) {
		/* A file of O_TMPFILE gets its first name. */
		if (inode->i_nlink == 0)
			error = vexfs_must(handle, vexfs_orphan_remove(handle, inode));
		inc_nlink(inode);
		vexfs_touch_ctime(inode);
		error = error ?: vexfs_must(handle, vexfs_write_inode(handle, inode));
		error = error ?: vexfs_write_changed_dir(handle, dir);
		vexfs_sync_names(handle, dir);
	}
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

static int vexfs_link(struct dentry *from, struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(from);
	int attempts = 0, error;

	if (dentry->d_name.len > NAME_MAX)
		return -ENAMETOOLONG;
	do
		error = vexfs_try_link(inode, dir, dentry);
	while (error == -ENOSPC && vexfs_retry_allocate(dir->i_sb, &attempts));
	if (error)
		return error;
	ihold(inode);
	d_instantiate(dentry, inode);
	return 0;
}

/* A link less; with the last one the inode is on the orphan list until nobody has it open. */
int vexfs_drop_link(handle_t *handle, struct inode *inode)
{
	int error = 0;

	if (S_ISDIR(inode->i_mode) || inode->i_nlink == 0)
		clear_nlink(inode);
	else
		drop_nlink(inode);
	vexfs_touch_ctime(inode);
	if (inode->i_nlink == 0)
		error = vexfs_orphan_add(handle, inode);
	return vexfs_must(handle, error ?: vexfs_write_inode(handle, inode));
}

static int vexfs_remove_name(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);
	handle_t *handle = vexfs_start(dir->i_sb, vexfs_dir_remove_credits(dir) + 2 * VEXFS_INODE_CREDITS + VEXFS_ORPHAN_CREDITS);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_dir_remove(handle, dir, &dentry->d_name);
	if (!error) {
		if (S_ISDIR(inode->i_mode))
			drop_nlink(dir);
		error = vexfs_drop_link(handle, inode);
		error = error ?: vexfs_write_changed_dir(handle, dir);
		vexfs_sync_names(handle, dir);
	}
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

static int vexfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	return vexfs_is_empty_dir(d_inode(dentry)) ? vexfs_remove_name(dir, dentry) : -ENOTEMPTY;
}

const struct inode_operations vexfs_directory_inode_operations = {
	.lookup = vexfs_lookup,
	.create = vexfs_create,
	.link = vexfs_link,
	.unlink = vexfs_remove_name,
	.symlink = vexfs_symlink,
	.mkdir = vexfs_mkdir,
	.rmdir = vexfs_rmdir,
	.mknod = vexfs_mknod,
	.rename = vexfs_rename,
	.tmpfile = vexfs_tmpfile,
	.getattr = vexfs_getattr,
	.setattr = vexfs_setattr,
	.listxattr = vexfs_listxattr,
	.fileattr_get = vexfs_fileattr_get,
	.fileattr_set = vexfs_fileattr_set,
	VEXFS_GET_ACL = vexfs_get_acl,
	.set_acl = vexfs_set_acl,
};
