// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * BATCH_INSERT. The rows are copied and checked before anything is locked; then they are stored where no record names them; then
 * one transaction publishes records, header and inode, and the tables follow.
 */
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/writeback.h>
#include "../engine/glue.h"
#include "alloc.h"
#include "batch.h"
#include "content.h"
#include "file_size.h"
#include "index.h"
#include "inode_write.h"
#include "recycle.h"
#include "row_changes.h"
#include "trace.h"
#include "vector_calls.h"
#include "vexfs_fs.h"

#define VEXFS_INSERT_FLAGS (VEXFS_INSERT_OVERWRITE | VEXFS_INSERT_APPEND | VEXFS_INSERT_VALIDATE)

static int vexfs_check_request(const struct vexfs_set_layout *layout, const struct vexfs_batch_insert_request *request)
{
	const u32 both = VEXFS_INSERT_OVERWRITE | VEXFS_INSERT_APPEND;
	const u64 rows = request->vector_count;

	if (request->dimensions != layout->dimensions || request->flags & ~VEXFS_INSERT_FLAGS ||
	    (request->flags & both) == both || rows == 0)
		return -EINVAL;
	if (rows > VEXFS_MAX_ROWS_PER_CALL || rows * layout->dimensions * sizeof(float) > VEXFS_MAX_BYTES_PER_CALL ||
	    rows * layout->stride > VEXFS_MAX_BYTES_PER_CALL)
		return -E2BIG;
	return request->vectors ? 0 : -EFAULT;
}

static int vexfs_check_old_ids(const struct vexfs_set *set, const struct vexfs_batch *batch)
{
	u32 i, slot;

	for (i = 0; i < batch->rows; i++) {
		vx_ids_find_batch(set->ids, &batch->ids[i], 1, &slot);
		if (slot == VX_NO_SLOT)
			return -ENOENT;
	}
	return 0;
}

/* Whether the ids may be inserted; nothing changes the table meanwhile but who holds i_rwsem. */
static int vexfs_check_new_ids(const struct vexfs_set *set, const struct vexfs_batch *batch)
{
	size_t first;

	if (!batch->ids && batch->rows > VX_NO_ID - set->next_id)
		return -EOVERFLOW;
	if (batch->flags & VEXFS_INSERT_OVERWRITE)
		return batch->must_exist ? vexfs_check_old_ids(set, batch) : 0;
	first = batch->ids ? vx_ids_first_existing(set->ids, batch->ids, batch->rows) :
			     vx_ids_first_existing_range(set->ids, set->next_id, batch->rows);
	return first == batch->rows ? 0 : -EEXIST;
}

static int vexfs_choose_slots(struct vexfs_set *set, struct vexfs_batch *batch)
{
	u32 i;

	batch->slots = kvmalloc_array(batch->rows, sizeof(*batch->slots), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!batch->slots)
		return -ENOMEM;
	batch->tail = set->slots;
	batch->reused = vexfs_freed_choose(set, batch->slots, batch->rows);
	if (batch->tail + vexfs_batch_appended(batch) > VEXFS_MAX_ROWS_PER_FILE)
		return -EOVERFLOW;
	for (i = batch->reused; i < batch->rows; i++)
		batch->slots[i] = batch->tail + (i - batch->reused);
	return 0;
}

/* The slots of the ids that the batch replaces. */
static int vexfs_find_replaced(const struct vexfs_set *set, struct vexfs_batch *batch)
{
	struct vexfs_freed *old;

	if (!batch->ids || !(batch->flags & VEXFS_INSERT_OVERWRITE))
		return 0;
	old = vexfs_freed_find(set, batch->ids, batch->rows);
	if (!old)
		return -ENOMEM;
	if (old->count)
		batch->old = old;
	else
		kvfree(old);
	return 0;
}

/* How many rows from `row` on have slots and ids that follow each other. */
static u32 vexfs_run_of_rows(const struct vexfs_batch *batch, u32 row)
{
	u32 n = 1;

	while (row + n < batch->rows && batch->slots[row + n] == batch->slots[row] + n &&
	       (!batch->ids || batch->ids[row + n] == batch->ids[row] + n))
		n++;
	return n;
}

static u32 vexfs_count_records(const struct vexfs_batch *batch)
{
	u32 row, records = batch->old ? batch->old->count : 0;

	for (row = 0; row < batch->rows; row += vexfs_run_of_rows(batch, row))
		records++;
	return records;
}

static int vexfs_make_records(const struct vexfs_set *set, const struct vexfs_batch *batch, struct vexfs_records *records)
{
	u32 row, n, i;
	int error = vexfs_records_init(records, vexfs_count_records(batch));

	if (error)
		return error;
	for (i = 0; batch->old && i < batch->old->count; i++)
		vexfs_record_delete(records, batch->old->slots[i], 1);
	for (row = 0; row < batch->rows; row += n) {
		n = vexfs_run_of_rows(batch, row);
		vexfs_record_rows(records, batch->slots[row], batch->ids ? batch->ids[row] : set->next_id + row, n);
	}
	return 0;
}

static u64 vexfs_mark_after(const struct vexfs_set *set, const struct vexfs_batch *batch)
{
	u64 mark = batch->ids ? set->next_id : set->next_id + batch->rows;
	u32 i;

	for (i = 0; batch->ids && i < batch->rows; i++)
		mark = max(mark, batch->ids[i] + 1);
	return mark;
}

/* The tables follow what is published. There is room, and the ids were looked up: nothing of it fails. */
static void vexfs_update_tables(struct inode *inode, struct vexfs_set *set, struct vexfs_batch *batch,
				const struct vexfs_records *records, u64 id, tid_t tid)
{
	const unsigned int scope = memalloc_nofs_save();
	u32 row, n;

	mutex_lock(&vexfs_info(inode)->set_lock);
	if (batch->old)
		WARN_ON_ONCE(vx_ids_delete_slots(set->ids, batch->old->slots, batch->old->count));
	if (batch->ids) {
		WARN_ON_ONCE(vx_ids_put_batch(set->ids, batch->slots, batch->ids, batch->rows));
	} else {
		for (row = 0; row < batch->rows; row += n) {
			n = vexfs_run_of_rows(batch, row);
			vexfs_set_put(set, batch->slots[row], id + row, n);
		}
	}
	vexfs_index_follow(set, records);
	vexfs_set_reclaim(set);
	mutex_unlock(&vexfs_info(inode)->set_lock);
	memalloc_nofs_restore(scope);
	if (batch->old)
		vexfs_freed_add(set, batch->old, tid);
	batch->old = NULL;
}

static int vexfs_publish_batch(struct inode *inode, struct vexfs_set *set, struct vexfs_batch *batch,
			       struct vexfs_appended *appended, const struct vexfs_records *records)
{
	const struct vexfs_set_counts counts = {
		.slots = batch->tail + vexfs_batch_appended(batch),
		.live_rows = set->live_rows + batch->rows - (batch->old ? batch->old->count : 0),
		.next_id = vexfs_mark_after(set, batch),
	};
	const u64 id = set->next_id;
	const loff_t before = i_size_read(inode);
	handle_t *handle;
	int error, stopped;

	handle = vexfs_start(inode->i_sb, vexfs_join_credits(inode) + VEXFS_INODE_CREDITS +
						  vexfs_log_credits(inode, records->count, records->is_scattered));
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_order_reused(handle, inode, batch);
	if (!error)
		error = vexfs_mark_appended(handle, appended);
	if (!error)
		error = vexfs_set_publish(handle, inode, set, records, &counts);
	if (error) {
		vexfs_stop(handle);
		return error;
	}
	error = vexfs_join_appended(handle, appended);
	if (!error) {
		if (!batch->is_move)
			vexfs_touch_mtime_ctime(inode);
		error = vexfs_write_inode(handle, inode);
	}
	/* The header counts what is not there. */
	if (error)
		vexfs_abort(handle, error);
	else
		vexfs_update_tables(inode, set, batch, records, id, handle->h_transaction->t_tid);
	batch->first_id = batch->ids ? batch->ids[0] : id;
	if (!error && !batch->is_move)
		trace_vexfs_insert_publish(inode, batch->rows, set->live_rows, handle->h_transaction->t_tid);
	stopped = vexfs_stop(handle);
	if (i_size_read(inode) > before)
		pagecache_isize_extended(inode, before, i_size_read(inode));
	return error ?: stopped;
}

/* Rows that were cut off could come back after a crash, with the bytes of those that come now. */
static int vexfs_wait_for_cut(struct inode *inode, struct vexfs_set *set)
{
	if (set->has_cut_tid) {
		int error = jbd2_complete_transaction(vexfs_volume(inode->i_sb)->journal, set->cut_tid);

		if (error)
			return error;
		set->has_cut_tid = false;
	}
	if (set->was_cut) {
		vexfs_set_wait();
		set->was_cut = false;
	}
	return 0;
}

static int vexfs_store_batch(struct file *file, struct vexfs_set *set, struct vexfs_batch *batch,
			     const struct vexfs_records *records)
{
	struct inode *inode = file_inode(file);
	struct vexfs_appended appended = {};
	int error;

	error = vexfs_set_reserve(inode, set, batch->tail + vexfs_batch_appended(batch), set->live_rows + batch->rows);
	if (!error && vexfs_batch_appended(batch) && vexfs_batch_end(batch) > i_size_read(inode))
		error = inode_newsize_ok(inode, vexfs_batch_end(batch));
	if (!error)
		error = file_remove_privs(file);
	if (!error)
		error = vexfs_store_reused(file, batch);
	if (!error)
		error = vexfs_store_appended(&appended, file, batch);
	if (!error)
		error = vexfs_publish_batch(inode, set, batch, &appended, records);
	if (error)
		vexfs_drop_appended(&appended);
	vexfs_end_appended(&appended);
	if (!error)
		balance_dirty_pages_ratelimited(inode->i_mapping);
	return error;
}

int vexfs_batch_move(struct inode *inode, struct vexfs_set *set, struct vexfs_batch *batch)
{
	struct vexfs_appended nothing = { .batch = batch, .inode = inode };
	struct vexfs_records records = {};
	int attempts = 0;
	int error = vexfs_set_reserve(inode, set, set->slots, set->live_rows + batch->rows);

	if (!error)
		error = vexfs_make_records(set, batch, &records);
	if (!error) {
		do
			error = vexfs_publish_batch(inode, set, batch, &nothing, &records);
		while (error == -ENOSPC && vexfs_records_retry(inode, &records, &attempts));
	}
	vexfs_records_free(&records);
	if (!error)
		vexfs_log_compact(inode, set);
	return error;
}

static int vexfs_insert_locked(struct file *file, struct vexfs_batch *batch)
{
	struct inode *inode = file_inode(file);
	struct vexfs_set *set = vexfs_set_get(inode);
	struct vexfs_records records = {};
	int attempts = 0;
	int error;

	if (IS_ERR(set))
		return PTR_ERR(set);
	/* The file has got another layout since the rows were converted. */
	if (set->serial != batch->serial)
		return -EINVAL;
	error = vexfs_check_new_ids(set, batch);
	if (error || batch->flags == VEXFS_INSERT_VALIDATE)
		return error;
	error = vexfs_wait_for_cut(inode, set);
	if (error)
		return error;
	vexfs_recycle(inode, set);
	error = vexfs_choose_slots(set, batch);
	if (!error)
		error = vexfs_find_replaced(set, batch);
	if (!error)
		error = vexfs_make_records(set, batch, &records);
	if (!error && signal_pending(current))
		error = -EINTR;
	if (!error) {
		do
			error = vexfs_store_batch(file, set, batch, &records);
		while (error == -ENOSPC && vexfs_records_retry(inode, &records, &attempts));
	}
	vexfs_records_free(&records);
	if (error)
		return error;
	set->insert_calls++;
	set->rows_inserted += batch->rows;
	atomic64_inc(&vexfs_volume(inode->i_sb)->counters.insert_calls);
	atomic64_add(batch->rows, &vexfs_volume(inode->i_sb)->counters.rows_inserted);
	vexfs_log_compact(inode, set);
	vexfs_recycle_later(inode, set);
	return 0;
}

int vexfs_batch_store(struct file *file, struct vexfs_batch *batch)
{
	struct inode *inode = file_inode(file);
	int error = 0;

	if (batch->flags != VEXFS_INSERT_VALIDATE)
		error = vexfs_index_keep_pace(inode, batch->rows);
	if (error)
		return error;
	inode_lock(inode);
	error = vexfs_insert_locked(file, batch);
	inode_unlock(inode);
	return error;
}

int vexfs_batch_insert(struct file *file, const struct vexfs_batch_insert_request *request)
{
	struct inode *inode = file_inode(file);
	struct vexfs_batch batch = {};
	int error;

	if (IS_APPEND(inode) && request->flags & VEXFS_INSERT_OVERWRITE)
		return -EPERM;
	error = vexfs_set_describe(inode, &batch.layout, &batch.serial);
	if (!error)
		error = vexfs_check_request(&batch.layout, request);
	if (error)
		return error;
	error = vexfs_batch_copy(&batch, inode, request);
	if (!error)
		error = vexfs_batch_store(file, &batch);
	vexfs_batch_free(&batch);
	if (error || batch.flags == VEXFS_INSERT_VALIDATE)
		return error;
	return vexfs_call_changed(file);
}
