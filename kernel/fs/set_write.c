// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The header of a vector set, and the tables beside it. */
#include <linux/sched/mm.h>
#include <vexfs.h>
#include "../engine/glue.h"
#include "hidden.h"
#include "index.h"
#include "inode_write.h"
#include "row_changes.h"
#include "vexfs_fs.h"

/* Slots that one call of the engine goes over, before others may run. */
#define VEXFS_PUT_PIECE 65536

static void vexfs_write_layout(struct vexfs_set_header *header, const struct vexfs_set_layout *layout)
{
	header->dimensions = cpu_to_le32(layout->dimensions);
	header->element_type = cpu_to_le32(layout->element_type);
	header->storage_format = cpu_to_le32(VEXFS_STORAGE_DENSE);
	header->compression_type = cpu_to_le32(VEXFS_COMPRESS_NONE);
	header->alignment = cpu_to_le32(layout->alignment);
	header->data_offset = cpu_to_le64(layout->data_offset);
}

void vexfs_set_counts_of(const struct vexfs_set *set, struct vexfs_set_counts *counts)
{
	counts->slots = set->slots;
	counts->live_rows = set->live_rows;
	counts->next_id = set->next_id;
}

int vexfs_set_header_changed(handle_t *handle, const struct inode *inode, struct buffer_head *bh)
{
	return vexfs_changed_summed(handle, inode->i_sb, bh, VEXFS_SUMMED_SET);
}

int vexfs_set_publish(handle_t *handle, struct inode *inode, struct vexfs_set *set, const struct vexfs_records *records,
		      const struct vexfs_set_counts *counts)
{
	struct buffer_head *bh = set->header;
	struct vexfs_set_header *header = (void *)bh->b_data;
	struct vexfs_log_position end;
	s64 blocks;
	int error = vexfs_change(handle, bh);

	vexfs_log_end(inode->i_sb, header, &end);
	if (!error)
		error = vexfs_log_append(handle, inode, header, records, &blocks);
	if (error)
		return error;
	vexfs_write_layout(header, &set->layout);
	header->slots = cpu_to_le64(counts->slots);
	header->live_rows = cpu_to_le64(counts->live_rows);
	header->next_id = cpu_to_le64(counts->next_id);
	error = vexfs_set_header_changed(handle, inode, bh);
	set->slots = counts->slots;
	set->live_rows = counts->live_rows;
	set->next_id = counts->next_id;
	set->log_compactions = le32_to_cpu(header->log_compactions);
	set->log_records = le64_to_cpu(header->log_blocks) * vexfs_records_per_block(inode->i_sb) +
			   le32_to_cpu(header->inline_records);
	/* One fewer when the first record lengthened the last. */
	set->appended_at = set->log_records - records->count;
	set->appended_before = records->count && set->appended_at == end.record && end.slots ? end.slots : 0;
	set->hidden_blocks += blocks;
	vexfs_set_note_blocks(inode, set);
	vexfs_content_needs(handle, inode);
	return error;
}

void vexfs_set_reclaim(struct vexfs_set *set)
{
	struct vx_ids_info info;

	if (set->is_retiring && vexfs_set_is_over(set->retire_ticket)) {
		vx_ids_reclaim(set->ids, set->epoch);
		set->is_retiring = false;
	}
	vx_ids_info(set->ids, &info);
	if (!set->is_retiring && info.retired_bytes) {
		vx_ids_set_epoch(set->ids, ++set->epoch);
		set->retire_ticket = vexfs_set_ticket();
		set->is_retiring = true;
	}
}

int vexfs_set_reserve(struct inode *inode, struct vexfs_set *set, u64 slots, u64 rows)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	unsigned int scope;
	int error;

	mutex_lock(&info->set_lock);
	scope = memalloc_nofs_save();
	error = vx_ids_reserve(set->ids, slots, rows);
	vexfs_set_reclaim(set);
	memalloc_nofs_restore(scope);
	mutex_unlock(&info->set_lock);
	return error;
}

void vexfs_set_put(struct vexfs_set *set, u32 slot, u64 id, u64 count)
{
	while (count) {
		const u32 piece = min_t(u64, count, VEXFS_PUT_PIECE);

		WARN_ON_ONCE(vx_ids_put_range(set->ids, slot, id, piece));
		slot += piece;
		id += piece;
		count -= piece;
		cond_resched();
	}
}
