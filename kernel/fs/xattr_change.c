// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Setting and removing extended attributes. What an error reports was found out before anything was changed. */
#include <linux/math.h>
#include <linux/xattr.h>
#include "alloc.h"
#include "inode_write.h"
#include "xattr_change.h"

static u32 vexfs_used(const struct buffer_head *bh)
{
	return le32_to_cpu(((const struct vexfs_xattr_header *)bh->b_data)->used);
}

static int vexfs_seal_attributes(handle_t *handle, struct inode *inode, struct buffer_head *bh)
{
	return vexfs_changed_summed(handle, inode->i_sb, bh, VEXFS_SUMMED_ATTRIBUTES);
}

static struct buffer_head *vexfs_new_attributes(handle_t *handle, struct inode *inode)
{
	struct vexfs_xattr_header *header;
	struct buffer_head *bh;
	u64 block, count;
	int error = vexfs_allocate(handle, inode->i_sb, vexfs_goal(inode->i_sb, inode->i_ino), 1, &block, &count);

	if (error)
		return ERR_PTR(error);
	bh = sb_getblk(inode->i_sb, block);
	error = bh ? vexfs_change_new(handle, bh) : -ENOMEM;
	if (error) {
		brelse(bh);
		if (vexfs_free(handle, inode->i_sb, block, 1))
			vexfs_abort(handle, error);
		return ERR_PTR(error);
	}
	header = (struct vexfs_xattr_header *)bh->b_data;
	header->magic = cpu_to_le32(VEXFS_XATTR_MAGIC);
	header->used = cpu_to_le32(sizeof(*header));
	header->owner = cpu_to_le64(inode->i_ino);
	vexfs_info(inode)->xattr_block = block;
	vexfs_count_blocks(inode, 1);
	return bh;
}

static int vexfs_free_block(handle_t *handle, struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	int error = vexfs_free(handle, inode->i_sb, info->xattr_block, 1);

	if (error)
		return error;
	error = vexfs_revoke(handle, inode->i_sb, info->xattr_block);
	info->xattr_block = 0;
	vexfs_count_blocks(inode, -1);
	return error;
}

static void vexfs_cut_entry(struct buffer_head *bh, const struct vexfs_xattr_entry *entry)
{
	struct vexfs_xattr_header *header = (struct vexfs_xattr_header *)bh->b_data;
	const u32 at = (const char *)entry - bh->b_data;
	const u32 bytes = vexfs_attribute_bytes(entry), used = vexfs_used(bh);

	memmove(bh->b_data + at, bh->b_data + at + bytes, used - at - bytes);
	memset(bh->b_data + used - bytes, 0, bytes);
	header->used = cpu_to_le32(used - bytes);
	le32_add_cpu(&header->count, -1);
}

static void vexfs_append_entry(struct buffer_head *bh, u8 name_space, const char *name, const void *value, u32 size)
{
	struct vexfs_xattr_header *header = (struct vexfs_xattr_header *)bh->b_data;
	const u32 used = vexfs_used(bh), length = strlen(name);
	struct vexfs_xattr_entry *entry = (struct vexfs_xattr_entry *)(bh->b_data + used);

	entry->name_space = name_space;
	entry->name_length = length;
	entry->value_length = cpu_to_le32(size);
	memcpy(entry + 1, name, length);
	memcpy((char *)(entry + 1) + length, value, size);
	header->used = cpu_to_le32(used + vexfs_attribute_bytes(entry));
	le32_add_cpu(&header->count, 1);
}

static bool vexfs_is_same(const struct vexfs_xattr_entry *entry, const void *value, size_t size)
{
	return le32_to_cpu(entry->value_length) == size &&
	       !memcmp(vexfs_attribute_name(entry) + entry->name_length, value, size);
}

static int vexfs_remove_entry(handle_t *handle, struct inode *inode, struct buffer_head *bh,
			      const struct vexfs_xattr_entry *entry)
{
	int error;

	if (le32_to_cpu(((struct vexfs_xattr_header *)bh->b_data)->count) == 1)
		return vexfs_free_block(handle, inode);
	error = vexfs_change(handle, bh);
	if (error)
		return error;
	vexfs_cut_entry(bh, entry);
	return vexfs_seal_attributes(handle, inode, bh);
}

static u64 vexfs_wanted(const char *name, size_t size)
{
	return round_up(sizeof(struct vexfs_xattr_entry) + strlen(name) + (u64)size, 8);
}

static int vexfs_change_entry(handle_t *handle, struct inode *inode, struct buffer_head **bh, u8 name_space,
			      const char *name, const void *value, size_t size, int flags)
{
	const struct vexfs_xattr_entry *entry = *bh ? vexfs_find_attribute(*bh, name_space, name) : NULL;
	const u32 used = *bh ? vexfs_used(*bh) : sizeof(struct vexfs_xattr_header);
	const u64 wanted = vexfs_wanted(name, size);
	int error;

	if (entry && flags & XATTR_CREATE)
		return -EEXIST;
	if (!entry && (!value || flags & XATTR_REPLACE))
		return -ENODATA;
	if (!value)
		return vexfs_remove_entry(handle, inode, *bh, entry);
	if (entry && vexfs_is_same(entry, value, size))
		return 1;
	if (used - (entry ? vexfs_attribute_bytes(entry) : 0) + wanted > i_blocksize(inode))
		return -ENOSPC;
	if (*bh) {
		error = vexfs_change(handle, *bh);
		if (error)
			return error;
	} else {
		*bh = vexfs_new_attributes(handle, inode);
		if (IS_ERR(*bh))
			return PTR_ERR(*bh);
	}
	if (entry)
		vexfs_cut_entry(*bh, entry);
	vexfs_append_entry(*bh, name_space, name, value, size);
	return vexfs_seal_attributes(handle, inode, *bh);
}

int vexfs_xattr_change(handle_t *handle, struct inode *inode, u8 name_space, const char *name, const void *value,
		       size_t size, int flags)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct buffer_head *bh;
	int error;

	down_write(&info->xattr_lock);
	bh = vexfs_read_attributes(inode);
	error = PTR_ERR_OR_ZERO(bh);
	if (!error)
		error = vexfs_change_entry(handle, inode, &bh, name_space, name, value, size, flags);
	up_write(&info->xattr_lock);
	if (!IS_ERR(bh))
		brelse(bh);
	return error;
}

static int vexfs_try_set(struct inode *inode, u8 name_space, const char *name, const void *value, size_t size, int flags)
{
	handle_t *handle = vexfs_start(inode->i_sb, VEXFS_XATTR_CREDITS + VEXFS_INODE_CREDITS);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_xattr_change(handle, inode, name_space, name, value, size, flags);
	if (!error) {
		vexfs_touch_ctime(inode);
		error = vexfs_write_inode(handle, inode);
		if (error)
			vexfs_abort(handle, error);
		if (IS_SYNC(inode))
			handle->h_sync = 1;
	}
	stopped = vexfs_stop(handle);
	return error > 0 ? stopped : error ?: stopped;
}

/* Whether -ENOSPC was for want of a block: an attribute that does not fit into the one that there is does not after a commit either. */
static bool vexfs_lacks_block(const struct inode *inode, const char *name, size_t size)
{
	return !vexfs_info(inode)->xattr_block &&
	       sizeof(struct vexfs_xattr_header) + vexfs_wanted(name, size) <= i_blocksize(inode);
}

int vexfs_xattr_set(struct inode *inode, u8 name_space, const char *name, const void *value, size_t size, int flags)
{
	int attempts = 0, error;

	do
		error = vexfs_try_set(inode, name_space, name, value, size, flags);
	while (error == -ENOSPC && vexfs_lacks_block(inode, name, size) && vexfs_retry_allocate(inode->i_sb, &attempts));
	return error;
}
