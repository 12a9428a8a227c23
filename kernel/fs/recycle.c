// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "../engine/glue.h"
#include "batch.h"
#include "content.h"
#include "file_size.h"
#include "freed_slots.h"
#include "index.h"
#include "pack.h"
#include "recycle.h"
#include "row_changes.h"
#include "vexfs_fs.h"

/* How long freed slots wait before somebody looks again whether their transaction is committed. */
#define VEXFS_RECYCLE_DELAY (HZ / 10)

/* Numbers of the inodes that have such slots. None is held: with the inode its freed slots are forgotten too. */
struct vexfs_recycler {
	struct vexfs_volume *volume;
	struct delayed_work work;
	struct xarray waiting;
};

/* What the next step for an inode waits for: of its freed slots the youngest. */
struct vexfs_awaited {
	bool has_freed;
	bool is_packing;
	tid_t tid;
	unsigned long ticket;
};

static bool vexfs_is_unsettled(const struct vexfs_set *set)
{
	return !list_empty(&set->freed) || set->packing != VEXFS_PACKING_NOT;
}

static bool vexfs_is_reusable(const journal_t *journal, const struct vexfs_freed *freed)
{
	return tid_geq(READ_ONCE(journal->j_commit_sequence), freed->tid) && vexfs_set_is_over(freed->ticket);
}

/* Cuts the file off behind its last row, where nothing but free slots follows. What fails stays as free slots. */
static void vexfs_cut_end(struct inode *inode, struct vexfs_set *set)
{
	const u64 size = vexfs_slot_offset(&set->layout, set->slots);
	u64 end = vx_ids_live_end(set->ids);
	struct vexfs_freed *freed;

	list_for_each_entry(freed, &set->freed, list)
		end = max_t(u64, end, (u64)freed->slots[freed->count - 1] + 1);
	if (end >= set->slots || i_size_read(inode) != size)
		return;
	if (!vexfs_rows_prepare(inode, vexfs_slot_offset(&set->layout, end)))
		vexfs_cut_off(inode, vexfs_slot_offset(&set->layout, end));
}

/* The first of the slots, of `count` at most. */
static int vexfs_zero_slots(struct inode *inode, const struct vexfs_set *set, const struct vexfs_freed *freed, u32 count)
{
	u32 i, n;

	for (i = 0; i < count; i += n) {
		int error;

		for (n = 1; i + n < count && freed->slots[i + n] == freed->slots[i] + n; n++)
			;
		error = vexfs_zero_content(inode, vexfs_slot_offset(&set->layout, freed->slots[i]),
					   (u64)n * set->layout.stride);
		if (error)
			return error;
	}
	return 0;
}

/* How many of the slots lie in front of `end`. */
static u32 vexfs_count_before(const struct vexfs_freed *freed, u64 end)
{
	u32 count = freed->count;

	while (count && freed->slots[count - 1] >= end)
		count--;
	return count;
}

void vexfs_recycle(struct inode *inode, struct vexfs_set *set)
{
	const journal_t *journal = vexfs_volume(inode->i_sb)->journal;
	struct vexfs_freed *freed, *next;
	LIST_HEAD(reusable);
	bool is_current;
	u64 end;

	list_for_each_entry_safe(freed, next, &set->freed, list) {
		if (!vexfs_is_reusable(journal, freed))
			break;
		list_move_tail(&freed->list, &reusable);
	}
	if (list_empty(&reusable))
		return;
	is_current = vexfs_index_is_current(inode, set);
	if (is_current)
		vexfs_cut_end(inode, set);
	/* What is to be cut off waits for the index. */
	end = is_current ? set->slots : vx_ids_live_end(set->ids);
	list_for_each_entry_safe_reverse(freed, next, &reusable, list) {
		const u32 count = vexfs_count_before(freed, end);

		/* Bytes of old rows that cannot be cleared stay where they are: a new row in the slot replaces them. */
		vexfs_zero_slots(inode, set, freed, count);
		freed->count -= count;
		memmove(freed->slots, freed->slots + count, freed->count * sizeof(*freed->slots));
		list_del(&freed->list);
		if (is_current || !freed->count)
			kvfree(freed);
		else
			list_add(&freed->list, &set->freed);
	}
	if (set->packing == VEXFS_PACKING_NOT)
		set->packing = VEXFS_PACKING_WANTED;
}

/* The next step of giving free slots back; what fails ends it until slots come free again. */
static void vexfs_pack(struct inode *inode, struct vexfs_set *set)
{
	if (set->packing == VEXFS_PACKING_NOT || !list_empty(&set->freed) || !vexfs_index_is_current(inode, set))
		return;
	vexfs_cut_end(inode, set);
	if (!vexfs_index_is_current(inode, set))
		return;
	if ((set->packing == VEXFS_PACKING_BEGUN || vexfs_pack_is_due(set)) && vexfs_pack_some(inode, set) > 0)
		set->packing = VEXFS_PACKING_BEGUN;
	else
		set->packing = VEXFS_PACKING_NOT;
}

/* What can be done for the slots of an inode now. Whether there is more, later. */
static bool vexfs_recycle_inode(struct inode *inode, struct vexfs_awaited *awaited)
{
	struct vexfs_set *set;
	bool waits = false;

	*awaited = (struct vexfs_awaited){};
	inode_lock(inode);
	set = vexfs_info(inode)->set;
	if (set && inode->i_nlink) {
		set->is_recycling = true;
		vexfs_recycle(inode, set);
		vexfs_pack(inode, set);
		set->is_recycling = false;
		waits = vexfs_is_unsettled(set);
		awaited->has_freed = !list_empty(&set->freed);
		awaited->is_packing = set->packing == VEXFS_PACKING_BEGUN;
	}
	if (awaited->has_freed) {
		const struct vexfs_freed *last = list_last_entry(&set->freed, struct vexfs_freed, list);

		awaited->tid = last->tid;
		awaited->ticket = last->ticket;
	}
	inode_unlock(inode);
	return waits;
}

int vexfs_recycle_settle(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	struct vexfs_awaited awaited;
	int error = 0;
	bool waits;

	if (!vexfs_volume(sb)->journal || !vexfs_background_begin(sb))
		return 0;
	waits = vexfs_recycle_inode(inode, &awaited);
	if (awaited.has_freed)
		error = jbd2_complete_transaction(vexfs_volume(sb)->journal, awaited.tid);
	vexfs_background_end(sb);
	while (!error && awaited.has_freed && !vexfs_set_is_over(awaited.ticket)) {
		schedule_timeout_interruptible(1);
		if (signal_pending(current))
			error = -EINTR;
	}
	return error ?: waits;
}

static void vexfs_recycle_work(struct work_struct *work)
{
	struct vexfs_recycler *recycler = container_of(to_delayed_work(work), struct vexfs_recycler, work);
	struct super_block *sb = recycler->volume->sb;
	struct vexfs_awaited awaited;
	unsigned long number;
	void *entry;

	if (!vexfs_background_begin(sb))
		goto later;
	xa_for_each(&recycler->waiting, number, entry) {
		struct inode *inode;

		xa_erase(&recycler->waiting, number);
		inode = sb_rdonly(sb) ? NULL : ilookup(sb, number);
		if (inode && vexfs_recycle_inode(inode, &awaited)) {
			xa_store(&recycler->waiting, number, xa_mk_value(1), GFP_KERNEL);
			/* Each step has to be committed before the next: a commit by the clock would make it a matter of hours. */
			if (awaited.has_freed && awaited.is_packing)
				jbd2_journal_start_commit(recycler->volume->journal, NULL);
		}
		iput(inode);
		cond_resched();
	}
	vexfs_background_end(sb);
later:
	/* On a volume that is read-only they wait for the next that is to be done after it. */
	if (!xa_empty(&recycler->waiting) && !sb_rdonly(sb))
		schedule_delayed_work(&recycler->work, VEXFS_RECYCLE_DELAY);
}

void vexfs_recycle_later(struct inode *inode, struct vexfs_set *set)
{
	struct vexfs_recycler *recycler = READ_ONCE(vexfs_volume(inode->i_sb)->recycler);

	if (!recycler || !vexfs_is_unsettled(set))
		return;
	/* Without memory for it the next insert does the work. */
	if (!xa_is_err(xa_store(&recycler->waiting, inode->i_ino, xa_mk_value(1), GFP_NOFS)))
		schedule_delayed_work(&recycler->work, VEXFS_RECYCLE_DELAY);
}

int vexfs_recycler_start(struct vexfs_volume *volume)
{
	struct vexfs_recycler *recycler = kzalloc(sizeof(*recycler), GFP_KERNEL);

	if (!recycler)
		return -ENOMEM;
	recycler->volume = volume;
	INIT_DELAYED_WORK(&recycler->work, vexfs_recycle_work);
	xa_init(&recycler->waiting);
	volume->recycler = recycler;
	return 0;
}

void vexfs_recycler_stop(struct vexfs_volume *volume)
{
	if (!volume->recycler)
		return;
	cancel_delayed_work_sync(&volume->recycler->work);
	xa_destroy(&volume->recycler->waiting);
	kfree(volume->recycler);
	volume->recycler = NULL;
}
