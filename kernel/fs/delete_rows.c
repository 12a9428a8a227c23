// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * DELETE_EMBEDDING and BATCH_DELETE. The ids are copied and checked before anything is locked; then one transaction publishes the
 * records, and the places wait until they can be used again.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../engine/glue.h"
#include "alloc.h"
#include "caller_ids.h"
#include "freed_slots.h"
#include "index.h"
#include "inode_write.h"
#include "recycle.h"
#include "row_changes.h"
#include "trace.h"
#include "vector_calls.h"
#include "vexfs_fs.h"

/* Slots rising as records. */
static int vexfs_make_deletions(const struct vexfs_freed *freed, struct vexfs_records *records)
{
	u32 i, runs = 0;
	int error;

	for (i = 0; i < freed->count; i++)
		runs += i == 0 || freed->slots[i] != freed->slots[i - 1] + 1;
	error = vexfs_records_init(records, runs);
	for (i = 0; !error && i < freed->count; i++)
		vexfs_record_delete(records, freed->slots[i], 1);
	return error;
}

/* The tables follow what is published: nothing of it fails. Takes `freed`. */
static void vexfs_forget_rows(struct inode *inode, struct vexfs_set *set, struct vexfs_freed *freed,
			      const struct vexfs_records *records, tid_t tid)
{
	const unsigned int scope = memalloc_nofs_save();

	mutex_lock(&vexfs_info(inode)->set_lock);
	WARN_ON_ONCE(vx_ids_delete_slots(set->ids, freed->slots, freed->count));
	vexfs_index_follow(set, records);
	vexfs_set_reclaim(set);
	mutex_unlock(&vexfs_info(inode)->set_lock);
	memalloc_nofs_restore(scope);
	vexfs_freed_add(set, freed, tid);
}

/* *freed is taken, and NULL then, when the rows are gone. */
static int vexfs_publish_deletion(struct inode *inode, struct vexfs_set *set, struct vexfs_freed **freed,
				  const struct vexfs_records *records)
{
	const u32 rows = (*freed)->count;
	const struct vexfs_set_counts counts = {
		.slots = set->slots,
		.live_rows = set->live_rows - rows,
		.next_id = set->next_id,
	};
	handle_t *handle;
	int error, stopped;

	handle = vexfs_start(inode->i_sb, VEXFS_INODE_CREDITS +
						  vexfs_log_credits(inode, records->count, records->is_scattered));
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_set_publish(handle, inode, set, records, &counts);
	if (error) {
		vexfs_stop(handle);
		return error;
	}
	vexfs_touch_mtime_ctime(inode);
	error = vexfs_write_inode(handle, inode);
	/* The header counts without them already. */
	if (error) {
		vexfs_abort(handle, error);
	} else {
		vexfs_forget_rows(inode, set, *freed, records, handle->h_transaction->t_tid);
		*freed = NULL;
		trace_vexfs_delete_publish(inode, rows, set->live_rows, handle->h_transaction->t_tid);
	}
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

/* The rows of these slots go. *freed is taken, and NULL then, when they are gone. */
static int vexfs_delete_slots(struct file *file, struct vexfs_set *set, struct vexfs_freed **freed)
{
	struct inode *inode = file_inode(file);
	struct vexfs_records records = {};
	int attempts = 0;
	int error = vexfs_make_deletions(*freed, &records);

	if (!error)
		error = file_remove_privs(file);
	while (!error) {
		error = vexfs_publish_deletion(inode, set, freed, &records);
		if (error != -ENOSPC || !vexfs_records_retry(inode, &records, &attempts))
			break;
		error = 0;
	}
	vexfs_records_free(&records);
	if (error)
		return error;
	vexfs_log_compact(inode, set);
	vexfs_recycle_later(inode, set);
	return 0;
}

/* The caller holds i_rwsem. How many rows went, or a negative errno. */
static s64 vexfs_delete_locked(struct file *file, const u64 *ids, u32 count, u32 flags)
{
	struct vexfs_set *set = vexfs_set_get(file_inode(file));
	struct vexfs_freed *freed;
	u32 rows;
	int error = 0;

	if (IS_ERR(set))
		return PTR_ERR(set);
	freed = vexfs_freed_find(set, ids, count);
	if (!freed)
		return -ENOMEM;
	rows = freed->count;
	if (rows < count && !(flags & VEXFS_DELETE_MISSING_OK))
		error = -ENOENT;
	else if (rows)
		error = vexfs_delete_slots(file, set, &freed);
	kvfree(freed);
	return error ?: (s64)rows;
}

/* Ids that are checked already. */
static int vexfs_delete_ids(struct file *file, const u64 *ids, u32 count, u32 flags)
{
	struct inode *inode = file_inode(file);
	s64 gone;

	inode_lock(inode);
	gone = vexfs_delete_locked(file, ids, count, flags);
	inode_unlock(inode);
	if (gone < 0)
		return gone;
	return gone ? vexfs_call_changed(file) : 0;
}

/* Whether the file has rows that may be deleted. */
static int vexfs_may_delete(struct inode *inode)
{
	struct vexfs_set_layout layout;
	u64 serial;

	return IS_APPEND(inode) ? -EPERM : vexfs_set_describe(inode, &layout, &serial);
}

int vexfs_delete_embedding(struct file *file, const struct vexfs_delete_embedding *call)
{
	int error = vexfs_may_delete(file_inode(file));

	if (error)
		return error;
	if (call->flags & ~VEXFS_DELETE_MISSING_OK || call->reserved || call->id == VX_NO_ID)
		return -EINVAL;
	return vexfs_delete_ids(file, &call->id, 1, call->flags);
}

int vexfs_batch_delete(struct file *file, const struct vexfs_batch_delete *call)
{
	struct inode *inode = file_inode(file);
	int error = vexfs_may_delete(inode);
	u64 *ids;

	if (error)
		return error;
	if (!call->count || call->flags & ~VEXFS_DELETE_MISSING_OK ||
	    memchr_inv(call->reserved, 0, sizeof(call->reserved)))
		return -EINVAL;
	if (call->count > VEXFS_MAX_ROWS_PER_CALL)
		return -E2BIG;
	ids = vexfs_ids_copy(u64_to_user_ptr(call->ids), call->count);
	if (IS_ERR(ids))
		return PTR_ERR(ids);
	error = vexfs_ids_check(inode, ids, call->count);
	if (!error)
		error = vexfs_delete_ids(file, ids, call->count, call->flags);
	kvfree(ids);
	return error;
}
