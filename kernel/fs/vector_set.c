// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Reading a vector set: the header in the hidden inode that the file names, and the log whose records say which rows live. */
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <vexfs.h>
#include "../engine/glue.h"
#include "freed_slots.h"
#include "index.h"
#include "pack.h"
#include "recycle.h"
#include "row_log.h"
#include "vector_set.h"
#include "vexfs_fs.h"

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
	       le64_to_cpu(header->data_offset) % vx_row_bytes(le32_to_cpu(header->element_type), 1) == 0 &&
	       le64_to_cpu(header->slots) <= VEXFS_MAX_ROWS_PER_FILE &&
	       le64_to_cpu(header->live_rows) <= le64_to_cpu(header->slots) &&
	       le32_to_cpu(header->inline_records) <= vexfs_records_per_block(volume->sb) &&
	       le64_to_cpu(header->log_blocks) <= volume->geometry.total_blocks;
}

static const struct vexfs_block_kind vexfs_set_block = {
	.name = "header of a vector set",
	.what = VEXFS_SUMMED_SET,
	.holds = vexfs_header_holds,
};

static bool vexfs_log_holds(const struct vexfs_volume *volume, const void *data)
{
	const struct vexfs_log_header *header = data;

	return le32_to_cpu(header->magic) == VEXFS_LOG_MAGIC &&
	       le32_to_cpu(header->count) == vexfs_records_per_block(volume->sb);
}

static const struct vexfs_block_kind vexfs_log_block = {
	.name = "block of a row log",
	.what = VEXFS_SUMMED_LOG,
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
		return ERR_PTR(vexfs_damage(owner->i_sb, "the rows of inode %llu have lost a %s", vexfs_ino(owner), kind->name));
	return vexfs_read_checked(owner->i_sb, run.physical, kind);
}

struct buffer_head *vexfs_read_set_header(const struct inode *owner, struct vexfs_inode *hidden)
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
	return ERR_PTR(vexfs_damage(owner->i_sb, "the vector set of inode %llu belongs to another", vexfs_ino(owner)));
}

u32 vexfs_stride(u32 row_bytes, u32 alignment)
{
	return alignment ? round_up(row_bytes, alignment) : row_bytes;
}

u64 vexfs_slots_in(const struct vexfs_set_layout *layout, u64 size)
{
	const u64 room = size > layout->data_offset ? size - layout->data_offset : 0;

	return min_t(u64, div_u64(room, layout->stride), VEXFS_MAX_ROWS_PER_FILE);
}

static void vexfs_read_layout(const struct vexfs_set_header *header, struct vexfs_set_layout *layout)
{
	memset(layout, 0, sizeof(*layout));
	layout->dimensions = le32_to_cpu(header->dimensions);
	layout->element_type = le32_to_cpu(header->element_type);
	layout->alignment = le32_to_cpu(header->alignment);
	layout->row_bytes = vx_row_bytes(layout->element_type, layout->dimensions);
	layout->stride = vexfs_stride(layout->row_bytes, layout->alignment);
	layout->data_offset = le64_to_cpu(header->data_offset);
}

struct vexfs_set *vexfs_set_alloc(const struct vexfs_set_layout *layout)
{
	static atomic64_t serials;
	struct vexfs_set *set = kzalloc(sizeof(*set), GFP_KERNEL_ACCOUNT);

	if (!set)
		return NULL;
	set->layout = *layout;
	set->serial = atomic64_inc_return(&serials);
	INIT_LIST_HEAD(&set->freed);
	set->ids = vx_ids_create(&vexfs_table_memory, get_random_u64());
	if (set->ids)
		return set;
	kfree(set);
	return NULL;
}

/* The counts of the header. */
static int vexfs_fill_set(struct vexfs_set *set, const struct inode *owner, const struct vexfs_set_header *header)
{
	const u64 log_blocks = le64_to_cpu(header->log_blocks);

	set->slots = le64_to_cpu(header->slots);
	set->live_rows = le64_to_cpu(header->live_rows);
	set->next_id = le64_to_cpu(header->next_id);
	set->log_compactions = le32_to_cpu(header->log_compactions);
	set->log_records = log_blocks * vexfs_records_per_block(owner->i_sb) + le32_to_cpu(header->inline_records);
	if (set->slots != vexfs_slots_in(&set->layout, i_size_read(owner)) || (log_blocks && !header->log_inode))
		return vexfs_damage(owner->i_sb, "the vector set of inode %llu", vexfs_ino(owner));
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

/* `number` is that of the first record. */
static int vexfs_apply_all(struct vexfs_set *set, u64 number, const void *records, u32 count, u32 *list)
{
	const struct vexfs_log_record *record = records;
	int error = 0;

	for (; count && !error; count--, record++, number++) {
		error = vexfs_apply(set->ids, record, list);
		if (!error && set->index)
			vexfs_index_replay(set->index, number, record);
	}
	return error;
}

static int vexfs_apply_log(struct vexfs_set *set, const struct inode *owner, const struct vexfs_set_header *set_header,
			   u32 *list)
{
	const u32 per_block = vexfs_records_per_block(owner->i_sb);
	const u64 number = le64_to_cpu(set_header->log_inode);
	const u64 blocks = le64_to_cpu(set_header->log_blocks);
	struct vexfs_inode hidden;
	u64 index;
	int error;

	if (!number)
		return 0;
	error = vexfs_read_hidden(owner->i_sb, number, owner, &hidden);
	if (error)
		return error;
	set->hidden_blocks += le64_to_cpu(hidden.blocks);
	if (le64_to_cpu(hidden.size) != blocks << owner->i_blkbits)
		return -EUCLEAN;
	for (index = 0; index < blocks && !error; index++) {
		struct buffer_head *bh = vexfs_read_hidden_block(owner, number, &hidden, index, &vexfs_log_block);
		const struct vexfs_log_header *header;

		if (IS_ERR(bh))
			return PTR_ERR(bh);
		header = (const void *)bh->b_data;
		if (!vexfs_log_holds(vexfs_volume(owner->i_sb), header) || le64_to_cpu(header->owner) != owner->i_ino ||
		    le64_to_cpu(header->index) != index)
			error = -EUCLEAN;
		else
			error = vexfs_apply_all(set, index * per_block, header + 1, per_block, list);
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

	list = kvmalloc_array(VEXFS_PIECE, sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	/* How many of the rows need more than their slots is seen as they come. */
	error = vx_ids_reserve(set->ids, set->slots, 0);
	if (!error)
		error = vexfs_apply_log(set, owner, header, list);
	if (!error)
		error = vexfs_apply_all(set, set->log_records - le32_to_cpu(header->inline_records), header + 1,
					le32_to_cpu(header->inline_records), list);
	if (!error)
		error = vexfs_check_rows(set);
	kvfree(list);
	/* Nobody reads the table yet: what growth replaced can go. */
	vx_ids_reclaim(set->ids, U64_MAX);
	if (error == -EUCLEAN || error == -EEXIST || error == -EINVAL)
		error = vexfs_damage(owner->i_sb, "the row log of inode %llu contradicts itself", vexfs_ino(owner));
	return error;
}

static struct vexfs_set *vexfs_load_set(struct inode *owner)
{
	struct vexfs_inode hidden;
	struct buffer_head *bh = vexfs_read_set_header(owner, &hidden);
	struct vexfs_set_layout layout;
	struct vexfs_set *set;
	int error;

	if (IS_ERR(bh))
		return ERR_CAST(bh);
	vexfs_read_layout((const void *)bh->b_data, &layout);
	set = vexfs_set_alloc(&layout);
	if (!set) {
		brelse(bh);
		return ERR_PTR(-ENOMEM);
	}
	set->header = bh;
	set->hidden_blocks = le64_to_cpu(hidden.blocks);
	set->graph_blocks = vexfs_snapshot_blocks(owner, le64_to_cpu(((struct vexfs_set_header *)bh->b_data)->graph_inode));
	error = vexfs_fill_set(set, owner, (const void *)bh->b_data);
	if (!error) {
		set->index = vexfs_index_load(owner, set);
		if (IS_ERR(set->index)) {
			error = PTR_ERR(set->index);
			set->index = NULL;
		}
	}
	if (!error)
		error = vexfs_load_rows(set, owner, bh);
	if (!error)
		error = vexfs_freed_recall(vexfs_volume(owner->i_sb), set);
	if (error) {
		vexfs_set_free(set);
		return ERR_PTR(error);
	}
	/* Without an id left new slots of a file stay free: those are no leftovers. */
	if (set->next_id != VX_NO_ID && vexfs_pack_is_due(set))
		set->packing = VEXFS_PACKING_WANTED;
	return set;
}

/* Sections in which sets, and what their tables have replaced, are read. */
DEFINE_STATIC_SRCU(vexfs_set_readers);

/* set_lock is taken inside of handles too: no memory may be waited for under it that a transaction has to give back. */
static struct vexfs_set *vexfs_set_load_once(struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_set *set;
	unsigned int scope;
	bool is_new = false;

	if (mutex_lock_killable(&info->set_lock))
		return ERR_PTR(-EINTR);
	set = info->set;
	if (!set) {
		scope = memalloc_nofs_save();
		set = vexfs_load_set(inode);
		memalloc_nofs_restore(scope);
		is_new = !IS_ERR(set);
		if (is_new) {
			smp_store_release(&info->set, set);
			if (set->index) {
				vexfs_index_loaded(set->index);
				vexfs_index_enlist(set->index);
			}
		}
	}
	mutex_unlock(&info->set_lock);
	if (is_new)
		vexfs_recycle_later(inode, set);
	return set;
}

struct vexfs_set *vexfs_set_get(struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_set *set;

	if (!S_ISREG(inode->i_mode) || !READ_ONCE(info->vector_set))
		return ERR_PTR(-ENODATA);
	set = smp_load_acquire(&info->set);
	return set ?: vexfs_set_load_once(inode);
}

int vexfs_section_enter(void)
{
	const int ticket = srcu_read_lock(&vexfs_set_readers);

	/* For sparse, which follows no section beyond the end of a function. */
	__release(&vexfs_set_readers);
	return ticket;
}

struct vexfs_set *vexfs_set_enter(struct inode *inode, int *ticket)
{
	struct vexfs_set *set;

	*ticket = vexfs_section_enter();
	set = vexfs_set_get(inode);
	if (IS_ERR(set))
		vexfs_set_leave(*ticket);
	return set;
}

void vexfs_set_leave(int ticket)
{
	__acquire(&vexfs_set_readers);
	srcu_read_unlock(&vexfs_set_readers, ticket);
}

int vexfs_set_describe(struct inode *inode, struct vexfs_set_layout *layout, u64 *serial)
{
	int ticket;
	const struct vexfs_set *set = vexfs_set_enter(inode, &ticket);

	if (IS_ERR(set))
		return PTR_ERR(set);
	*layout = set->layout;
	*serial = set->serial;
	vexfs_set_leave(ticket);
	return 0;
}

void vexfs_set_wait(void)
{
	synchronize_srcu(&vexfs_set_readers);
}

unsigned long vexfs_set_ticket(void)
{
	return start_poll_synchronize_srcu(&vexfs_set_readers);
}

bool vexfs_set_is_over(unsigned long ticket)
{
	return poll_state_synchronize_srcu(&vexfs_set_readers, ticket);
}

int vexfs_set_look(struct inode *inode, struct vexfs_set *set, struct vexfs_set_view *view)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vx_ids_info ids;
	u64 *live = NULL;
	u64 words = 0;

	for (;;) {
		if (mutex_lock_killable(&info->set_lock)) {
			kvfree(live);
			return -EINTR;
		}
		vx_ids_info(set->ids, &ids);
		if (ids.rows == ids.slots || words >= DIV_ROUND_UP_ULL(ids.slots, 64))
			break;
		mutex_unlock(&info->set_lock);
		kvfree(live);
		words = DIV_ROUND_UP_ULL(ids.slots, 64);
		live = kvmalloc_array(words, sizeof(*live), GFP_KERNEL);
		if (!live)
			return -ENOMEM;
	}
	if (ids.rows < ids.slots) {
		vx_ids_snapshot_live(set->ids, live, words);
	} else {
		kvfree(live);
		live = NULL;
	}
	mutex_unlock(&info->set_lock);
	view->ids = (const u64 *)(unsigned long)ids.ids;
	view->live = live;
	view->slots = ids.slots;
	view->live_rows = ids.rows;
	return 0;
}

void vexfs_set_free(struct vexfs_set *set)
{
	struct vexfs_freed *freed, *next;

	if (!set)
		return;
	/* Nobody works on it, for an inode that is worked on is held, but the shrinker, as long as the index is on its list. */
	if (set->index) {
		struct vexfs_index *index = set->index;

		vexfs_index_delist(index);
		vexfs_graph_put(vexfs_index_end(index));
		vexfs_index_put(index);
	}
	list_for_each_entry_safe(freed, next, &set->freed, list)
		kvfree(freed);
	vx_ids_destroy(set->ids);
	brelse(set->header);
	kfree(set);
}

/* With bottom halves off: without an index nothing of it waits. */
static void vexfs_set_is_unread(struct rcu_head *head)
{
	vexfs_set_free(container_of(head, struct vexfs_set, replaced));
}

void vexfs_set_free_later(struct vexfs_set *set)
{
	call_srcu(&vexfs_set_readers, &set->replaced, vexfs_set_is_unread);
}

void vexfs_sets_freed(void)
{
	srcu_barrier(&vexfs_set_readers);
}

void vexfs_set_note_blocks(struct inode *inode, const struct vexfs_set *set)
{
	WRITE_ONCE(vexfs_info(inode)->hidden_blocks, set->hidden_blocks + set->graph_blocks + 1);
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
	blocks += vexfs_snapshot_blocks(inode, le64_to_cpu(((const struct vexfs_set_header *)bh->b_data)->graph_inode));
	brelse(bh);
	/* The log may be written anew meanwhile, and the old one be gone: that is no damage. */
	blocks += vexfs_snapshot_blocks(inode, log);
	WRITE_ONCE(info->hidden_blocks, blocks + 1);
	return blocks;
}
