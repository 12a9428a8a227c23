// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Writing a snapshot: into blocks that are kept for it in memory only, with no handle open; then one small transaction takes them, names
 * them in the header and makes the snapshot before a file without a name. The content is complete on the device before that
 * transaction commits, whose commit flushes what the device has cached.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/buffer_head.h>
#include <linux/slab.h>
#include "alloc.h"
#include "hidden.h"
#include "index.h"
#include "inode_write.h"
#include "row_changes.h"

#define VEXFS_WRITE_BYTES 131072
/* Runs of blocks that one snapshot may take; a volume in smaller pieces has no space for it. */
#define VEXFS_SNAPSHOT_RUNS 16
/* Levels of its tree that may change with each run. */
#define VEXFS_SNAPSHOT_LEVELS 1

struct vexfs_snapshot_run {
	u64 start;
	u64 count;
};

struct vexfs_saving {
	struct vexfs_index *index;
	struct inode *inode;
	struct vexfs_graph *graph;
	struct vexfs_snapshot_run runs[VEXFS_SNAPSHOT_RUNS];
	u32 run_count;
	/* Where the next block goes. */
	u32 run;
	u64 in_run;
	/* Gathered until a bio is worth it. */
	void *bounce;
	size_t room;
	size_t filled;
	/* The inode that it came to lie in. */
	u64 number;
	/* What the index is when it is written. */
	u64 bytes;
	struct vexfs_log_position at;
	u32 scan;
	u32 compactions;
	u64 unsaved;
};

static void vexfs_give_back(struct vexfs_saving *saving)
{
	while (saving->run_count) {
		const struct vexfs_snapshot_run *run = &saving->runs[--saving->run_count];

		vexfs_unreserve(saving->inode->i_sb, run->start, run->count);
	}
}

static int vexfs_reserve_runs(struct vexfs_saving *saving)
{
	struct super_block *sb = saving->inode->i_sb;
	u64 left = DIV_ROUND_UP_ULL(saving->bytes, sb->s_blocksize);
	u64 goal = vexfs_goal(sb, saving->inode->i_ino);
	int error = 0;

	while (left && !error) {
		struct vexfs_snapshot_run *run = &saving->runs[saving->run_count];

		error = saving->run_count == VEXFS_SNAPSHOT_RUNS ? -ENOSPC :
			vexfs_reserve(sb, goal, left, &run->start, &run->count);
		if (!error) {
			/* Nothing of what the blocks held before is written over what they get. */
			clean_bdev_aliases(sb->s_bdev, run->start, run->count);
			saving->run_count++;
			left -= run->count;
			goal = run->start + run->count;
		}
	}
	if (error)
		vexfs_give_back(saving);
	return error;
}

static int vexfs_write_piece(struct super_block *sb, u64 physical, void *memory, size_t bytes)
{
	struct bio *bio = bio_alloc(sb->s_bdev, 1, REQ_OP_WRITE, GFP_NOFS);
	int error;

	bio->bi_iter.bi_sector = physical << (sb->s_blocksize_bits - SECTOR_SHIFT);
	__bio_add_page(bio, virt_to_page(memory), bytes, offset_in_page(memory));
	error = submit_bio_wait(bio);
	bio_put(bio);
	return error;
}

/* Writes what was gathered, the last block filled up with zeros. */
static int vexfs_flush_bounce(struct vexfs_saving *saving)
{
	struct super_block *sb = saving->inode->i_sb;
	const size_t bytes = round_up(saving->filled, sb->s_blocksize);
	size_t done = 0;

	memset(saving->bounce + saving->filled, 0, bytes - saving->filled);
	saving->filled = 0;
	while (done < bytes) {
		const struct vexfs_snapshot_run *run = &saving->runs[saving->run];
		u64 count;
		int error;

		if (saving->run == saving->run_count)
			return -ENOSPC;
		count = min_t(u64, run->count - saving->in_run, (bytes - done) >> sb->s_blocksize_bits);
		error = vexfs_write_piece(sb, run->start + saving->in_run, saving->bounce + done,
					  count << sb->s_blocksize_bits);
		if (error)
			return error;
		done += count << sb->s_blocksize_bits;
		saving->in_run += count;
		if (saving->in_run == run->count) {
			saving->run++;
			saving->in_run = 0;
		}
	}
	cond_resched();
	return 0;
}

static int vexfs_snapshot_write(void *context, const void *data, size_t bytes)
{
	struct vexfs_saving *saving = context;

	while (bytes) {
		const size_t piece = min(bytes, saving->room - saving->filled);
		int error;

		memcpy(saving->bounce + saving->filled, data, piece);
		saving->filled += piece;
		data += piece;
		bytes -= piece;
		error = saving->filled == saving->room ? vexfs_flush_bounce(saving) : 0;
		if (error)
			return error;
	}
	return 0;
}

static int vexfs_write_graph(struct vexfs_saving *saving)
{
	const size_t least = max_t(size_t, PAGE_SIZE, saving->inode->i_sb->s_blocksize);
	int error;

	saving->room = max_t(size_t, VEXFS_WRITE_BYTES, least);
	saving->bounce = kmalloc(saving->room, GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	if (!saving->bounce) {
		saving->room = least;
		saving->bounce = kmalloc(saving->room, GFP_KERNEL);
	}
	if (!saving->bounce)
		return -ENOMEM;
	error = vx_index_save(saving->graph->vx, vexfs_snapshot_write, saving);
	if (!error)
		error = vexfs_flush_bounce(saving);
	kfree(saving->bounce);
	return error;
}

/* A graph inode that is not the set's is left to fsck. */
static int vexfs_disown_snapshot(handle_t *handle, struct inode *inode, u64 number, struct inode **old)
{
	struct vexfs_hidden hidden;

	*old = NULL;
	if (!vexfs_snapshot_blocks(inode, number) || vexfs_hidden_read(inode, number, &hidden))
		return 0;
	*old = vexfs_hidden_disown(handle, &hidden);
	if (!IS_ERR(*old))
		return 0;
	number = PTR_ERR(*old);
	*old = NULL;
	return vexfs_abort(handle, number);
}

int vexfs_snapshot_unname(handle_t *handle, struct inode *inode, struct vexfs_set *set, struct inode **old)
{
	struct vexfs_set_header *header = (void *)set->header->b_data;
	const u64 number = le64_to_cpu(header->graph_inode);

	header->graph_inode = 0;
	header->graph_bytes = 0;
	header->graph_records = 0;
	header->graph_offset = 0;
	header->graph_compactions = 0;
	header->graph_scan = 0;
	set->graph_blocks = 0;
	vexfs_set_note_blocks(inode, set);
	return vexfs_disown_snapshot(handle, inode, number, old);
}

/* The blocks are a hidden inode's. */
static int vexfs_map_snapshot(handle_t *handle, struct vexfs_saving *saving, struct vexfs_hidden *hidden)
{
	struct vexfs_tree tree = vexfs_hidden_tree(hidden);
	u64 logical = 0;
	u32 r;

	for (r = 0; r < saving->run_count; r++) {
		const struct vexfs_snapshot_run run = saving->runs[r];
		int error = vexfs_take_reserved(handle, hidden->sb, run.start, run.count);

		if (!error)
			error = vexfs_extents_insert(handle, &tree, logical, run.start, run.count, false);
		if (error)
			return error;
		tree.taken += run.count;
		logical += run.count;
	}
	hidden->inode.size = cpu_to_le64(logical << saving->inode->i_blkbits);
	vexfs_hidden_count(hidden, &tree);
	return vexfs_hidden_write(handle, hidden);
}

/* In the handle. What fails after the first change ends the journal. *took: the reserved blocks are no longer ours to give. */
static int vexfs_swap_in(handle_t *handle, struct vexfs_saving *saving, struct inode **old, bool *took)
{
	struct inode *inode = saving->inode;
	struct vexfs_set *set = saving->index->set;
	struct vexfs_set_header *header = (void *)set->header->b_data;
	struct vexfs_hidden hidden;
	int error = vexfs_change(handle, set->header);

	if (!error)
		error = vexfs_hidden_create(handle, inode, &hidden);
	if (error)
		return error;
	*took = true;
	error = vexfs_map_snapshot(handle, saving, &hidden);
	if (!error)
		error = vexfs_snapshot_unname(handle, inode, set, old);
	if (error)
		return vexfs_abort(handle, error);
	saving->number = hidden.number;
	header->graph_inode = cpu_to_le64(hidden.number);
	header->graph_bytes = cpu_to_le64(saving->bytes);
	header->graph_records = cpu_to_le64(saving->at.record);
	header->graph_offset = cpu_to_le32(saving->at.slots);
	header->graph_compactions = cpu_to_le32(saving->compactions);
	header->graph_scan = cpu_to_le32(saving->scan);
	set->graph_blocks = le64_to_cpu(hidden.inode.blocks);
	vexfs_set_note_blocks(inode, set);
	return vexfs_set_header_changed(handle, inode, set->header);
}

static int vexfs_swap(struct vexfs_saving *saving)
{
	struct inode *inode = saving->inode;
	const int credits = 1 + VEXFS_TAKE_INODE_CREDITS + VEXFS_HIDDEN_CREDITS + VEXFS_DISOWN_CREDITS +
			    saving->run_count * VEXFS_ALLOCATE_CREDITS * (1 + VEXFS_SNAPSHOT_LEVELS);
	struct vexfs_index *index = saving->index;
	struct inode *old = NULL;
	bool took = false;
	handle_t *handle;
	int error, stopped;

	inode_lock(inode);
	/* Under i_rwsem the set and its log stay as they are. */
	if (index->is_gone || index->graph != saving->graph || !inode->i_nlink) {
		error = -ENOENT;
	} else if (index->set->log_compactions != saving->compactions) {
		/* The position is of the log that was. */
		error = -ESTALE;
	} else {
		handle = vexfs_start(inode->i_sb, credits);
		error = PTR_ERR_OR_ZERO(handle);
		if (!error) {
			error = vexfs_swap_in(handle, saving, &old, &took);
			stopped = vexfs_stop(handle);
			error = error ?: stopped;
		}
	}
	if (!took)
		vexfs_give_back(saving);
	inode_unlock(inode);
	iput(old);
	return error;
}

/* What is to be written, as it is now. */
static bool vexfs_saving_begin(struct vexfs_saving *saving)
{
	struct vexfs_index *index = saving->index;
	struct mutex *lock = &vexfs_info(saving->inode)->set_lock;
	bool has_begun;

	mutex_lock(lock);
	has_begun = !index->is_gone && index->graph && index->queue.has_at;
	if (has_begun) {
		saving->graph = vexfs_graph_get(index->graph);
		saving->at = index->queue.at;
		saving->scan = vexfs_queue_is_scanning(&index->queue) ? index->queue.scan_next : 0;
		saving->compactions = index->set->log_compactions;
		saving->unsaved = index->unsaved;
	}
	mutex_unlock(lock);
	return has_begun;
}

static void vexfs_saving_end(struct vexfs_saving *saving, int error)
{
	struct vexfs_index *index = saving->index;
	struct mutex *lock = &vexfs_info(saving->inode)->set_lock;
	struct vexfs_graph *replaced = NULL;

	mutex_lock(lock);
	if (index->graph == saving->graph) {
		if (!error) {
			index->unsaved -= saving->unsaved;
			index->stored = (struct vexfs_snapshot){
				.number = saving->number,
				.bytes = saving->bytes,
				.at = saving->at,
				.scan = saving->scan,
			};
			index->save_at = 0;
			index->is_built = false;
		} else if (error == -EUCLEAN && !index->is_gone) {
			replaced = vexfs_index_start_over(index, 0);
		} else if (error != -ESTALE) {
			/* Tried again when there is twice as much to save. */
			index->save_at = max_t(u64, VEXFS_INDEX_LEAST_UNSAVED, index->unsaved * 2);
		}
	}
	mutex_unlock(lock);
	vexfs_graph_put(replaced);
}

int vexfs_snapshot_save(struct vexfs_index *index, struct inode *inode)
{
	struct vexfs_saving *saving = kzalloc(sizeof(*saving), GFP_KERNEL);
	struct vx_index_info facts;
	int attempts = 0;
	int error;

	if (!saving)
		return -ENOMEM;
	saving->index = index;
	saving->inode = inode;
	if (!vexfs_saving_begin(saving)) {
		kfree(saving);
		return 0;
	}
	vx_index_set_position(saving->graph->vx, vexfs_pack_position(&saving->at));
	vx_index_info(saving->graph->vx, &facts);
	saving->bytes = facts.snapshot_bytes;
	do
		error = vexfs_reserve_runs(saving);
	while (error == -ENOSPC && vexfs_retry_allocate(inode->i_sb, &attempts));
	if (!error) {
		error = vexfs_write_graph(saving);
		if (error)
			vexfs_give_back(saving);
		else
			error = vexfs_swap(saving);
	}
	vexfs_saving_end(saving, error);
	vexfs_graph_put(saving->graph);
	kfree(saving);
	return error;
}
