// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Writing a snapshot: into blocks that are kept for it in memory only, with no handle open; then one small transaction takes them, names
 * them in the header and makes the snapshot before a file without a name. The content is complete on the device before that
 * transaction commits, whose commit flushes what the device has cached.
 */
#include <linux/blk_types.h>
#include <linux/buffer_head.h>
#include <linux/slab.h>
#include "alloc.h"
#include "hidden.h"
#include "index.h"
#include "inode_write.h"
#include "row_changes.h"

#define VEXFS_WRITE_BYTES 131072
/* Runs that there is room for at first. */
#define VEXFS_SNAPSHOT_RUNS 16
/* A node of the tree, and what allocating it changes. */
#define VEXFS_NODE_CREDITS (1 + VEXFS_ALLOCATE_CREDITS)

struct vexfs_saving {
	struct vexfs_index *index;
	struct inode *inode;
	struct vexfs_graph *graph;
	/* The first run_count hold the snapshot, in its order; the others up to kept_count are for the nodes of its tree. */
	struct vexfs_kept_run *runs;
	u32 run_count;
	u32 kept_count;
	u32 run_room;
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

/* All but the first `count`. */
static void vexfs_give_back(struct vexfs_saving *saving, u32 count)
{
	while (saving->kept_count > count) {
		const struct vexfs_kept_run *run = &saving->runs[--saving->kept_count];

		vexfs_unreserve(saving->inode->i_sb, run->start, run->count);
	}
	saving->run_count = min(saving->run_count, count);
}

/* Keeps up to `wanted` blocks that lie together. */
static int vexfs_keep_run(struct vexfs_saving *saving, u64 goal, u64 wanted, struct vexfs_kept_run *run)
{
	const u32 room = saving->run_room ? 2 * saving->run_room : VEXFS_SNAPSHOT_RUNS;
	struct vexfs_kept_run *runs;
	int error;

	if (saving->kept_count == saving->run_room) {
		runs = kvmalloc_array(room, sizeof(*runs), GFP_KERNEL);
		if (!runs)
			return -ENOMEM;
		if (saving->runs)
			memcpy(runs, saving->runs, saving->run_room * sizeof(*runs));
		kvfree(saving->runs);
		saving->runs = runs;
		saving->run_room = room;
	}
	error = vexfs_reserve(saving->inode->i_sb, goal, wanted, &run->start, &run->count);
	if (!error)
		saving->runs[saving->kept_count++] = *run;
	return error;
}

/* Nodes that a tree of so many extents has at most, each but the last half full. Three extents lie in the inode. */
static u32 vexfs_snapshot_nodes(const struct vexfs_saving *saving)
{
	const u32 capacity = vexfs_node_capacity(&vexfs_volume(saving->inode->i_sb)->geometry);

	return saving->run_count <= 3 ? 0 : 3 * DIV_ROUND_UP(saving->run_count, capacity) + 3;
}

/* What the runs change: bitmaps and descriptors of their groups, the superblock, the tree. */
static u64 vexfs_run_credits(const struct vexfs_saving *saving)
{
	const u32 in_group = vexfs_volume(saving->inode->i_sb)->geometry.blocks_per_group;
	u64 group, before = U64_MAX, groups = 0;
	u32 r;

	/* One that comes again counts again. */
	for (r = 0; r < saving->run_count; r++) {
		group = div_u64(saving->runs[r].start, in_group);
		groups += group != before;
		before = group;
	}
	return 2 * groups + 1 + (u64)vexfs_snapshot_nodes(saving) * VEXFS_NODE_CREDITS;
}

static int vexfs_reserve_runs(struct vexfs_saving *saving)
{
	struct super_block *sb = saving->inode->i_sb;
	const journal_t *journal = vexfs_volume(sb)->journal;
	u64 left = DIV_ROUND_UP_ULL(saving->bytes, sb->s_blocksize);
	u64 goal = vexfs_goal(sb, saving->inode->i_ino);
	struct vexfs_kept_run run;
	int error = 0;

	while (left && !error) {
		error = vexfs_keep_run(saving, goal, left, &run);
		if (!error) {
			/* Nothing of what the blocks held before is written over what they get. */
			clean_bdev_aliases(sb->s_bdev, run.start, run.count);
			saving->run_count++;
			left -= run.count;
			goal = run.start + run.count;
		}
	}
	/* In more pieces than one transaction can take it is no space for a snapshot. */
	if (!error && vexfs_run_credits(saving) > journal->j_max_transaction_buffers / 2)
		error = -ENOSPC;
	/* Without space for the nodes the transaction would fail when it has changed something. */
	left = vexfs_snapshot_nodes(saving);
	while (left && !error) {
		error = vexfs_keep_run(saving, goal, left, &run);
		if (!error)
			left -= run.count;
	}
	if (error)
		vexfs_give_back(saving, 0);
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
		const struct vexfs_kept_run *run = &saving->runs[saving->run];
		u64 count;
		int error;

		if (saving->run == saving->run_count)
			return -ENOSPC;
		count = min_t(u64, run->count - saving->in_run, (bytes - done) >> sb->s_blocksize_bits);
		error = vexfs_block_io(sb, REQ_OP_WRITE, run->start + saving->in_run, saving->bounce + done,
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
	struct vexfs_kept_runs nodes = { .runs = saving->runs + saving->run_count,
					 .count = saving->kept_count - saving->run_count };
	u64 logical = 0;
	u32 r;

	tree.kept = &nodes;
	for (r = 0; r < saving->run_count; r++) {
		const struct vexfs_kept_run run = saving->runs[r];
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
	/* What the nodes did not need. */
	vexfs_give_back(saving, saving->run_count);
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
			    vexfs_run_credits(saving);
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
		vexfs_give_back(saving, 0);
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
	has_begun = !index->is_gone && index->graph && !index->is_on_volume && index->queue.has_at;
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
			/* A log that was written anew since wants a snapshot of its own. */
			if (index->set->log_compactions == saving->compactions) {
				index->is_built = false;
				index->is_wanted = false;
			}
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
			vexfs_give_back(saving, 0);
		else
			error = vexfs_swap(saving);
	}
	vexfs_saving_end(saving, error);
	vexfs_graph_put(saving->graph);
	kvfree(saving->runs);
	kfree(saving);
	return error;
}
