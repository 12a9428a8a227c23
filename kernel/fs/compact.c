// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The log written anew: one record for each run of rows, in a log of its own; the old one is deleted like a file. */
#include <linux/slab.h>
#include "../engine/glue.h"
#include "hidden.h"
#include "index.h"
#include "inode_write.h"
#include "row_changes.h"
#include "trace.h"
#include "vexfs_fs.h"

/* Blocks of a log that is not worth looking at. */
#define VEXFS_LEAST_COMPACTED 8

/* Calls for each run of rows whose slots and ids follow each other. Returns how many there are. */
static u64 vexfs_for_runs(const struct vexfs_set *set, struct vexfs_records *records)
{
	struct vx_ids_info info;
	const u64 *ids, *live;
	u64 slot, first = 0, count = 0, runs = 0;

	vx_ids_info(set->ids, &info);
	ids = (const u64 *)(unsigned long)info.ids;
	live = (const u64 *)(unsigned long)info.live;
	for (slot = 0; slot < info.slots; slot++) {
		const bool is_live = live[slot / 64] >> (slot % 64) & 1;

		if (is_live && count && ids[slot] == ids[first] + count) {
			count++;
			continue;
		}
		if (count) {
			runs++;
			if (records)
				vexfs_record_rows(records, first, ids[first], count);
		}
		first = slot;
		count = is_live;
		if (slot % 65536 == 0)
			cond_resched();
	}
	if (count) {
		runs++;
		if (records)
			vexfs_record_rows(records, first, ids[first], count);
	}
	return runs;
}

/* The header as it will be, in memory of its own: nothing is seen of what fails. */
static int vexfs_write_anew(handle_t *handle, struct inode *inode, struct vexfs_set *set, struct vexfs_set_header *header,
			    const struct vexfs_records *records, struct inode **old)
{
	struct buffer_head *bh = set->header;
	struct vexfs_hidden log;
	s64 blocks;
	int error = vexfs_hidden_read(inode, le64_to_cpu(header->log_inode), &log);

	if (error)
		return error;
	header->log_inode = 0;
	header->log_blocks = 0;
	header->inline_records = 0;
	le32_add_cpu(&header->log_compactions, 1);
	memset(header + 1, 0, bh->b_size - sizeof(*header));
	error = vexfs_change(handle, bh);
	if (!error)
		error = vexfs_log_append(handle, inode, header, records, &blocks);
	if (error)
		return error;
	*old = vexfs_hidden_disown(handle, &log);
	if (IS_ERR(*old))
		return vexfs_abort(handle, PTR_ERR(*old));
	memcpy(bh->b_data, header, bh->b_size);
	set->hidden_blocks += blocks - le64_to_cpu(log.inode.blocks);
	set->log_compactions = le32_to_cpu(header->log_compactions);
	set->log_records = le64_to_cpu(header->log_blocks) * vexfs_records_per_block(inode->i_sb) +
			   le32_to_cpu(header->inline_records);
	vexfs_set_note_blocks(inode, set);
	mutex_lock(&vexfs_info(inode)->set_lock);
	vexfs_index_log_is_new(inode, set);
	mutex_unlock(&vexfs_info(inode)->set_lock);
	return vexfs_set_header_changed(handle, inode, bh);
}

static void vexfs_compact_now(struct inode *inode, struct vexfs_set *set, u64 runs)
{
	struct vexfs_set_header *header = kmemdup(set->header->b_data, set->header->b_size, GFP_KERNEL);
	struct vexfs_records records = {};
	struct inode *old = NULL;
	handle_t *handle;

	if (!header)
		return;
	if (!vexfs_records_init(&records, max_t(u64, runs, 1))) {
		vexfs_for_runs(set, &records);
		handle = vexfs_start(inode->i_sb, vexfs_log_credits(inode, records.count, false) + VEXFS_ORPHAN_CREDITS +
							  VEXFS_HIDDEN_CREDITS);
		if (!IS_ERR(handle)) {
			const u64 before = set->log_records;

			if (!vexfs_write_anew(handle, inode, set, header, &records, &old)) {
				atomic64_inc(&vexfs_volume(inode->i_sb)->counters.compactions);
				trace_vexfs_compaction(inode, before, records.count);
			}
			vexfs_stop(handle);
		}
	}
	if (!IS_ERR_OR_NULL(old))
		iput(old);
	vexfs_records_free(&records);
	kfree(header);
}

/* What fails leaves the log as it is, to be tried again later. */
void vexfs_log_compact(struct inode *inode, struct vexfs_set *set)
{
	const struct vexfs_set_header *header = (const void *)set->header->b_data;
	u64 runs;

	if (le64_to_cpu(header->log_blocks) < max_t(u64, set->compact_at, VEXFS_LEAST_COMPACTED))
		return;
	runs = vexfs_for_runs(set, NULL);
	if (set->log_records > 2 * runs)
		vexfs_compact_now(inode, set, runs);
	set->compact_at = le64_to_cpu(header->log_blocks) * 2;
}
