// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/random.h>
#include <linux/sched/mm.h>
#include "alloc.h"
#include "hidden.h"
#include "inode_write.h"

int vexfs_hidden_read(struct inode *owner, u64 number, struct vexfs_hidden *hidden)
{
	hidden->sb = owner->i_sb;
	hidden->number = number;
	return vexfs_read_hidden(owner->i_sb, number, owner, &hidden->inode);
}

static void vexfs_stamp(__le64 *seconds, __le32 *nanoseconds, struct timespec64 time)
{
	*seconds = cpu_to_le64(time.tv_sec);
	*nanoseconds = cpu_to_le32(time.tv_nsec);
}

static void vexfs_hidden_init(struct vexfs_hidden *hidden, const struct inode *owner)
{
	struct vexfs_inode *inode = &hidden->inode;
	struct vexfs_extent_header *root = (void *)inode->root;
	const struct timespec64 now = current_time((struct inode *)owner);

	memset(inode, 0, sizeof(*inode));
	inode->mode = cpu_to_le16(S_IFREG);
	inode->links = cpu_to_le32(1);
	inode->flags = cpu_to_le32(VEXFS_INODE_HIDDEN);
	inode->generation = cpu_to_le32(get_random_u32());
	inode->parent = cpu_to_le64(owner->i_ino);
	inode->owner_generation = cpu_to_le32(owner->i_generation);
	vexfs_stamp(&inode->atime, &inode->atime_nsec, now);
	vexfs_stamp(&inode->mtime, &inode->mtime_nsec, now);
	vexfs_stamp(&inode->ctime, &inode->ctime_nsec, now);
	vexfs_stamp(&inode->btime, &inode->btime_nsec, now);
	root->magic = cpu_to_le16(VEXFS_EXTENT_MAGIC);
	root->capacity = cpu_to_le16(VEXFS_ROOT_EXTENTS);
	root->owner = cpu_to_le64(hidden->number);
}

int vexfs_hidden_create(handle_t *handle, struct inode *owner, struct vexfs_hidden *hidden)
{
	const u32 group = (u32)(owner->i_ino - 1) / vexfs_volume(owner->i_sb)->geometry.inodes_per_group;
	int error;

	hidden->sb = owner->i_sb;
	error = vexfs_take_inode(handle, owner->i_sb, group, false, &hidden->number);
	if (!error)
		vexfs_hidden_init(hidden, owner);
	return error;
}

int vexfs_hidden_write(handle_t *handle, struct vexfs_hidden *hidden)
{
	struct vexfs_volume *volume = vexfs_volume(hidden->sb);
	struct buffer_head *bh;
	u32 offset;
	int error;

	bh = sb_bread(hidden->sb, vexfs_table_place(&volume->geometry, hidden->number, &offset));
	if (!bh)
		return -EIO;
	error = vexfs_change(handle, bh);
	if (!error) {
		hidden->inode.checksum = cpu_to_le32(vexfs_inode_sum(volume, hidden->number, &hidden->inode));
		spin_lock(&volume->table_lock);
		memcpy(bh->b_data + offset, &hidden->inode, sizeof(hidden->inode));
		spin_unlock(&volume->table_lock);
		error = vexfs_changed(handle, bh);
	}
	brelse(bh);
	return error;
}

struct inode *vexfs_hidden_disown(handle_t *handle, struct vexfs_hidden *hidden)
{
	struct inode *inode;
	int error;

	hidden->inode.flags = 0;
	hidden->inode.parent = 0;
	hidden->inode.owner_generation = 0;
	hidden->inode.links = 0;
	hidden->inode.size = 0;
	error = vexfs_hidden_write(handle, hidden);
	if (error)
		return ERR_PTR(error);
	inode = vexfs_iget(hidden->sb, hidden->number);
	/* The record says already that nobody owns it: there is no way back, and want of memory passes. */
	while (inode == ERR_PTR(-ENOMEM)) {
		memalloc_retry_wait(GFP_NOFS);
		inode = vexfs_iget(hidden->sb, hidden->number);
	}
	if (IS_ERR(inode))
		return inode;
	error = vexfs_orphan_add(handle, inode);
	if (!error)
		return inode;
	iput(inode);
	return ERR_PTR(error);
}

struct vexfs_tree vexfs_hidden_tree(struct vexfs_hidden *hidden)
{
	return (struct vexfs_tree){ .sb = hidden->sb, .owner = hidden->number, .root = hidden->inode.root };
}

void vexfs_hidden_count(struct vexfs_hidden *hidden, const struct vexfs_tree *tree)
{
	le64_add_cpu(&hidden->inode.blocks, tree->taken);
}
