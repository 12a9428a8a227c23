// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "alloc.h"
#include "bitmap.h"
#include "vexfs_fs.h"

static u32 vexfs_uninitialised_flag(enum vexfs_bitmap which)
{
	return which == VEXFS_BLOCK_BITMAP ? VEXFS_GROUP_BLOCKS_UNINITIALISED : VEXFS_GROUP_INODES_UNINITIALISED;
}

static __le32 *vexfs_bitmap_sum(struct vexfs_bitmap_change *change)
{
	return change->which == VEXFS_BLOCK_BITMAP ? &change->descriptor->block_bitmap_checksum :
						     &change->descriptor->inode_bitmap_checksum;
}

/* The bitmap of a group that was never used: its block on the volume holds anything. */
static struct buffer_head *vexfs_make_bitmap(handle_t *handle, struct super_block *sb,
					     const struct vexfs_bitmap_change *change)
{
	const struct vexfs_geometry *geometry = &vexfs_volume(sb)->geometry;
	const bool blocks = change->which == VEXFS_BLOCK_BITMAP;
	const u32 used = blocks ? vexfs_fixed_blocks(geometry, change->group) : 0;
	const u32 end = blocks ? vexfs_group_blocks(geometry, change->group) : geometry->inodes_per_group;
	struct buffer_head *bh = sb_getblk(sb, change->block);
	u32 bit;
	int error;

	if (!bh)
		return ERR_PTR(-ENOMEM);
	error = vexfs_change_new(handle, bh);
	if (error) {
		brelse(bh);
		return ERR_PTR(error);
	}
	for (bit = 0; bit < used; bit++)
		__set_bit_le(bit, bh->b_data);
	for (bit = end; bit < geometry->block_size * 8; bit++)
		__set_bit_le(bit, bh->b_data);
	return bh;
}

int vexfs_bitmap_begin(handle_t *handle, struct super_block *sb, u32 group, enum vexfs_bitmap which,
		       struct vexfs_bitmap_change *change)
{
	int error;

	change->group = group;
	change->which = which;
	change->block = vexfs_group_bitmaps(&vexfs_volume(sb)->geometry, group) + (which == VEXFS_INODE_BITMAP);
	change->descriptor_bh = vexfs_read_descriptor(sb, group, &change->descriptor);
	if (IS_ERR(change->descriptor_bh))
		return PTR_ERR(change->descriptor_bh);
	if (le32_to_cpu(change->descriptor->flags) & vexfs_uninitialised_flag(which))
		change->bitmap = vexfs_make_bitmap(handle, sb, change);
	else
		change->bitmap = vexfs_read_bitmap(sb, change->block, le32_to_cpu(*vexfs_bitmap_sum(change)));
	if (IS_ERR(change->bitmap)) {
		brelse(change->descriptor_bh);
		return PTR_ERR(change->bitmap);
	}
	error = vexfs_change(handle, change->bitmap);
	if (!error)
		error = vexfs_change(handle, change->descriptor_bh);
	if (error)
		vexfs_bitmap_end(change);
	return error;
}

int vexfs_bitmap_apply(handle_t *handle, struct super_block *sb, struct vexfs_bitmap_change *change, s64 freed,
		       bool is_directory)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	struct vexfs_group_descriptor *descriptor = change->descriptor;
	struct vexfs_superblock *superblock = vexfs_superblock_change(handle, volume);
	int error;

	if (IS_ERR(superblock))
		return vexfs_abort(handle, PTR_ERR(superblock));
	if (change->which == VEXFS_BLOCK_BITMAP) {
		le64_add_cpu(&superblock->free_blocks, freed);
		le32_add_cpu(&descriptor->free_blocks, freed);
	} else {
		le64_add_cpu(&superblock->free_inodes, freed);
		le32_add_cpu(&descriptor->free_inodes, freed);
		if (is_directory)
			le32_add_cpu(&descriptor->used_directories, -freed);
	}
	descriptor->flags &= ~cpu_to_le32(vexfs_uninitialised_flag(change->which));
	*vexfs_bitmap_sum(change) = cpu_to_le32(
		vexfs_sum_beside(volume, change->block, change->bitmap->b_data, change->bitmap->b_size));
	vexfs_seal_descriptor(volume, change->group, descriptor);
	error = vexfs_changed(handle, change->bitmap);
	if (!error)
		error = vexfs_changed(handle, change->descriptor_bh);
	return error ?: vexfs_superblock_changed(handle, volume);
}

void vexfs_bitmap_end(struct vexfs_bitmap_change *change)
{
	brelse(change->bitmap);
	brelse(change->descriptor_bh);
}
