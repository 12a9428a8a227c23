// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "batch.h"
#include "content.h"
#include "engine.h"
#include "file_size.h"
#include "freed_slots.h"
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

static int vexfs_zero_slots(struct inode *inode, const struct vexfs_set *set, const struct vexfs_freed *freed)
{
	u32 i, n;

	for (i = 0; i < freed->count && freed->slots[i] < set->slots; i += n) {
		int error;

		for (n = 1; i + n < freed->count && freed->slots[i + n] == freed->slots[i] + n &&
			    freed->slots[i + n] < set->slots; n++)
			;
		error = vexfs_zero_content(inode, vexfs_slot_offset(&set->layout, freed->slots[i]),
					   (u64)n * set->layout.stride);
		if (error)
			return error;
	}
	return 0;
}

void vexfs_recycle(struct inode *inode, struct vexfs_set *set)
{
	const journal_t *journal = vexfs_volume(inode->i_sb)->journal;
	struct vexfs_freed *freed, *next;
	LIST_HEAD(reusable);

	list_for_each_entry_safe(freed, next, &set->freed, list) {
		if (!vexfs_is_reusable(journal, freed))
			break;
		list_move_tail(&freed->list, &reusable);
	}
	if (list_empty(&reusable))
		return;
	vexfs_cut_end(inode, set);
	list_for_each_entry_safe(freed, next, &reusable, list) {
		/* Bytes of old rows that cannot be cleared stay where they are: a new row in the slot replaces them. */
		vexfs_zero_slots(inode, set, freed);
		list_del(&freed->list);
		kvfree(freed);
	}
}

/* Whether slots of an inode still wait. */
static bool vexfs_recycle_inode(struct inode *inode)
{
	struct vexfs_set *set;
	bool waits;

	inode_lock(inode);
	set = vexfs_info(inode)->set;
	if (set && inode->i_nlink)
		vexfs_recycle(inode, set);
	waits = set && inode->i_nlink && !list_empty(&set->freed);
	inode_unlock(inode);
	return waits;
}

static void vexfs_recycle_work(struct work_struct *work)
{
	struct vexfs_recycler *recycler = container_of(to_delayed_work(work), struct vexfs_recycler, work);
	struct super_block *sb = recycler->volume->sb;
	unsigned long number;
	void *entry;

	if (!sb_start_write_trylock(sb))
		goto later;
	xa_for_each(&recycler->waiting, number, entry) {
		struct inode *inode;

		xa_erase(&recycler->waiting, number);
		inode = sb_rdonly(sb) ? NULL : ilookup(sb, number);
		if (inode && vexfs_recycle_inode(inode))
			xa_store(&recycler->waiting, number, xa_mk_value(1), GFP_KERNEL);
		iput(inode);
		cond_resched();
	}
	sb_end_write(sb);
later:
	if (!xa_empty(&recycler->waiting))
		schedule_delayed_work(&recycler->work, VEXFS_RECYCLE_DELAY);
}

void vexfs_recycle_later(struct inode *inode, struct vexfs_set *set)
{
	struct vexfs_recycler *recycler = vexfs_volume(inode->i_sb)->recycler;

	if (list_empty(&set->freed))
		return;
	/* Without memory for it the next insert does the work. */
	if (!xa_is_err(xa_store(&recycler->waiting, inode->i_ino, xa_mk_value(1), GFP_KERNEL)))
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
