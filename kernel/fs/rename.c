// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Renaming. What may fail for want of space or for damage comes first: the new name; then nothing but the journal itself can
 * fail, and ends.
 */
#include "alloc.h"
#include "inode_write.h"
#include "namei.h"

struct vexfs_move {
	struct inode *from_dir;
	struct inode *to_dir;
	const struct qstr *from;
	const struct qstr *to;
	struct inode *inode;
	/* What the new name leads to before; NULL for nothing. */
	struct inode *target;
};

static void vexfs_count_subdir(struct inode *dir, int change)
{
	if (change > 0)
		inc_nlink(dir);
	else
		drop_nlink(dir);
}

static int vexfs_write_dirs(handle_t *handle, const struct vexfs_move *move)
{
	int error;

	vexfs_touch_mtime_ctime(move->from_dir);
	vexfs_touch_mtime_ctime(move->to_dir);
	error = vexfs_write_inode(handle, move->from_dir);
	if (!error && move->to_dir != move->from_dir)
		error = vexfs_write_inode(handle, move->to_dir);
	return error;
}

/* An inode has got another name, perhaps in another directory. */
static int vexfs_write_moved(handle_t *handle, struct inode *inode, const struct inode *dir)
{
	if (S_ISDIR(inode->i_mode))
		vexfs_info(inode)->parent = dir->i_ino;
	vexfs_touch_ctime(inode);
	return vexfs_write_inode(handle, inode);
}

static int vexfs_finish_move(handle_t *handle, const struct vexfs_move *move)
{
	int error = vexfs_dir_remove(handle, move->from_dir, move->from);

	if (!error && S_ISDIR(move->inode->i_mode)) {
		vexfs_count_subdir(move->from_dir, -1);
		/* One that is replaced makes room for it. */
		if (!move->target)
			vexfs_count_subdir(move->to_dir, 1);
	}
	if (!error && move->target)
		error = vexfs_drop_link(handle, move->target);
	if (!error)
		error = vexfs_write_moved(handle, move->inode, move->to_dir);
	return error ?: vexfs_write_dirs(handle, move);
}

static int vexfs_move(handle_t *handle, const struct vexfs_move *move)
{
	int error;

	if (move->target)
		error = vexfs_dir_replace(handle, move->to_dir, move->to, move->inode->i_ino, move->inode->i_mode);
	else
		error = vexfs_dir_insert(handle, move->to_dir, move->to, move->inode->i_ino, move->inode->i_mode);
	if (error)
		return error;
	error = vexfs_finish_move(handle, move);
	return error ? vexfs_abort(handle, error) : 0;
}

static int vexfs_finish_exchange(handle_t *handle, const struct vexfs_move *move)
{
	const int change = S_ISDIR(move->target->i_mode) - S_ISDIR(move->inode->i_mode);
	int error = vexfs_dir_replace(handle, move->from_dir, move->from, move->target->i_ino, move->target->i_mode);

	if (change && move->from_dir != move->to_dir) {
		vexfs_count_subdir(move->from_dir, change);
		vexfs_count_subdir(move->to_dir, -change);
	}
	if (!error)
		error = vexfs_write_moved(handle, move->inode, move->to_dir);
	if (!error)
		error = vexfs_write_moved(handle, move->target, move->from_dir);
	return error ?: vexfs_write_dirs(handle, move);
}

static int vexfs_exchange_names(handle_t *handle, const struct vexfs_move *move)
{
	int error = vexfs_dir_replace(handle, move->to_dir, move->to, move->inode->i_ino, move->inode->i_mode);

	if (error)
		return error;
	error = vexfs_finish_exchange(handle, move);
	return error ? vexfs_abort(handle, error) : 0;
}

static int vexfs_try_rename(const struct vexfs_move *move, bool exchanges)
{
	handle_t *handle = vexfs_start(move->inode->i_sb, vexfs_dir_insert_credits(move->to_dir) +
						vexfs_dir_remove_credits(move->from_dir) +
						4 * VEXFS_INODE_CREDITS + VEXFS_ORPHAN_CREDITS);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	if (IS_DIRSYNC(move->from_dir) || IS_DIRSYNC(move->to_dir))
		handle->h_sync = 1;
	error = exchanges ? vexfs_exchange_names(handle, move) : vexfs_move(handle, move);
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

int vexfs_rename(VEXFS_IDMAP *idmap, struct inode *from_dir, struct dentry *from, struct inode *to_dir,
		 struct dentry *to, unsigned int flags)
{
	const struct vexfs_move move = {
		.from_dir = from_dir,
		.to_dir = to_dir,
		.from = &from->d_name,
		.to = &to->d_name,
		.inode = d_inode(from),
		.target = d_inode(to),
	};
	const bool exchanges = flags & RENAME_EXCHANGE;
	int attempts = 0, error;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (to->d_name.len > NAME_MAX)
		return -ENAMETOOLONG;
	if (!exchanges && move.target && S_ISDIR(move.target->i_mode) && !vexfs_is_empty_dir(move.target))
		return -ENOTEMPTY;
	do
		error = vexfs_try_rename(&move, exchanges);
	while (error == -ENOSPC && vexfs_retry_allocate(from_dir->i_sb, &attempts));
	return error;
}
