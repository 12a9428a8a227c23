// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Rows of an indexed file that write(2), fallocate(2) and stores through mappings change where they lie. The log names them again
 * when their bytes have changed: so the index takes them anew, after a crash too.
 */
#include <linux/pagemap.h>
#include "../engine/glue.h"
#include "alloc.h"
#include "content.h"
#include "index.h"
#include "row_changes.h"
#include "vexfs_fs.h"

/* Runs of rows that are named one by one; with more the index is built anew. */
#define VEXFS_MOST_OVERWRITTEN 4096

/* Live slots in a row whose ids follow each other, from *slot on and below `stop`: how many. *slot: the first of them. */
static u64 vexfs_next_run(const struct vx_ids_info *info, u64 *slot, u64 stop)
{
	const u64 *live = (const u64 *)(unsigned long)info->live;
	const u64 *ids = (const u64 *)(unsigned long)info->ids;
	u64 end;

	while (*slot < stop && !(live[*slot / 64] >> (*slot % 64) & 1))
		(*slot)++;
	for (end = *slot; end < stop; end++) {
		if (!(live[end / 64] >> (end % 64) & 1) || ids[end] != ids[*slot] + (end - *slot))
			break;
		/* A run ends where the low half of its ids would overflow, as on the other side. */
		if (end > *slot && !(u32)ids[end])
			break;
	}
	return end - *slot;
}

/* Slots of rows with a byte in [from, to): bytes between rows mean nothing. */
static void vexfs_slots_within(const struct vexfs_set *set, u64 from, u64 to, u64 *first, u64 *stop)
{
	const struct vexfs_set_layout *layout = &set->layout;
	const u64 start = layout->data_offset;

	*first = 0;
	*stop = 0;
	if (to <= start)
		return;
	if (from > start) {
		*first = div_u64(from - start, layout->stride);
		if (start + *first * layout->stride + layout->row_bytes <= from)
			(*first)++;
	}
	*stop = min(set->slots, div_u64(to - start + layout->stride - 1, layout->stride));
}

/* -E2BIG: too many to be named. */
static int vexfs_name_overwritten(const struct vexfs_set *set, u64 from, u64 to, struct vexfs_records *records)
{
	struct vx_ids_info info;
	u64 first, stop, slot, count;
	u32 runs = 0;
	int error;

	vx_ids_info(set->ids, &info);
	vexfs_slots_within(set, from, to, &first, &stop);
	stop = min(stop, info.slots);
	for (slot = first; (count = vexfs_next_run(&info, &slot, stop)); slot += count) {
		if (++runs > VEXFS_MOST_OVERWRITTEN)
			return -E2BIG;
		cond_resched();
	}
	if (!runs)
		return 0;
	error = vexfs_records_init(records, 2 * runs);
	if (error)
		return error;
	for (slot = first; (count = vexfs_next_run(&info, &slot, stop)); slot += count) {
		vexfs_record_delete(records, slot, count);
		vexfs_record_rows(records, slot, ((const u64 *)(unsigned long)info.ids)[slot], count);
	}
	return 0;
}

static int vexfs_publish_overwritten(struct inode *inode, struct vexfs_set *set, const struct vexfs_records *records)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_set_counts counts;
	handle_t *handle;
	int error, stopped;

	handle = vexfs_start(inode->i_sb, vexfs_log_credits(inode, records->count, records->is_scattered));
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	vexfs_set_counts_of(set, &counts);
	error = vexfs_set_publish(handle, inode, set, records, &counts);
	if (!error) {
		/* The same rows in the same slots: the tables stay as they are. */
		mutex_lock(&info->set_lock);
		vexfs_index_follow(set, records);
		mutex_unlock(&info->set_lock);
	}
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

void vexfs_rows_overwritten(struct inode *inode, loff_t from, loff_t to)
{
	struct vexfs_records records = {};
	struct vexfs_set *set;
	int attempts = 0;
	int error;

	if (!vexfs_info(inode)->vector_set || from >= to)
		return;
	set = vexfs_set_get(inode);
	/* Without an index nobody has to be told; a set that cannot be read has none. */
	if (IS_ERR(set) || !set->index)
		return;
	error = vexfs_name_overwritten(set, from, to, &records);
	while (!error && records.count) {
		error = vexfs_publish_overwritten(inode, set, &records);
		if (error != -ENOSPC || !vexfs_records_retry(inode, &records, &attempts))
			break;
		error = 0;
	}
	vexfs_records_free(&records);
	if (error)
		vexfs_index_outdated(inode, set);
	else
		vexfs_log_compact(inode, set);
}

bool vexfs_has_index(struct inode *inode)
{
	struct vexfs_set *set;
	bool has_index;
	int ticket;

	if (!vexfs_info(inode)->vector_set)
		return false;
	set = vexfs_set_enter(inode, &ticket);
	if (IS_ERR(set))
		return false;
	has_index = READ_ONCE(set->index);
	vexfs_set_leave(ticket);
	return has_index;
}

void vexfs_note_stores(struct inode *inode, loff_t from, loff_t to)
{
	struct vexfs_inode_info *info = vexfs_info(inode);

	if (!info->vector_set)
		return;
	spin_lock(&inode->i_lock);
	info->stored_from = info->stored_to ? min(info->stored_from, from) : from;
	info->stored_to = max(info->stored_to, to);
	spin_unlock(&inode->i_lock);
}

bool vexfs_take_stores(struct inode *inode, loff_t *from, loff_t *to)
{
	struct vexfs_inode_info *info = vexfs_info(inode);

	if (!READ_ONCE(info->stored_to))
		return false;
	spin_lock(&inode->i_lock);
	*from = info->stored_from;
	*to = info->stored_to;
	info->stored_to = 0;
	spin_unlock(&inode->i_lock);
	return *to;
}

void vexfs_tell_stores(struct inode *inode, loff_t from, loff_t to)
{
	if (!vexfs_has_index(inode))
		return;
	/* Frozen: told by the next sync after it. */
	if (!vexfs_background_begin(inode->i_sb)) {
		vexfs_note_stores(inode, from, to);
		return;
	}
	inode_lock(inode);
	vexfs_rows_overwritten(inode, from, to);
	inode_unlock(inode);
	vexfs_background_end(inode->i_sb);
}
