// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Group descriptors and bitmaps: which inodes there are, and where. */
#include "vexfs_fs.h"

struct buffer_head *vexfs_read_descriptor(struct super_block *sb, u32 group, struct vexfs_group_descriptor **descriptor)
{
	const struct vexfs_volume *volume = vexfs_volume(sb);
	const struct vexfs_geometry *geometry = &volume->geometry;
	const u32 per_block = geometry->block_size / sizeof(**descriptor);
	const struct vexfs_group_descriptor *found;
	struct buffer_head *bh = sb_bread(sb, 1 + group / per_block);
	u32 initialised;

	if (!bh)
		return ERR_PTR(-EIO);
	found = *descriptor = (void *)bh->b_data + group % per_block * sizeof(*found);
	initialised = le32_to_cpu(found->initialised_inodes);
	if (le32_to_cpu(found->checksum) ==
		    vexfs_sum(volume, group, found, sizeof(*found), offsetof(struct vexfs_group_descriptor, checksum)) &&
	    initialised <= geometry->inodes_per_group && initialised % geometry->inodes_per_block == 0 &&
	    le32_to_cpu(found->free_inodes) <= geometry->inodes_per_group &&
	    le32_to_cpu(found->free_blocks) <= vexfs_group_blocks(geometry, group))
		return bh;
	brelse(bh);
	return ERR_PTR(vexfs_damage(sb, "the descriptor of group %u", group));
}

struct buffer_head *vexfs_read_bitmap(struct super_block *sb, u64 block, u32 sum)
{
	struct buffer_head *bh = sb_bread(sb, block);

	if (!bh)
		return ERR_PTR(-EIO);
	if (vexfs_is_checked(bh))
		return bh;
	if (sum != vexfs_sum_beside(vexfs_volume(sb), block, bh->b_data, bh->b_size)) {
		brelse(bh);
		return ERR_PTR(vexfs_damage(sb, "the bitmap in block %llu", block));
	}
	vexfs_mark_checked(bh);
	return bh;
}

/* 1 or 0, or a negative errno. */
static int vexfs_is_inode_used(struct super_block *sb, u32 group, u32 index)
{
	const u64 block = vexfs_group_bitmaps(&vexfs_volume(sb)->geometry, group) + 1;
	struct vexfs_group_descriptor *descriptor;
	struct buffer_head *descriptor_bh = vexfs_read_descriptor(sb, group, &descriptor);
	struct buffer_head *bh;
	int used = 0;

	if (IS_ERR(descriptor_bh))
		return PTR_ERR(descriptor_bh);
	if (index < le32_to_cpu(descriptor->initialised_inodes) &&
	    !(le32_to_cpu(descriptor->flags) & VEXFS_GROUP_INODES_UNINITIALISED)) {
		bh = vexfs_read_bitmap(sb, block, le32_to_cpu(descriptor->inode_bitmap_checksum));
		if (IS_ERR(bh)) {
			used = PTR_ERR(bh);
		} else {
			used = test_bit_le(index, bh->b_data);
			brelse(bh);
		}
	}
	brelse(descriptor_bh);
	return used;
}

/* Where the 256 bytes of an inode lie that is in use: block and offset inside it. -ENOENT for one that is free. */
int vexfs_inode_place(struct super_block *sb, u64 number, u64 *block, u32 *offset)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	const struct vexfs_geometry *geometry = &volume->geometry;
	int used;

	if (number < VEXFS_ROOT_INODE || number > geometry->inode_count)
		return -ENOENT;
	mutex_lock(&volume->allocator_lock);
	used = vexfs_is_inode_used(sb, (u32)(number - 1) / geometry->inodes_per_group,
				   (u32)(number - 1) % geometry->inodes_per_group);
	mutex_unlock(&volume->allocator_lock);
	if (used < 0)
		return used;
	if (!used)
		return -ENOENT;
	*block = vexfs_table_place(geometry, number, offset);
	return 0;
}
