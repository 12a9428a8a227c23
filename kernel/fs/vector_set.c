// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Reading a vector set: the header in the hidden inode that the file names, and the log whose records say which rows live. */
#include <linux/random.h>
#include <linux/slab.h>
#include <vexfs.h>
#include "engine.h"
#include "vector_set.h"
#include "vexfs_fs.h"

static u32 vexfs_records_per_block(const struct vexfs_volume *volume)
{
	return (volume->geometry.block_size - sizeof(struct vexfs_set_header)) / sizeof(struct vexfs_log_record);
}

static bool vexfs_header_holds(const struct vexfs_volume *volume, const void *data)
{
	const struct vexfs_set_header *header = data;
	const u32 alignment = le32_to_cpu(header->alignment);

	return le32_to_cpu(header->magic) == VEXFS_SET_MAGIC &&
	       vx_row_bytes(le32_to_cpu(header->element_type), le32_to_cpu(header->dimensions)) != 0 &&
	       le32_to_cpu(header->storage_format) == VEXFS_STORAGE_DENSE &&
	       le32_to_cpu(header->compression_type) == VEXFS_COMPRESS_NONE &&
	       alignment <= VEXFS_MAX_ALIGNMENT_BYTES && (alignment & (alignment - 1)) == 0 &&
	       le64_to_cpu(header->data_offset) <= VEXFS_MAX_FILE_BYTES &&
	       le64_to_cpu(header->slots) <= VEXFS_MAX_ROWS_PER_FILE &&
	       le64_to_cpu(header->live_rows) <= le64_to_cpu(header->slots) &&
	       le32_to_cpu(header->inline_records) <= vexfs_records_per_block(volume) &&
	       le64_to_cpu(header->log_blocks) <= volume->geometry.total_blocks;
}

static const struct vexfs_block_kind vexfs_set_block = {
	.name = "header of a vector set",
	.sum_at = offsetof(struct vexfs_set_header, checksum),
	.holds = vexfs_header_holds,
};

static bool vexfs_log_holds(const struct vexfs_volume *volume, const void *data)
{
	const struct vexfs_log_header *header = data;

	return le32_to_cpu(header->magic) == VEXFS_LOG_MAGIC &&
	       le32_to_cpu(header->count) == vexfs_records_per_block(volume);
}

static const struct vexfs_block_kind vexfs_log_block = {
	.name = "block of a row log",
	.sum_at = offsetof(struct vexfs_log_header, checksum),
	.holds = vexfs_log_holds,
};

/* A block of a hidden inode, which must be there. */
static struct buffer_head *vexfs_read_hidden_block(const struct inode *owner, u64 number, const struct vexfs_inode *hidden,
						   u64 logical, const struct vexfs_block_kind *kind)
{
	const struct vexfs_tree tree = { .sb = owner->i_sb, .owner = number, .root = (void *)hidden->root };
	struct vexfs_run run;
	int error = vexfs_find_run(&tree, logical, 1, &run);

	if (error)
		return ERR_PTR(error);
	if (run.physical == 0 || run.unwritten)
		return ERR_PTR(vexfs_damage(owner->i_sb, "the rows of inode %lu have lost a %s", owner->i_ino, kind->name));
	return vexfs_read_checked(owner->i_sb, run.physical, kind);
}

static struct buffer_head *vexfs_read_set_header(const struct inode *owner, struct vexfs_inode *hidden)
{
	const u64 number = vexfs_info(owner)->vector_set;
	const struct vexfs_set_header *header;
	struct buffer_head *bh;
	int error = vexfs_read_hidden(owner->i_sb, number, owner, hidden);

	if (error)
		return ERR_PTR(error);
	bh = vexfs_read_hidden_block(owner, number, hidden, 0, &vexfs_set_block);
	if (IS_ERR(bh))
		return bh;
	header = (const void *)bh->b_data;
	if (le32_to_cpu(header->magic) == VEXFS_SET_MAGIC && le64_to_cpu(header->owner) == owner->i_ino &&
	    le32_to_cpu(header->owner_generation) == owner->i_generation)
		return bh;
	brelse(bh);
	return ERR_PTR(vexfs_damage(owner->i_sb, "the vector set of inode %lu belongs to another", owner->i_ino));
}

/* Slots that the size of the file has room for. */
static u64 vexfs_slots_in(const struct vexfs_set *set, u64 size)
{
	const u64 room = size > set->data_offset ? size - set->data_offset : 0;

	return min_t(u64, div_u64(room, set->stride), VEXFS_MAX_ROWS_PER_FILE);
}

static int vexfs_fill_set(struct vexfs_set *set, const struct inode *owner, const struct vexfs_set_header *header)
{
	set->dimensions = le32_to_cpu(header->dimensions);
	set->element_type = le32_to_cpu(header->element_type);
	set->alignment = le32_to_cpu(header->alignment);
	set->row_bytes = vx_row_bytes(set->element_type, set->dimensions);
	set->stride = set->alignment ? round_up(set->row_bytes, set->alignment) : set->row_bytes;
	set->data_offset = le64_to_cpu(header->data_offset);
	set->slots = le64_to_cpu(header->slots);
	set->live_rows = le64_to_cpu(header->live_rows);
	set->next_id = le64_to_cpu(header->next_id);
	set->log_inode = le64_to_cpu(header->log_inode);
	set->log_blocks = le64_to_cpu(header->log_blocks);
	set->log_compactions = le32_to_cpu(header->log_compactions);
	set->log_records = set->log_blocks * vexfs_records_per_block(vexfs_volume(owner->i_sb)) +
			   le32_to_cpu(header->inline_records);
	if (set->slots != vexfs_slots_in(set, i_size_read(owner)) || (set->log_blocks && !set->log_inode))
		return vexfs_damage(owner->i_sb, "the vector set of inode %lu", owner->i_ino);
	return 0;
}

/* Slots that one call of the engine goes over, before others may run and signals are looked at. */
#define VEXFS_PIECE 16384

static int vexfs_apply_range(struct vx_ids *ids, u32 slot, u64 id, u64 count)
{
	while (count) {
		const u32 piece = min_t(u64, count, VEXFS_PIECE);
		int error = vx_ids_put_range(ids, slot, id, piece);

		if (error)
			return error;
		slot += piece;
		id += piece;
		count -= piece;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int vexfs_apply_delete(struct vx_ids *ids, u32 slot, u64 count, u32 *list)
{
	while (count) {
		const u32 piece = min_t(u64, count, VEXFS_PIECE);
		u32 i;
		int error;

		for (i = 0; i < piece; i++)
			list[i] = slot + i;
		error = vx_ids_delete_slots(ids, list, piece);
		if (error)
			return error;
		slot += piece;
		count -= piece;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int vexfs_apply(struct vx_ids *ids, const struct vexfs_log_record *record, u32 *list)
{
	const u32 slot = le32_to_cpu(record->slot);
	const u64 count = le64_to_cpu(record->count);
	const u64 id = le64_to_cpu(record->id);
	struct vx_ids_info info;

	if (count > VX_MAX_SLOTS || (u64)slot + count > VX_MAX_SLOTS)
		return -EUCLEAN;
	vx_ids_info(ids, &info);
	switch (le32_to_cpu(record->type)) {
	case VEXFS_RECORD_PUT:
	case VEXFS_RECORD_RANGE:
		if (count == 0 || id > VX_NO_ID - count ||
		    (le32_to_cpu(record->type) == VEXFS_RECORD_PUT && count != 1))
			return -EUCLEAN;
		return vexfs_apply_range(ids, slot, id, count);
	case VEXFS_RECORD_DELETE:
		if (count == 0 || slot + count > info.slots)
			return -EUCLEAN;
		return vexfs_apply_delete(ids, slot, count, list);
	case VEXFS_RECORD_TRUNCATE:
		/* Slots behind those that records name were free. */
		if (count != 0)
			return -EUCLEAN;
		return slot < info.slots ? vx_ids_truncate(ids, slot) : 0;
	default:
		return -EUCLEAN;
	}
}

static int vexfs_apply_all(struct vx_ids *ids, const void *records, u32 count, u32 *list)
{
	const struct vexfs_log_record *record = records;
	int error = 0;

	for (; count && !error; count--, record++)
		error = vexfs_apply(ids, record, list);
	return error;
}

static int vexfs_apply_log(struct vexfs_set *set, const struct inode *owner, u32 *list)
{
	const u32 per_block = vexfs_records_per_block(vexfs_volume(owner->i_sb));
	struct vexfs_inode hidden;
	u64 index;
	int error;

	if (!set->log_inode)
		return 0;
	error = vexfs_read_hidden(owner->i_sb, set->log_inode, owner, &hidden);
	if (error)
		return error;
	set->hidden_blocks += le64_to_cpu(hidden.blocks);
	if (le64_to_cpu(hidden.size) != set->log_blocks << owner->i_blkbits)
		return -EUCLEAN;
	for (index = 0; index < set->log_blocks && !error; index++) {
		struct buffer_head *bh = vexfs_read_hidden_block(owner, set->log_inode, &hidden, index, &vexfs_log_block);
		const struct vexfs_log_header *header;

		if (IS_ERR(bh))
			return PTR_ERR(bh);
		header = (const void *)bh->b_data;
		if (!vexfs_log_holds(vexfs_volume(owner->i_sb), header) || le64_to_cpu(header->owner) != owner->i_ino ||
		    le64_to_cpu(header->index) != index)
			error = -EUCLEAN;
		else
			error = vexfs_apply_all(set->ids, header + 1, per_block, list);
		brelse(bh);
	}
	return error;
}

/* What the log came to has to be what the header counts. */
static int vexfs_check_rows(struct vexfs_set *set)
{
	struct vx_ids_info info;

	vx_ids_info(set->ids, &info);
	if (info.slots > set->slots || info.rows != set->live_rows || info.id_bound > set->next_id)
		return -EUCLEAN;
	return info.slots < set->slots ? vx_ids_truncate(set->ids, set->slots) : 0;
}

static int vexfs_load_rows(struct vexfs_set *set, const struct inode *owner, const struct buffer_head *bh)
{
	const struct vexfs_set_header *header = (const void *)bh->b_data;
	u32 *list;
	int error;

	set->ids = vx_ids_create(&vexfs_table_memory, get_random_u64());
	if (!set->ids)
		return -ENOMEM;
	list = kvmalloc_array(VEXFS_PIECE, sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	error = vx_ids_reserve(set->ids, set->slots, set->live_rows);
	if (!error)
		error = vexfs_apply_log(set, owner, list);
	if (!error)
		error = vexfs_apply_all(set->ids, header + 1, le32_to_cpu(header->inline_records), list);
	if (!error)
		error = vexfs_check_rows(set);
	kvfree(list);
	/* Nobody reads the table yet: what growth replaced can go. */
	vx_ids_reclaim(set->ids, U64_MAX);
	if (error == -EUCLEAN || error == -EEXIST || error == -EINVAL)
		error = vexfs_damage(owner->i_sb, "the row log of inode %lu contradicts itself", owner->i_ino);
	return error;
}

static struct vexfs_set *vexfs_load_set(struct inode *owner)
{
	struct vexfs_inode hidden;
	struct buffer_head *bh = vexfs_read_set_header(owner, &hidden);
	struct vexfs_set *set;
	int error;

	if (IS_ERR(bh))
		return ERR_CAST(bh);
	set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);
	error = set ? vexfs_fill_set(set, owner, (const void *)bh->b_data) : -ENOMEM;
	if (!error) {
		set->hidden_blocks = le64_to_cpu(hidden.blocks);
		error = vexfs_load_rows(set, owner, bh);
	}
	brelse(bh);
	if (error) {
		vexfs_set_free(set);
		return ERR_PTR(error);
	}
	return set;
}

struct vexfs_set *vexfs_set_get(struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_set *set;

	if (!S_ISREG(inode->i_mode) || !info->vector_set)
		return ERR_PTR(-ENODATA);
	set = smp_load_acquire(&info->set);
	if (set)
		return set;
	if (mutex_lock_killable(&info->set_lock))
		return ERR_PTR(-EINTR);
	set = info->set;
	if (!set) {
		set = vexfs_load_set(inode);
		if (!IS_ERR(set))
			smp_store_release(&info->set, set);
	}
	mutex_unlock(&info->set_lock);
	return set;
}

void vexfs_set_free(struct vexfs_set *set)
{
	if (!set)
		return;
	vx_ids_destroy(set->ids);
	kfree(set);
}

u64 vexfs_hidden_blocks(struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_inode hidden;
	struct buffer_head *bh;
	u64 blocks, log;

	if (!info->vector_set)
		return 0;
	blocks = READ_ONCE(info->hidden_blocks);
	if (blocks)
		return blocks - 1;
	bh = vexfs_read_set_header(inode, &hidden);
	if (IS_ERR(bh))
		return 0;
	blocks = le64_to_cpu(hidden.blocks);
	log = le64_to_cpu(((const struct vexfs_set_header *)bh->b_data)->log_inode);
	brelse(bh);
	if (log && !vexfs_read_hidden(inode->i_sb, log, inode, &hidden))
		blocks += le64_to_cpu(hidden.blocks);
	WRITE_ONCE(info->hidden_blocks, blocks + 1);
	return blocks;
}
