// SPDX-License-Identifier: GPL-2.0 OR MIT
/* SET_VECTOR_META: a file gets a vector set, or one without rows another layout; the slots that it has become rows. */
#include <linux/slab.h>
#include "../engine/glue.h"
#include "alloc.h"
#include "content_blocks.h"
#include "hidden.h"
#include "index.h"
#include "inode_write.h"
#include "row_changes.h"
#include "vector_calls.h"
#include "vexfs_fs.h"

/* Inode and header block of a set, and the record of the inode that names it. */
#define VEXFS_SET_CREDITS \
	(VEXFS_TAKE_INODE_CREDITS + VEXFS_HIDDEN_CREDITS + VEXFS_ALLOCATE_CREDITS + 1 + VEXFS_INODE_CREDITS)

static void vexfs_header_init(struct buffer_head *bh, const struct inode *owner)
{
	struct vexfs_set_header *header = (void *)bh->b_data;

	header->magic = cpu_to_le32(VEXFS_SET_MAGIC);
	header->owner = cpu_to_le64(owner->i_ino);
	header->owner_generation = cpu_to_le32(owner->i_generation);
}

/* The first block of a hidden inode becomes a header without content. */
static struct buffer_head *vexfs_make_header(handle_t *handle, struct inode *owner, struct vexfs_hidden *hidden)
{
	struct super_block *sb = owner->i_sb;
	struct vexfs_tree tree = vexfs_hidden_tree(hidden);
	struct buffer_head *bh;
	u64 start, count;
	int error = vexfs_allocate(handle, sb, le64_to_cpu(vexfs_volume(sb)->superblock->index_metadata_start), 1, &start,
				   &count);

	if (error)
		return ERR_PTR(error);
	bh = sb_getblk(sb, start);
	if (!bh) {
		vexfs_free(handle, sb, start, 1);
		return ERR_PTR(-ENOMEM);
	}
	error = vexfs_change_new(handle, bh);
	if (!error)
		error = vexfs_extents_insert(handle, &tree, 0, start, 1, false);
	if (error) {
		brelse(bh);
		return ERR_PTR(vexfs_abort(handle, error));
	}
	tree.taken++;
	vexfs_hidden_count(hidden, &tree);
	hidden->inode.size = cpu_to_le64(sb->s_blocksize);
	vexfs_header_init(bh, owner);
	return bh;
}

/* Gives `set` a header in an inode of its own, which the owner names. */
static int vexfs_make_set(handle_t *handle, struct inode *inode, struct vexfs_set *set)
{
	struct vexfs_hidden hidden;
	struct buffer_head *bh;
	int error = vexfs_hidden_create(handle, inode, &hidden);

	if (error)
		return error;
	bh = vexfs_make_header(handle, inode, &hidden);
	if (IS_ERR(bh)) {
		vexfs_give_inode(handle, inode->i_sb, hidden.number, false);
		return PTR_ERR(bh);
	}
	set->header = bh;
	set->hidden_blocks = le64_to_cpu(hidden.inode.blocks);
	error = vexfs_hidden_write(handle, &hidden);
	if (error)
		return vexfs_abort(handle, error);
	WRITE_ONCE(vexfs_info(inode)->vector_set, hidden.number);
	return 0;
}

static int vexfs_fill_rows(handle_t *handle, struct inode *inode, struct vexfs_set *set, const struct vexfs_set *before,
			   u64 slots)
{
	struct vexfs_log_record list[2];
	struct vexfs_records records = { .list = list, .room = ARRAY_SIZE(list) };
	const u64 id = before ? before->next_id : 0;
	const u64 rows = min(slots, VX_NO_ID - id);
	const struct vexfs_set_counts counts = { .slots = slots, .live_rows = rows, .next_id = id + rows };
	int error;

	if (before && before->slots)
		vexfs_record_truncate(&records, 0);
	if (rows)
		vexfs_record_rows(&records, 0, id, rows);
	error = vexfs_set_publish(handle, inode, set, &records, &counts);
	if (error)
		return error;
	vexfs_set_put(set, 0, id, rows);
	return rows < slots ? vx_ids_truncate(set->ids, slots) : 0;
}

/* *old: the snapshot of the layout before, to be let go without a handle, or NULL. */
static int vexfs_define(handle_t *handle, struct inode *inode, struct vexfs_set *set, struct vexfs_set *before, u64 slots,
			struct inode **old)
{
	int error;

	if (before) {
		get_bh(before->header);
		set->header = before->header;
		set->hidden_blocks = before->hidden_blocks;
		set->graph_blocks = before->graph_blocks;
		error = 0;
	} else {
		error = vexfs_make_set(handle, inode, set);
	}
	if (!error) {
		error = vexfs_fill_rows(handle, inode, set, before, slots);
		/* A new set without a sound header is none. */
		if (error && !before)
			vexfs_abort(handle, error);
	}
	if (!error && before && before->index) {
		error = vexfs_snapshot_unname(handle, inode, set, old);
		if (!error)
			error = vexfs_set_header_changed(handle, inode, set->header);
		if (error)
			vexfs_abort(handle, error);
	}
	if (error)
		return error;
	vexfs_touch_mtime_ctime(inode);
	return vexfs_write_inode(handle, inode);
}

/* The rows of another layout are another set, and its index begins anew. */
static void vexfs_replace_set(struct inode *inode, struct vexfs_set *before, struct vexfs_set *set,
			      struct vexfs_index *index)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_index *ended = NULL;
	struct vexfs_graph *graph = NULL;

	mutex_lock(&info->set_lock);
	vexfs_log_end(inode->i_sb, (const void *)set->header->b_data, &set->log_end);
	if (before && before->index) {
		ended = before->index;
		graph = vexfs_index_end(ended);
	}
	smp_store_release(&info->set, set);
	if (index) {
		set->index = index;
		vexfs_index_start_over(index, 0);
		vexfs_index_enlist(index);
	}
	mutex_unlock(&info->set_lock);
	vexfs_graph_put(graph);
	vexfs_index_put(ended);
}

static int vexfs_define_locked(struct file *file, const struct vexfs_set_layout *layout)
{
	struct inode *inode = file_inode(file);
	const u64 slots = vexfs_slots_in(layout, i_size_read(inode));
	struct vexfs_set *before = vexfs_set_get(inode);
	struct vexfs_index *index = NULL;
	struct inode *old = NULL;
	struct vexfs_set *set;
	handle_t *handle;
	int error, stopped;

	if (PTR_ERR(before) == -ENODATA)
		before = NULL;
	else if (IS_ERR(before))
		return PTR_ERR(before);
	if (before && !memcmp(&before->layout, layout, sizeof(*layout)))
		return 0;
	if (before && before->live_rows)
		return -EEXIST;
	set = vexfs_set_alloc(layout);
	if (!set)
		return -ENOMEM;
	error = file_remove_privs(file);
	if (!error && before && before->index) {
		index = vexfs_index_alloc(inode, set, &before->index->description);
		if (!index)
			error = -ENOMEM;
	}
	if (!error)
		error = vx_ids_reserve(set->ids, slots, slots);
	if (error)
		goto free;
	handle = vexfs_start(inode->i_sb, VEXFS_SET_CREDITS + VEXFS_DISOWN_CREDITS + vexfs_log_credits(inode, 2, false));
	error = PTR_ERR_OR_ZERO(handle);
	if (error)
		goto free;
	error = vexfs_define(handle, inode, set, before, slots, &old);
	if (!error)
		vexfs_replace_set(inode, before, set, index);
	stopped = vexfs_stop(handle);
	iput(old);
	if (error)
		goto free;
	if (before) {
		atomic64_set(&set->searches, atomic64_read(&before->searches));
		vexfs_set_free_later(before);
	}
	return stopped;
free:
	vexfs_index_put(index);
	vexfs_set_free(set);
	return error;
}

/* Reads and checks a layout. `size` of the file bounds the offset. */
static int vexfs_check_layout(const struct vexfs_vector_file_info *info, u64 size, struct vexfs_set_layout *layout)
{
	const u64 bound = size ?: VEXFS_MAX_EMPTY_DATA_OFFSET;
	const u32 alignment = info->alignment_bytes;
	const u32 row_bytes = vx_row_bytes(info->element_type, info->dimensions);

	if (!row_bytes || info->storage_format > VEXFS_STORAGE_COMPRESSED || info->compression_type > VEXFS_COMPRESS_ZSTD ||
	    alignment > VEXFS_MAX_ALIGNMENT_BYTES || (alignment & (alignment - 1)) || info->data_offset > bound)
		return -EINVAL;
	/* A row of one element takes what an element does. */
	if (info->data_offset % vx_row_bytes(info->element_type, 1))
		return -EINVAL;
	if (info->storage_format != VEXFS_STORAGE_DENSE || info->compression_type != VEXFS_COMPRESS_NONE)
		return -EOPNOTSUPP;
	/* Layouts are compared byte by byte. */
	memset(layout, 0, sizeof(*layout));
	layout->dimensions = info->dimensions;
	layout->element_type = info->element_type;
	layout->alignment = alignment;
	layout->row_bytes = row_bytes;
	layout->stride = vexfs_stride(row_bytes, alignment);
	layout->data_offset = info->data_offset;
	return 0;
}

int vexfs_set_define(struct file *file, const struct vexfs_vector_file_info *info)
{
	struct inode *inode = file_inode(file);
	struct vexfs_set_layout layout;
	int attempts = 0;
	int error;

	if (IS_APPEND(inode))
		return -EPERM;
	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	inode_lock(inode);
	error = vexfs_check_layout(info, i_size_read(inode), &layout);
	if (!error) {
		do
			error = vexfs_define_locked(file, &layout);
		while (error == -ENOSPC && vexfs_retry_allocate(inode->i_sb, &attempts));
	}
	inode_unlock(inode);
	return error;
}
