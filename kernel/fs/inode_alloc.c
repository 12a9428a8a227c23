// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Inode numbers: taking and giving them back. */
#include "alloc.h"
#include "bitmap.h"
#include "vexfs_fs.h"

/* Zeros for the block of the table that begins with inode `index` of the group. */
static int vexfs_initialise_table(handle_t *handle, struct super_block *sb, u32 group, u32 index)
{
	const struct vexfs_geometry *geometry = &vexfs_volume(sb)->geometry;
	struct buffer_head *bh = sb_getblk(sb, vexfs_group_bitmaps(geometry, group) + 2 + index / geometry->inodes_per_block);
	int error;

	if (!bh)
		return -ENOMEM;
	error = vexfs_change_new(handle, bh);
	if (!error)
		error = vexfs_changed(handle, bh);
	brelse(bh);
	return error;
}

static int vexfs_zero_record(handle_t *handle, struct super_block *sb, u64 number)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	struct buffer_head *bh;
	u32 offset;
	int error;

	bh = sb_bread(sb, vexfs_table_place(&volume->geometry, number, &offset));
	if (!bh)
		return -EIO;
	error = vexfs_change(handle, bh);
	if (!error) {
		spin_lock(&volume->table_lock);
		memset(bh->b_data + offset, 0, sizeof(struct vexfs_inode));
		spin_unlock(&volume->table_lock);
		error = vexfs_changed(handle, bh);
	}
	brelse(bh);
	return error;
}

static int vexfs_take_in_group(handle_t *handle, struct super_block *sb, u32 group, bool is_directory, u64 *number)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	const struct vexfs_geometry *geometry = &volume->geometry;
	struct vexfs_group_memory *memory = &volume->groups[group];
	struct vexfs_bitmap_change change;
	const u32 lowest = group == 0 ? VEXFS_FIRST_INODE - 1 : 0;
	u64 found;
	u32 index, initialised;
	int error = vexfs_bitmap_begin(handle, sb, group, VEXFS_INODE_BITMAP, &change);

	if (error)
		return error;
	index = find_next_zero_bit_le(change.bitmap->b_data, geometry->inodes_per_group, max(memory->first_inode, lowest));
	initialised = le32_to_cpu(change.descriptor->initialised_inodes);
	if (index >= geometry->inodes_per_group || index > initialised) {
		error = vexfs_damage(sb, "group %u counts free inodes that it has not", group);
		goto done;
	}
	found = (u64)group * geometry->inodes_per_group + index + 1;
	error = index == initialised ? vexfs_initialise_table(handle, sb, group, index) :
				       vexfs_zero_record(handle, sb, found);
	if (error)
		goto done;
	if (index == initialised)
		le32_add_cpu(&change.descriptor->initialised_inodes, geometry->inodes_per_block);
	__set_bit_le(index, change.bitmap->b_data);
	memory->first_inode = index + 1;
	error = vexfs_bitmap_apply(handle, sb, &change, -1, is_directory);
	*number = found;
done:
	vexfs_bitmap_end(&change);
	return error;
}

static int vexfs_free_inodes_of(struct super_block *sb, u32 group, u32 *inodes, u32 *blocks)
{
	struct vexfs_group_descriptor *descriptor;
	struct buffer_head *bh = vexfs_read_descriptor(sb, group, &descriptor);

	if (IS_ERR(bh))
		return PTR_ERR(bh);
	*inodes = le32_to_cpu(descriptor->free_inodes);
	*blocks = le32_to_cpu(descriptor->free_blocks);
	brelse(bh);
	return 0;
}

int vexfs_take_inode(handle_t *handle, struct super_block *sb, u32 near, bool is_directory, u64 *number)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	const u32 count = volume->geometry.group_count;
	int error = -ENOSPC;
	u32 step;

	mutex_lock(&volume->allocator_lock);
	for (step = 0; volume->superblock->free_inodes && step < count; step++) {
		const u32 group = (u32)(((u64)near + step) % count);
		u32 inodes, blocks;

		error = vexfs_free_inodes_of(sb, group, &inodes, &blocks);
		if (!error && inodes) {
			error = vexfs_take_in_group(handle, sb, group, is_directory, number);
			break;
		}
		if (error)
			break;
		error = -ENOSPC;
	}
	mutex_unlock(&volume->allocator_lock);
	return error;
}

int vexfs_give_inode(handle_t *handle, struct super_block *sb, u64 number, bool is_directory)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	const u32 group = (u32)(number - 1) / volume->geometry.inodes_per_group;
	const u32 index = (u32)(number - 1) % volume->geometry.inodes_per_group;
	struct vexfs_bitmap_change change;
	int error;

	mutex_lock(&volume->allocator_lock);
	error = vexfs_bitmap_begin(handle, sb, group, VEXFS_INODE_BITMAP, &change);
	if (error)
		goto unlock;
	if (number < VEXFS_FIRST_INODE || !test_bit_le(index, change.bitmap->b_data))
		error = vexfs_damage(sb, "inode %llu is freed and not in use", number);
	if (!error)
		error = vexfs_zero_record(handle, sb, number);
	if (!error) {
		__clear_bit_le(index, change.bitmap->b_data);
		volume->groups[group].first_inode = min(volume->groups[group].first_inode, index);
		error = vexfs_bitmap_apply(handle, sb, &change, 1, is_directory);
	}
	vexfs_bitmap_end(&change);
unlock:
	mutex_unlock(&volume->allocator_lock);
	return error;
}

u32 vexfs_group_for_directory(struct super_block *sb, u64 parent)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	const u32 home = (u32)(parent - 1) / volume->geometry.inodes_per_group;
	u32 best = home, most = 0, group, inodes, blocks;

	mutex_lock(&volume->allocator_lock);
	if (parent == VEXFS_ROOT_INODE || vexfs_free_inodes_of(sb, home, &inodes, &blocks) || !inodes || !blocks) {
		for (group = 0; group < volume->geometry.group_count; group++) {
			if (vexfs_free_inodes_of(sb, group, &inodes, &blocks) || !inodes || blocks <= most)
				continue;
			best = group;
			most = blocks;
		}
	}
	mutex_unlock(&volume->allocator_lock);
	return best;
}
