// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Packing: when many slots are free, rows from the end of a file move into them, some in each transaction, and the file is cut off. The rules stand in
 * docs/format.md, "Free slots"; both backends have to come to the same.
 */
#include <linux/bitops.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include "../engine/glue.h"
#include "batch.h"
#include "content.h"
#include "pack.h"
#include "vexfs_fs.h"

bool vexfs_pack_is_due(const struct vexfs_set *set)
{
	const u64 free = set->slots - set->live_rows;

	return free * VEXFS_PACK_LEAST_SHARE > set->slots && free * set->layout.stride > VEXFS_PACK_LEAST_BYTES;
}

/* The highest live slots, rising; there are so many. */
static void vexfs_last_rows(const struct vexfs_set *set, u32 *slots, u32 count)
{
	struct vx_ids_info info;
	const u64 *live;
	u64 word;

	vx_ids_info(set->ids, &info);
	live = (const u64 *)(unsigned long)info.live;
	for (word = DIV_ROUND_UP_ULL(info.slots, 64); count && word--;) {
		u64 bits;

		for (bits = live[word]; bits && count; bits &= ~BIT_ULL(slots[count] % 64))
			slots[--count] = word * 64 + fls64(bits) - 1;
	}
}

/* Chooses which rows go where, `bound` at most. 0 rows when no slot in front of a row is free. */
static int vexfs_choose_moves(const struct vexfs_set *set, struct vexfs_batch *batch, u32 bound)
{
	const u32 most = clamp_t(u32, VEXFS_PACK_MOST_BYTES / batch->layout.stride, 1, bound);
	struct vx_ids_info info;
	u32 i;

	batch->slots = kvmalloc_array(most, sizeof(*batch->slots), GFP_KERNEL_ACCOUNT);
	batch->ids = kvmalloc_array(most, sizeof(*batch->ids), GFP_KERNEL_ACCOUNT);
	batch->old = vexfs_freed_alloc(most);
	if (!batch->slots || !batch->ids || !batch->old)
		return -ENOMEM;
	batch->rows = vx_ids_free_slots(set->ids, 0, batch->slots, most);
	while (batch->rows && batch->slots[batch->rows - 1] >= set->live_rows)
		batch->rows--;
	batch->reused = batch->rows;
	batch->old->count = batch->rows;
	vexfs_last_rows(set, batch->old->slots, batch->rows);
	vx_ids_info(set->ids, &info);
	for (i = 0; i < batch->rows; i++)
		batch->ids[i] = ((const u64 *)(unsigned long)info.ids)[batch->old->slots[i]];
	return 0;
}

static int vexfs_lock_folio(struct inode *inode, u64 at, bool is_store, struct folio **folio)
{
	int error;

	do {
		*folio = read_mapping_folio(inode->i_mapping, at / PAGE_SIZE, NULL);
		if (IS_ERR(*folio))
			return PTR_ERR(*folio);
		if (!is_store) {
			folio_lock(*folio);
			return 0;
		}
		error = vexfs_store_begins(inode, *folio);
		if (error)
			folio_put(*folio);
	} while (error == -EAGAIN);
	return error;
}

/* Bytes of the file, all in front of its end, from or to memory. Other changes of its size and blocks wait for i_rwsem. */
static int vexfs_copy_slot(struct inode *inode, u64 at, void *bytes, size_t count, bool is_store)
{
	while (count) {
		const size_t piece = min_t(size_t, count, PAGE_SIZE - at % PAGE_SIZE);
		struct folio *folio;
		void *there;
		int error = vexfs_lock_folio(inode, at, is_store, &folio);

		if (error)
			return error;
		there = folio_address(folio) + (at - folio_pos(folio));
		if (is_store) {
			folio_wait_stable(folio);
			memcpy(there, bytes, piece);
			flush_dcache_folio(folio);
		} else {
			memcpy(bytes, there, piece);
		}
		folio_unlock(folio);
		folio_put(folio);
		at += piece;
		bytes += piece;
		count -= piece;
	}
	return 0;
}

static int vexfs_copy_moves(struct inode *inode, const struct vexfs_batch *batch)
{
	const u32 stride = batch->layout.stride;
	void *row = kvmalloc(stride, GFP_KERNEL_ACCOUNT);
	int error = row ? 0 : -ENOMEM;
	u32 i;

	for (i = 0; i < batch->rows && !error; i++) {
		error = vexfs_copy_slot(inode, vexfs_slot_offset(&batch->layout, batch->old->slots[i]), row, stride, false);
		if (!error)
			error = vexfs_copy_slot(inode, vexfs_slot_offset(&batch->layout, batch->slots[i]), row, stride, true);
		cond_resched();
	}
	kvfree(row);
	return error;
}

/* How many rows were to move comes back in *rows. */
static int vexfs_pack_rows(struct inode *inode, struct vexfs_set *set, u32 bound, u32 *rows)
{
	struct vexfs_batch batch = {
		.layout = set->layout,
		.serial = set->serial,
		.flags = VEXFS_INSERT_OVERWRITE,
		.is_move = true,
		.tail = set->slots,
	};
	int error = vexfs_choose_moves(set, &batch, bound);

	*rows = batch.rows;
	if (!error && batch.rows) {
		error = vexfs_copy_moves(inode, &batch);
		if (!error)
			error = vexfs_batch_move(inode, set, &batch);
	}
	vexfs_batch_free(&batch);
	return error;
}

int vexfs_pack_some(struct inode *inode, struct vexfs_set *set)
{
	u32 rows = 2 * VEXFS_PACK_MOST_ROWS;
	int error;

	if (IS_APPEND(inode) || IS_IMMUTABLE(inode))
		return -EPERM;
	/* On a full disk this is how space comes back: a smaller batch has fewer records. */
	do
		error = vexfs_pack_rows(inode, set, rows / 2, &rows);
	while (error == -ENOSPC && rows > VEXFS_PACK_LEAST_ROWS);
	return error ?: rows != 0;
}
