// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/slab.h>
#include "alloc.h"
#include "namei.h"
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
			return vexfs_damage(inode->i_sb, "the target of symlink %llu has a hole", vexfs_ino(inode));
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
		return ERR_PTR(vexfs_damage(inode->i_sb, "the target of symlink %llu", vexfs_ino(inode)));
	}
	set_delayed_call(done, kfree_link, target);
	return target;
}

int vexfs_target_credits(const struct super_block *sb, u32 length)
{
	if (length <= sizeof_field(struct vexfs_inode, root))
		return 0;
	return VEXFS_ROOT_EXTENTS * VEXFS_ALLOCATE_CREDITS;
}

/* Targets are content: on the volume before the transaction that leads to them, and not in the journal. */
static int vexfs_store_block(struct super_block *sb, u64 block, const char *from, u32 bytes)
{
	struct buffer_head *bh = sb_getblk(sb, block);
	int error;

	if (!bh)
		return -ENOMEM;
	lock_buffer(bh);
	memcpy(bh->b_data, from, bytes);
	memset(bh->b_data + bytes, 0, bh->b_size - bytes);
	set_buffer_uptodate(bh);
	unlock_buffer(bh);
	mark_buffer_dirty(bh);
	error = sync_dirty_buffer(bh);
	brelse(bh);
	return error;
}

/* A run of blocks for the target from `done` on, as the next extent of the root. */
static int vexfs_add_run(handle_t *handle, struct inode *inode, const char *target, u32 length, u32 *done)
{
	struct vexfs_extent_header *header = (void *)vexfs_info(inode)->root;
	struct vexfs_extent *extent = (struct vexfs_extent *)(header + 1) + le16_to_cpu(header->count);
	const u32 size = i_blocksize(inode);
	u64 start, count, i;
	int error;

	if (le16_to_cpu(header->count) == VEXFS_ROOT_EXTENTS)
		return -ENOSPC;
	error = vexfs_allocate(handle, inode->i_sb, vexfs_goal(inode->i_sb, inode->i_ino),
			       DIV_ROUND_UP(length - *done, size), &start, &count);
	if (error)
		return error;
	extent->logical = cpu_to_le64(*done / size);
	extent->physical = cpu_to_le64(start);
	extent->length = cpu_to_le32(count);
	le16_add_cpu(&header->count, 1);
	inode_add_bytes(inode, count << inode->i_blkbits);
	for (i = 0; i < count && !error; i++, *done += min(size, length - *done))
		error = vexfs_store_block(inode->i_sb, start + i, target + *done, min(size, length - *done));
	return error;
}

int vexfs_write_target(handle_t *handle, struct inode *inode, const char *target, u32 length)
{
	u32 done = 0;
	int error = 0;

	i_size_write(inode, length);
	vexfs_info(inode)->disk_size = length;
	if (length <= sizeof_field(struct vexfs_inode, root)) {
		memset(vexfs_info(inode)->root, 0, sizeof(vexfs_info(inode)->root));
		memcpy(vexfs_info(inode)->root, target, length);
		return 0;
	}
	while (done < length && !error)
		error = vexfs_add_run(handle, inode, target, length, &done);
	return error;
}

const struct inode_operations vexfs_symlink_inode_operations = {
	.get_link = vexfs_get_link,
	.getattr = vexfs_getattr,
	.setattr = vexfs_setattr,
	.listxattr = vexfs_listxattr,
};
