// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Group descriptors and inode bitmaps: which inodes there are, and where. */
#include "vexfs_fs.h"

static int vexfs_read_descriptor(struct super_block *sb, u32 group, struct vexfs_group_descriptor *copy)
{
	const struct vexfs_volume *volume = vexfs_volume(sb);
	const struct vexfs_geometry *geometry = &volume->geometry;
	const u32 per_block = geometry->block_size / sizeof(*copy);
	struct buffer_head *bh = sb_bread(sb, 1 + group / per_block);
	u32 initialised;

	if (!bh)
		return -EIO;
	memcpy(copy, bh->b_data + group % per_block * sizeof(*copy), sizeof(*copy));
	brelse(bh);
	initialised = le32_to_cpu(copy->initialised_inodes);
	if (le32_to_cpu(copy->checksum) !=
		    vexfs_sum(volume, group, copy, sizeof(*copy), offsetof(struct vexfs_group_descriptor, checksum)) ||
	    initialised > geometry->inodes_per_group || initialised % geometry->inodes_per_block != 0)
		return vexfs_damage(sb, "the descriptor of group %u", group);
	return 0;
}

/* 1 or 0, or a negative errno. */
static int vexfs_is_inode_used(struct super_block *sb, u32 group, u32 index, u32 sum)
{
	const struct vexfs_volume *volume = vexfs_volume(sb);
	const u64 block = vexfs_group_bitmaps(&volume->geometry, group) + 1;
	struct buffer_head *bh = sb_bread(sb, block);
	int used;

	if (!bh)
		return -EIO;
	if (!vexfs_is_checked(bh)) {
		if (sum != vexfs_sum_beside(volume, block, bh->b_data, bh->b_size)) {
			brelse(bh);
			return vexfs_damage(sb, "the inode bitmap of group %u", group);
		}
		vexfs_mark_checked(bh);
	}
	used = bh->b_data[index >> 3] >> (index & 7) & 1;
	brelse(bh);
	return used;
}

/* Where the 256 bytes of an inode lie that is in use: block and offset inside it. -ENOENT for one that is free. */
int vexfs_inode_place(struct super_block *sb, u64 number, u64 *block, u32 *offset)
{
	const struct vexfs_geometry *geometry = &vexfs_volume(sb)->geometry;
	struct vexfs_group_descriptor descriptor;
	u32 group, index;
	int used;

	if (number < VEXFS_ROOT_INODE || number > geometry->inode_count)
		return -ENOENT;
	group = (u32)(number - 1) / geometry->inodes_per_group;
	index = (u32)(number - 1) % geometry->inodes_per_group;
	used = vexfs_read_descriptor(sb, group, &descriptor);
	if (used)
		return used;
	if (index < le32_to_cpu(descriptor.initialised_inodes) &&
	    !(le32_to_cpu(descriptor.flags) & VEXFS_GROUP_INODES_UNINITIALISED))
		used = vexfs_is_inode_used(sb, group, index, le32_to_cpu(descriptor.inode_bitmap_checksum));
	if (used < 0)
		return used;
	if (!used)
		return -ENOENT;
	*block = vexfs_group_bitmaps(geometry, group) + 2 + index / geometry->inodes_per_block;
	*offset = index % geometry->inodes_per_block * sizeof(struct vexfs_inode);
	return 0;
}
