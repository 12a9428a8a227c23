// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Insertions keep the pace of the index: past a bound it is the insert that becomes slow, not the search. */
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>
#include <vexfs.h>
#include "index.h"

/*
 * The caller holds set_lock. An index that rests, or takes what stood there when it was made, answers no searches anyway; one on the
 * volume never catches up.
 */
static bool vexfs_is_too_far_behind(const struct vexfs_index *index, u32 rows)
{
	if (index->is_gone || index->error || index->is_suspect || index->queue.is_broken || !index->graph ||
	    index->is_on_volume || vexfs_queue_is_scanning(&index->queue) || index->facts.rows < VEXFS_INDEX_LEAST_ROWS)
		return false;
	return vexfs_queue_rows(&index->queue) > VEXFS_INDEX_MOST_BEHIND - min_t(u32, rows, VEXFS_INDEX_MOST_BEHIND);
}

/* The index that a call with so many rows has to wait for, held; NULL for none. */
static struct vexfs_index *vexfs_index_behind(struct inode *inode, u32 rows)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_index *index;
	struct vexfs_set *set;
	int ticket;

	set = vexfs_set_enter(inode, &ticket);
	if (IS_ERR(set))
		return NULL;
	/* Most files have none, and nobody waits for one that comes just now. */
	if (!READ_ONCE(set->index)) {
		vexfs_set_leave(ticket);
		return NULL;
	}
	mutex_lock(&info->set_lock);
	index = set->index;
	if (index && vexfs_is_too_far_behind(index, rows))
		kref_get(&index->count);
	else
		index = NULL;
	mutex_unlock(&info->set_lock);
	vexfs_set_leave(ticket);
	return index;
}

int vexfs_index_keep_pace(struct inode *inode, u32 rows)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_index *index = vexfs_index_behind(inode, rows);
	long left = msecs_to_jiffies(VEXFS_INDEX_MOST_DELAY_MS);
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	bool is_behind = true;
	int error = 0;

	if (!index)
		return 0;
	add_wait_queue(&index->waiters, &wait);
	vexfs_index_wake(index);
	while (left) {
		mutex_lock(&info->set_lock);
		is_behind = vexfs_is_too_far_behind(index, rows);
		mutex_unlock(&info->set_lock);
		if (!is_behind)
			break;
		if (signal_pending(current)) {
			error = -EINTR;
			break;
		}
		left = wait_woken(&wait, TASK_INTERRUPTIBLE, left);
	}
	remove_wait_queue(&index->waiters, &wait);
	vexfs_index_put(index);
	return error;
}
