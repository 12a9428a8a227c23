// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Where the parts of a volume lie, computed from the few numbers of the superblock that say so. */
#include "vexfs_fs.h"

#define VEXFS_LEAST_INODES 16
/* The last group has at least so many blocks behind its own. */
#define VEXFS_LEAST_DATA_BLOCKS 8

static bool vexfs_is_power(u32 group, u32 base)
{
	u64 power = base;

	while (power < group)
		power *= base;
	return power == group;
}

static bool vexfs_has_superblock(u32 group)
{
	return group <= 1 || vexfs_is_power(group, 3) || vexfs_is_power(group, 5) || vexfs_is_power(group, 7);
}

/* Blocks of the superblock copy and the descriptors, in front of the bitmaps. */
static u32 vexfs_copy_blocks(const struct vexfs_geometry *geometry, u32 group)
{
	return vexfs_has_superblock(group) ? 1 + geometry->descriptor_blocks : 0;
}

u32 vexfs_fixed_blocks(const struct vexfs_geometry *geometry, u32 group)
{
	return vexfs_copy_blocks(geometry, group) + 2 + geometry->table_blocks;
}

u64 vexfs_group_start(const struct vexfs_geometry *geometry, u32 group)
{
	return (u64)group * geometry->blocks_per_group;
}

u64 vexfs_group_blocks(const struct vexfs_geometry *geometry, u32 group)
{
	return min_t(u64, geometry->blocks_per_group, geometry->total_blocks - vexfs_group_start(geometry, group));
}

/* The block bitmap; the inode bitmap and the inode table follow it. */
u64 vexfs_group_bitmaps(const struct vexfs_geometry *geometry, u32 group)
{
	return vexfs_group_start(geometry, group) + vexfs_copy_blocks(geometry, group);
}

u64 vexfs_table_place(const struct vexfs_geometry *geometry, u64 number, u32 *offset)
{
	const u32 group = (u32)(number - 1) / geometry->inodes_per_group;
	const u32 index = (u32)(number - 1) % geometry->inodes_per_group;

	*offset = index % geometry->inodes_per_block * sizeof(struct vexfs_inode);
	return vexfs_group_bitmaps(geometry, group) + 2 + index / geometry->inodes_per_block;
}

bool vexfs_in_data(const struct vexfs_geometry *geometry, u64 block, u64 length)
{
	u64 group;

	if (block == 0 || length == 0 || block >= geometry->total_blocks || length > geometry->total_blocks - block)
		return false;
	group = div_u64(block, geometry->blocks_per_group);
	if (div_u64(block + length - 1, geometry->blocks_per_group) != group)
		return false;
	if (block < vexfs_group_start(geometry, group) + vexfs_fixed_blocks(geometry, group))
		return false;
	return block >= geometry->journal_start + geometry->journal_blocks || block + length <= geometry->journal_start;
}

static int vexfs_fill_geometry(struct vexfs_geometry *geometry, const struct vexfs_superblock *superblock)
{
	const u32 size = le32_to_cpu(superblock->block_size);
	u64 groups;

	if (size < VEXFS_MIN_BLOCK_SIZE || size > VEXFS_MAX_BLOCK_SIZE || !is_power_of_2(size))
		return -EUCLEAN;
	geometry->block_size = size;
	geometry->block_bits = ilog2(size);
	geometry->blocks_per_group = size * 8;
	geometry->inodes_per_block = size / sizeof(struct vexfs_inode);
	geometry->total_blocks = le64_to_cpu(superblock->total_blocks);
	geometry->inodes_per_group = le32_to_cpu(superblock->inodes_per_group);
	geometry->journal_start = le64_to_cpu(superblock->journal_start);
	geometry->journal_blocks = le32_to_cpu(superblock->journal_blocks);
	if (geometry->total_blocks == 0 || geometry->total_blocks > (u64)VEXFS_MAX_FILE_BYTES >> geometry->block_bits)
		return -EUCLEAN;
	if (geometry->inodes_per_group < VEXFS_LEAST_INODES || geometry->inodes_per_group > size * 8 ||
	    geometry->inodes_per_group < geometry->inodes_per_block ||
	    geometry->inodes_per_group % geometry->inodes_per_block != 0)
		return -EUCLEAN;
	geometry->table_blocks = geometry->inodes_per_group / geometry->inodes_per_block;
	groups = div_u64(geometry->total_blocks + geometry->blocks_per_group - 1, geometry->blocks_per_group);
	geometry->inode_count = groups * geometry->inodes_per_group;
	if (groups > U32_MAX || geometry->inode_count > U32_MAX)
		return -EUCLEAN;
	geometry->group_count = groups;
	geometry->descriptor_blocks = div_u64(groups * sizeof(struct vexfs_group_descriptor) + size - 1, size);
	return 0;
}

static bool vexfs_fits(const struct vexfs_geometry *geometry)
{
	const u32 last = geometry->group_count - 1;

	if ((u64)geometry->descriptor_blocks + geometry->table_blocks + 3 + VEXFS_LEAST_DATA_BLOCKS >
	    geometry->blocks_per_group)
		return false;
	if (vexfs_group_blocks(geometry, last) < vexfs_fixed_blocks(geometry, last) + VEXFS_LEAST_DATA_BLOCKS)
		return false;
	return geometry->journal_blocks >= VEXFS_MIN_JOURNAL_BLOCKS &&
	       geometry->journal_start >= vexfs_fixed_blocks(geometry, 0) &&
	       geometry->journal_start <= vexfs_group_blocks(geometry, 0) &&
	       geometry->journal_blocks <= vexfs_group_blocks(geometry, 0) - geometry->journal_start;
}

int vexfs_geometry_init(struct vexfs_geometry *geometry, const struct vexfs_superblock *superblock)
{
	int error = vexfs_fill_geometry(geometry, superblock);

	if (error)
		return error;
	if (!vexfs_fits(geometry) ||
	    le32_to_cpu(superblock->inode_size) != sizeof(struct vexfs_inode) ||
	    le32_to_cpu(superblock->group_descriptor_size) != sizeof(struct vexfs_group_descriptor) ||
	    le32_to_cpu(superblock->blocks_per_group) != geometry->blocks_per_group ||
	    le32_to_cpu(superblock->group_count) != geometry->group_count ||
	    le64_to_cpu(superblock->inode_count) != geometry->inode_count ||
	    le32_to_cpu(superblock->first_inode) != VEXFS_FIRST_INODE ||
	    le64_to_cpu(superblock->free_blocks) > geometry->total_blocks ||
	    le64_to_cpu(superblock->reserved_blocks) > geometry->total_blocks ||
	    le64_to_cpu(superblock->free_inodes) > geometry->inode_count ||
	    le64_to_cpu(superblock->orphan_head) > geometry->inode_count)
		return -EUCLEAN;
	return 0;
}
