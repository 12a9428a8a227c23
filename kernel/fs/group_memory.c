// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What is remembered of groups while a volume is mounted for writing. Blocks that a transaction frees stay held until it
 * is committed: before that a crash would bring back their owner, whose content somebody else had written over.
 */
#include <linux/slab.h>
#include "alloc.h"
#include "vexfs_fs.h"

struct vexfs_freed {
	struct list_head list;
	u64 start;
	u32 count;
	tid_t tid;
};

int vexfs_group_memory_init(struct vexfs_volume *volume)
{
	volume->groups = kvcalloc(volume->geometry.group_count, sizeof(*volume->groups), GFP_KERNEL);
	return volume->groups ? 0 : -ENOMEM;
}

static struct vexfs_group_memory *vexfs_group_of(struct vexfs_volume *volume, u64 block, u32 *bit)
{
	return &volume->groups[div_u64_rem(block, volume->geometry.blocks_per_group, bit)];
}

void vexfs_keep(struct vexfs_volume *volume, u64 start, u32 count)
{
	struct vexfs_group_memory *group;
	u32 bit, i;

	group = vexfs_group_of(volume, start, &bit);
	/* A freed block cannot be forgotten, nor taken at once. */
	if (!group->held)
		group->held = kvzalloc(volume->geometry.block_size, GFP_NOFS | __GFP_NOFAIL);
	for (i = 0; i < count; i++)
		__set_bit_le(bit + i, group->held);
	group->held_count += count;
	volume->freed_blocks += count;
}

void vexfs_keep_no_more(struct vexfs_volume *volume, u64 start, u32 count)
{
	struct vexfs_group_memory *group;
	u32 bit, i;

	group = vexfs_group_of(volume, start, &bit);
	for (i = 0; i < count; i++)
		__clear_bit_le(bit + i, group->held);
	group->held_count -= count;
	group->first_block = min(group->first_block, bit);
	volume->freed_blocks -= count;
	if (group->held_count == 0) {
		kvfree(group->held);
		group->held = NULL;
	}
}

void vexfs_hold(struct vexfs_volume *volume, u64 start, u32 count, tid_t tid)
{
	struct vexfs_freed *last = NULL;
	u32 bit;

	if (!list_empty(&volume->freed))
		last = list_last_entry(&volume->freed, struct vexfs_freed, list);
	vexfs_keep(volume, start, count);
	if (last && last->tid == tid && last->start + last->count == start &&
	    vexfs_group_of(volume, last->start, &bit) == vexfs_group_of(volume, start, &bit)) {
		last->count += count;
		return;
	}
	last = kmalloc(sizeof(*last), GFP_NOFS | __GFP_NOFAIL);
	*last = (struct vexfs_freed){ .start = start, .count = count, .tid = tid };
	list_add_tail(&last->list, &volume->freed);
}

static void vexfs_let_go(struct vexfs_volume *volume, struct vexfs_freed *freed)
{
	vexfs_keep_no_more(volume, freed->start, freed->count);
	list_del(&freed->list);
	kfree(freed);
}

void vexfs_release_held(struct vexfs_volume *volume)
{
	struct vexfs_freed *freed, *next;
	tid_t committed;

	if (list_empty(&volume->freed))
		return;
	read_lock(&volume->journal->j_state_lock);
	committed = volume->journal->j_commit_sequence;
	read_unlock(&volume->journal->j_state_lock);
	list_for_each_entry_safe(freed, next, &volume->freed, list) {
		if (!tid_geq(committed, freed->tid))
			break;
		vexfs_let_go(volume, freed);
	}
}

void vexfs_group_memory_free(struct vexfs_volume *volume)
{
	struct vexfs_freed *freed, *next;

	if (!volume->groups)
		return;
	list_for_each_entry_safe(freed, next, &volume->freed, list)
		vexfs_let_go(volume, freed);
	kvfree(volume->groups);
	volume->groups = NULL;
}
