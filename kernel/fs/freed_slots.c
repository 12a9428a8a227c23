// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include "../engine/glue.h"
#include "freed_slots.h"
#include "vector_set.h"
#include "vexfs_fs.h"

struct vexfs_freed *vexfs_freed_alloc(u32 count)
{
	struct vexfs_freed *freed = kvmalloc(struct_size(freed, slots, count), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (freed)
		freed->count = count;
	return freed;
}

static int vexfs_compare_slots(const void *a, const void *b)
{
	const u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

struct vexfs_freed *vexfs_freed_find(const struct vexfs_set *set, const u64 *ids, u32 count)
{
	struct vexfs_freed *freed = vexfs_freed_alloc(count);
	u32 i, found = 0;

	if (!freed)
		return NULL;
	vx_ids_find_batch(set->ids, ids, count, freed->slots);
	for (i = 0; i < count; i++) {
		if (freed->slots[i] != VX_NO_SLOT)
			freed->slots[found++] = freed->slots[i];
	}
	freed->count = found;
	sort(freed->slots, found, sizeof(*freed->slots), vexfs_compare_slots, NULL);
	return freed;
}

void vexfs_freed_add(struct vexfs_set *set, struct vexfs_freed *freed, tid_t tid)
{
	freed->tid = tid;
	freed->ticket = vexfs_set_ticket();
	list_add_tail(&freed->list, &set->freed);
}

void vexfs_freed_forget(struct vexfs_volume *volume, const struct vexfs_set *set)
{
	const struct vexfs_freed *freed;

	list_for_each_entry(freed, &set->freed, list) {
		tid_t newest = READ_ONCE(volume->forgotten_tid);

		while (tid_gt(freed->tid, newest) && !try_cmpxchg(&volume->forgotten_tid, &newest, freed->tid))
			;
	}
}

int vexfs_freed_recall(const struct vexfs_volume *volume, struct vexfs_set *set)
{
	const tid_t tid = READ_ONCE(volume->forgotten_tid);
	const u64 count = set->slots - set->live_rows;
	struct vexfs_freed *freed;

	if (!volume->journal || !count || tid_geq(READ_ONCE(volume->journal->j_commit_sequence), tid))
		return 0;
	freed = vexfs_freed_alloc(count);
	if (!freed)
		return -ENOMEM;
	freed->count = vx_ids_free_slots(set->ids, 0, freed->slots, count);
	vexfs_freed_add(set, freed, tid);
	return 0;
}

/* Whether a slot is among them; asked for rising slots, after `at` was reset. */
static bool vexfs_is_freed(struct vexfs_set *set, u32 slot)
{
	struct vexfs_freed *freed;

	list_for_each_entry(freed, &set->freed, list) {
		while (freed->at < freed->count && freed->slots[freed->at] < slot)
			freed->at++;
		if (freed->at < freed->count && freed->slots[freed->at] == slot)
			return true;
	}
	return false;
}

u32 vexfs_freed_choose(struct vexfs_set *set, u32 *slots, u32 wanted)
{
	struct vexfs_freed *freed;
	u32 chosen = 0, from = 0;

	list_for_each_entry(freed, &set->freed, list)
		freed->at = 0;
	while (chosen < wanted) {
		/* Found behind those that are chosen, and then moved up to them. */
		const u32 found = vx_ids_free_slots(set->ids, from, slots + chosen, wanted - chosen);
		const u32 end = chosen + found;
		u32 i;

		if (!found)
			break;
		from = slots[end - 1] + 1;
		for (i = chosen; i < end; i++) {
			if (!vexfs_is_freed(set, slots[i]))
				slots[chosen++] = slots[i];
		}
	}
	return chosen;
}

void vexfs_freed_cut(struct vexfs_set *set, u64 slots)
{
	struct vexfs_freed *freed, *next;

	list_for_each_entry_safe(freed, next, &set->freed, list) {
		while (freed->count && freed->slots[freed->count - 1] >= slots)
			freed->count--;
		if (!freed->count) {
			list_del(&freed->list);
			kvfree(freed);
		}
	}
}
