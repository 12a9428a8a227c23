// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Blocks: finding, taking and giving them back. */
#include <linux/capability.h>
#include <linux/cred.h>
#include "alloc.h"
#include "bitmap.h"
#include "trace.h"
#include "vexfs_fs.h"

/* A run of so many blocks is taken though more are wanted. */
#define VEXFS_GOOD_RUN 2048
/* On a fragmented volume the best run of so many groups, and in a group of so many runs, is good enough. */
#define VEXFS_MOST_GROUPS 8
#define VEXFS_MOST_RUNS 256
#define VEXFS_MOST_RETRIES 3
/* Blocks, more than the direct writes that are under way at once need for their nodes. */
#define VEXFS_NEARLY_FULL 1024

struct vexfs_found {
	u32 group;
	u32 bit;
	u32 count;
};

u64 vexfs_goal(const struct super_block *sb, u64 inode)
{
	const struct vexfs_geometry *geometry = &vexfs_volume(sb)->geometry;
	const u32 group = (u32)(inode - 1) / geometry->inodes_per_group;

	if (group == 0)
		return geometry->journal_start + geometry->journal_blocks;
	return vexfs_group_start(geometry, group) + vexfs_fixed_blocks(geometry, group);
}

/* Whether the caller may take the blocks that are kept back. */
static bool vexfs_is_privileged(const struct vexfs_superblock *superblock)
{
	const kuid_t uid = make_kuid(&init_user_ns, le32_to_cpu(superblock->reserved_uid));
	const kgid_t gid = make_kgid(&init_user_ns, le32_to_cpu(superblock->reserved_gid));

	return uid_eq(current_fsuid(), uid) || (superblock->reserved_gid && in_group_p(gid)) ||
	       capable(CAP_SYS_RESOURCE);
}

/* Blocks that this caller, who wants so many, may take; who he is matters only when they run short. */
static u64 vexfs_available(const struct vexfs_volume *volume, u64 wanted)
{
	const struct vexfs_superblock *superblock = volume->superblock;
	const u64 free = le64_to_cpu(superblock->free_blocks);
	const u64 reserved = le64_to_cpu(superblock->reserved_blocks);
	u64 kept = volume->freed_blocks;

	if (reserved && free < kept + reserved + wanted && !vexfs_is_privileged(superblock))
		kept += reserved;
	return free > kept ? free - kept : 0;
}

static bool vexfs_is_initialised(const struct vexfs_group_descriptor *descriptor)
{
	return !(le32_to_cpu(descriptor->flags) & VEXFS_GROUP_BLOCKS_UNINITIALISED);
}

static u32 vexfs_next_free(const void *bitmap, const void *held, u32 end, u32 from)
{
	for (;;) {
		u32 bit = find_next_zero_bit_le(bitmap, end, from);

		if (!held || bit >= end || !test_bit_le(bit, held))
			return min(bit, end);
		from = find_next_zero_bit_le(held, end, bit);
	}
}

static u32 vexfs_run_end(const void *bitmap, const void *held, u32 end, u32 from)
{
	end = find_next_bit_le(bitmap, end, from);
	return held ? find_next_bit_le(held, end, from) : end;
}

/* A run at `from`, the first of `wanted` blocks, or the longest of the first few; count 0 for none. */
static void vexfs_search_bitmap(struct vexfs_group_memory *memory, const void *bitmap, u32 end, u32 from, u32 wanted,
				struct vexfs_found *found)
{
	const u32 lowest = vexfs_next_free(bitmap, memory->held, end, memory->first_block);
	const u32 start = max(from, lowest);
	const u32 low[] = { start, lowest }, high[] = { end, start };
	u32 runs = 0, half;

	memory->first_block = lowest;
	found->count = 0;
	for (half = 0; half < ARRAY_SIZE(low); half++) {
		u32 bit = vexfs_next_free(bitmap, memory->held, high[half], low[half]);

		while (bit < high[half]) {
			const u32 limit = bit + min(wanted, high[half] - bit);
			const u32 count = vexfs_run_end(bitmap, memory->held, limit, bit) - bit;

			if (count > found->count) {
				found->bit = bit;
				found->count = count;
			}
			if (count == wanted || bit == from) {
				found->bit = bit;
				found->count = count;
				return;
			}
			if (++runs == VEXFS_MOST_RUNS)
				return;
			bit = vexfs_next_free(bitmap, memory->held, high[half], bit + count);
		}
	}
}

/* In a group without a bitmap, of which blocks may be reserved all the same: those from `from` on that are not. */
static void vexfs_free_front(const struct vexfs_group_memory *memory, u32 end, u32 from, u32 *bit, u32 *count)
{
	u32 stop = end;

	from = min(from, end);
	if (memory->held) {
		from = find_next_zero_bit_le(memory->held, end, from);
		stop = find_next_bit_le(memory->held, end, from);
	}
	*bit = from;
	*count = stop - from;
}

static int vexfs_search_group(struct super_block *sb, u32 group, u32 from, u32 wanted, u32 above,
			      struct vexfs_found *found)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	const struct vexfs_geometry *geometry = &volume->geometry;
	struct vexfs_group_memory *memory = &volume->groups[group];
	const u32 end = vexfs_group_blocks(geometry, group);
	struct vexfs_group_descriptor *descriptor;
	struct buffer_head *descriptor_bh = vexfs_read_descriptor(sb, group, &descriptor);
	struct buffer_head *bitmap;
	u32 room;
	int error = 0;

	found->group = group;
	found->count = 0;
	if (IS_ERR(descriptor_bh))
		return PTR_ERR(descriptor_bh);
	room = le32_to_cpu(descriptor->free_blocks);
	room -= min(room, memory->held_count);
	if (room <= above)
		goto done;
	if (!vexfs_is_initialised(descriptor)) {
		const u32 first = vexfs_fixed_blocks(geometry, group);

		vexfs_free_front(memory, end, max(from, first), &found->bit, &found->count);
		if (!found->count)
			vexfs_free_front(memory, end, first, &found->bit, &found->count);
		found->count = min(wanted, found->count);
		goto done;
	}
	bitmap = vexfs_read_bitmap(sb, vexfs_group_bitmaps(geometry, group),
				   le32_to_cpu(descriptor->block_bitmap_checksum));
	if (IS_ERR(bitmap)) {
		error = PTR_ERR(bitmap);
		goto done;
	}
	vexfs_search_bitmap(memory, bitmap->b_data, end, from, wanted, found);
	brelse(bitmap);
done:
	brelse(descriptor_bh);
	return error;
}

static int vexfs_find_free(struct super_block *sb, u64 goal, u32 wanted, struct vexfs_found *best)
{
	const struct vexfs_geometry *geometry = &vexfs_volume(sb)->geometry;
	const u32 enough = min(wanted, (u32)VEXFS_GOOD_RUN);
	u32 from = 0, home = 0, step, searched = 0;

	best->count = 0;
	if (goal && goal < geometry->total_blocks)
		home = div_u64_rem(goal, geometry->blocks_per_group, &from);
	for (step = 0; step < geometry->group_count; step++) {
		const u32 group = (u32)(((u64)home + step) % geometry->group_count);
		struct vexfs_found found;
		int error = vexfs_search_group(sb, group, from, wanted, best->count, &found);

		if (error)
			return error;
		if (found.count > best->count)
			*best = found;
		if (best->count >= enough || (found.count && from && found.bit == from))
			return 0;
		searched += found.count != 0;
		if (searched == VEXFS_MOST_GROUPS)
			break;
		from = 0;
	}
	if (best->count == 0)
		return vexfs_damage(sb, "the counts of free blocks promise blocks that no bitmap has");
	return 0;
}

static int vexfs_take(handle_t *handle, struct super_block *sb, const struct vexfs_found *found)
{
	struct vexfs_bitmap_change change;
	u32 i;
	int error = vexfs_bitmap_begin(handle, sb, found->group, VEXFS_BLOCK_BITMAP, &change);

	if (error)
		return error;
	for (i = 0; i < found->count; i++)
		__set_bit_le(found->bit + i, change.bitmap->b_data);
	error = vexfs_bitmap_apply(handle, sb, &change, -(s64)found->count, false);
	vexfs_bitmap_end(&change);
	return error;
}

/* Blocks that the caller may take; he holds allocator_lock. */
static int vexfs_find(struct super_block *sb, u64 goal, u64 wanted, struct vexfs_found *found)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	u64 available;

	wanted = min_t(u64, wanted, volume->geometry.blocks_per_group);
	vexfs_release_held(volume);
	available = vexfs_available(volume, wanted);
	return available ? vexfs_find_free(sb, goal, min(wanted, available), found) : -ENOSPC;
}

int vexfs_allocate(handle_t *handle, struct super_block *sb, u64 goal, u64 wanted, u64 *start, u64 *count)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	struct vexfs_found found;
	int error;

	mutex_lock(&volume->allocator_lock);
	error = vexfs_find(sb, goal, wanted, &found);
	if (!error)
		error = vexfs_take(handle, sb, &found);
	mutex_unlock(&volume->allocator_lock);
	if (error)
		return error;
	*start = vexfs_group_start(&volume->geometry, found.group) + found.bit;
	*count = found.count;
	trace_vexfs_allocate(sb, *start, *count);
	return 0;
}

int vexfs_reserve(struct super_block *sb, u64 goal, u64 wanted, u64 *start, u64 *count)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	struct vexfs_found found;
	int error;

	mutex_lock(&volume->allocator_lock);
	error = vexfs_find(sb, goal, wanted, &found);
	if (!error) {
		*start = vexfs_group_start(&volume->geometry, found.group) + found.bit;
		*count = found.count;
		vexfs_keep(volume, *start, found.count);
	}
	mutex_unlock(&volume->allocator_lock);
	return error;
}

void vexfs_unreserve(struct super_block *sb, u64 start, u64 count)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	mutex_lock(&volume->allocator_lock);
	vexfs_keep_no_more(volume, start, count);
	mutex_unlock(&volume->allocator_lock);
}

int vexfs_take_reserved(handle_t *handle, struct super_block *sb, u64 start, u64 count)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	struct vexfs_found found = { .count = count };
	int error;

	found.group = div_u64_rem(start, volume->geometry.blocks_per_group, &found.bit);
	mutex_lock(&volume->allocator_lock);
	error = vexfs_take(handle, sb, &found);
	if (!error)
		vexfs_keep_no_more(volume, start, count);
	mutex_unlock(&volume->allocator_lock);
	return error;
}

int vexfs_take_kept(handle_t *handle, struct super_block *sb, struct vexfs_kept_runs *kept, u64 *block)
{
	struct vexfs_kept_run *run;
	int error;

	while (kept->count && !kept->runs[kept->count - 1].count)
		kept->count--;
	if (!kept->count)
		return -ENOSPC;
	run = &kept->runs[kept->count - 1];
	*block = run->start + run->count - 1;
	error = vexfs_take_reserved(handle, sb, *block, 1);
	if (!error)
		run->count--;
	return error;
}

static int vexfs_give(handle_t *handle, struct super_block *sb, u32 group, u32 bit, u32 count)
{
	struct vexfs_bitmap_change change;
	u32 i;
	int error = vexfs_bitmap_begin(handle, sb, group, VEXFS_BLOCK_BITMAP, &change);

	if (error)
		return error;
	if (find_next_zero_bit_le(change.bitmap->b_data, bit + count, bit) < bit + count) {
		error = vexfs_damage(sb, "some of %u blocks in group %u are freed twice", count, group);
	} else {
		for (i = 0; i < count; i++)
			__clear_bit_le(bit + i, change.bitmap->b_data);
		error = vexfs_bitmap_apply(handle, sb, &change, count, false);
	}
	vexfs_bitmap_end(&change);
	return error;
}

int vexfs_free(handle_t *handle, struct super_block *sb, u64 start, u64 count)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	u32 group, bit;
	int error;

	if (!vexfs_in_data(&volume->geometry, start, count))
		return vexfs_damage(sb, "%llu blocks from %llu on hold no data and are freed", count, start);
	group = div_u64_rem(start, volume->geometry.blocks_per_group, &bit);
	mutex_lock(&volume->allocator_lock);
	error = vexfs_give(handle, sb, group, bit, count);
	if (!error)
		vexfs_hold(volume, start, count, handle->h_transaction->t_tid);
	mutex_unlock(&volume->allocator_lock);
	if (!error)
		trace_vexfs_free(sb, start, count);
	return error;
}

int vexfs_next_free_run(struct super_block *sb, u32 group, u32 from, u32 end, u32 *bit, u32 *count)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	const struct vexfs_group_memory *memory = &volume->groups[group];
	struct vexfs_group_descriptor *descriptor;
	struct buffer_head *descriptor_bh, *bitmap;
	int error = 0;

	vexfs_release_held(volume);
	descriptor_bh = vexfs_read_descriptor(sb, group, &descriptor);
	if (IS_ERR(descriptor_bh))
		return PTR_ERR(descriptor_bh);
	*count = 0;
	if (!vexfs_is_initialised(descriptor)) {
		vexfs_free_front(memory, end, max(from, vexfs_fixed_blocks(&volume->geometry, group)), bit, count);
		goto done;
	}
	bitmap = vexfs_read_bitmap(sb, vexfs_group_bitmaps(&volume->geometry, group),
				   le32_to_cpu(descriptor->block_bitmap_checksum));
	if (IS_ERR(bitmap)) {
		error = PTR_ERR(bitmap);
		goto done;
	}
	*bit = vexfs_next_free(bitmap->b_data, memory->held, end, from);
	if (*bit < end)
		*count = vexfs_run_end(bitmap->b_data, memory->held, end, *bit) - *bit;
	brelse(bitmap);
done:
	brelse(descriptor_bh);
	return error;
}

bool vexfs_is_nearly_full(const struct super_block *sb)
{
	const struct vexfs_volume *volume = vexfs_volume(sb);

	return le64_to_cpu(volume->superblock->free_blocks) <
	       READ_ONCE(volume->freed_blocks) + le64_to_cpu(volume->superblock->reserved_blocks) + VEXFS_NEARLY_FULL;
}

bool vexfs_retry_allocate(struct super_block *sb, int *attempts)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	if (!volume->journal || READ_ONCE(volume->freed_blocks) == 0 || ++*attempts > VEXFS_MOST_RETRIES)
		return false;
	return jbd2_journal_force_commit(volume->journal) == 0;
}
