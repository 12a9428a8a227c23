// SPDX-License-Identifier: GPL-2.0 OR MIT
/* write(2) and truncate(2) change how many slots a file has: new ones become rows, the rows of those that go are gone. */
#include <linux/bitops.h>
#include "../engine/glue.h"
#include "freed_slots.h"
#include "index.h"
#include "row_changes.h"
#include "trace.h"
#include "vexfs_fs.h"

int vexfs_rows_prepare(struct inode *inode, loff_t size)
{
	struct vexfs_set *set = vexfs_set_get(inode);
	u64 slots;

	if (IS_ERR(set))
		return PTR_ERR(set) == -ENODATA ? 0 : PTR_ERR(set);
	slots = vexfs_slots_in(&set->layout, size);
	if (slots <= set->slots)
		return 0;
	/* Slots behind a cut get other ids, which a search that began before it must not see. */
	if (set->was_cut) {
		vexfs_set_wait();
		set->was_cut = false;
	}
	return vexfs_set_reserve(inode, set, slots, set->live_rows + (slots - set->slots));
}

int vexfs_rows_credits(const struct inode *inode)
{
	return vexfs_info(inode)->vector_set ? vexfs_log_credits(inode, 1, false) : 0;
}

/* The new slots that an id is left for are rows. */
static int vexfs_rows_grow(handle_t *handle, struct inode *inode, struct vexfs_set *set, u64 slots,
			   struct vexfs_records *records)
{
	const u64 known = set->slots;
	const u64 id = set->next_id;
	const u64 count = min(slots - known, VX_NO_ID - id);
	const struct vexfs_set_counts counts = {
		.slots = slots,
		.live_rows = set->live_rows + count,
		.next_id = id + count,
	};
	int error;

	if (count)
		vexfs_record_rows(records, known, id, count);
	error = vexfs_set_publish(handle, inode, set, records, &counts);
	if (error)
		return error;
	mutex_lock(&vexfs_info(inode)->set_lock);
	vexfs_set_put(set, known, id, count);
	if (known + count < slots)
		WARN_ON_ONCE(vx_ids_truncate(set->ids, slots));
	vexfs_index_follow(set, records);
	mutex_unlock(&vexfs_info(inode)->set_lock);
	atomic64_add(count, &vexfs_volume(inode->i_sb)->counters.rows_adopted);
	trace_vexfs_adopt(inode, count, set->live_rows, handle->h_transaction->t_tid);
	return 0;
}

/* Live rows in front of `slots`. */
static u64 vexfs_rows_before(const struct vexfs_set *set, u64 slots)
{
	struct vx_ids_info info;
	const u64 *live;
	u64 word, gone = 0;

	vx_ids_info(set->ids, &info);
	live = (const u64 *)(unsigned long)info.live;
	for (word = slots / 64; word * 64 < info.slots; word++)
		gone += hweight64(word == slots / 64 ? live[word] & ~0ull << (slots % 64) : live[word]);
	return info.rows - gone;
}

static int vexfs_rows_cut(handle_t *handle, struct inode *inode, struct vexfs_set *set, u64 slots,
			  struct vexfs_records *records)
{
	const struct vexfs_set_counts counts = {
		.slots = slots,
		.live_rows = vexfs_rows_before(set, slots),
		.next_id = set->next_id,
	};
	const bool has_rows = counts.live_rows < set->live_rows;
	int error;

	vexfs_record_truncate(records, slots);
	error = vexfs_set_publish(handle, inode, set, records, &counts);
	if (error)
		return error;
	mutex_lock(&vexfs_info(inode)->set_lock);
	vx_ids_truncate(set->ids, slots);
	vexfs_index_follow(set, records);
	mutex_unlock(&vexfs_info(inode)->set_lock);
	vexfs_freed_cut(set, slots);
	if (has_rows) {
		set->was_cut = true;
		set->has_cut_tid = true;
		set->cut_tid = handle->h_transaction->t_tid;
	}
	return 0;
}

int vexfs_rows_resize(handle_t *handle, struct inode *inode, loff_t size)
{
	struct vexfs_log_record list[1];
	struct vexfs_records records = { .list = list, .room = ARRAY_SIZE(list) };
	struct vexfs_set *set;
	u64 slots;

	if (!vexfs_info(inode)->vector_set)
		return 0;
	set = vexfs_info(inode)->set;
	if (WARN_ON_ONCE(!set))
		return -EUCLEAN;
	slots = vexfs_slots_in(&set->layout, size);
	if (slots > set->slots)
		return vexfs_rows_grow(handle, inode, set, slots, &records);
	return slots < set->slots ? vexfs_rows_cut(handle, inode, set, slots, &records) : 0;
}
