// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/blkdev.h>
#include <linux/slab.h>
#include "alloc.h"
#include "hidden.h"
#include "row_log.h"
#include "vexfs_fs.h"

int vexfs_records_init(struct vexfs_records *records, u64 most)
{
	records->count = 0;
	records->room = most;
	records->list = kvmalloc_array(most, sizeof(*records->list), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return records->list ? 0 : -ENOMEM;
}

void vexfs_records_free(struct vexfs_records *records)
{
	kvfree(records->list);
	records->list = NULL;
}

static bool vexfs_holds_rows(const struct vexfs_log_record *record)
{
	const u32 type = le32_to_cpu(record->type);

	return type == VEXFS_RECORD_PUT || type == VEXFS_RECORD_RANGE;
}

/* Makes `next` a part of `last` where it goes on where that ends. */
static bool vexfs_lengthen(struct vexfs_log_record *last, const struct vexfs_log_record *next)
{
	const u64 count = le64_to_cpu(last->count);

	if (le32_to_cpu(next->slot) != le32_to_cpu(last->slot) + count)
		return false;
	if (vexfs_holds_rows(last) && vexfs_holds_rows(next)) {
		if (le64_to_cpu(next->id) != le64_to_cpu(last->id) + count)
			return false;
		last->type = cpu_to_le32(VEXFS_RECORD_RANGE);
	} else if (le32_to_cpu(last->type) != VEXFS_RECORD_DELETE || last->type != next->type) {
		return false;
	}
	le64_add_cpu(&last->count, le64_to_cpu(next->count));
	return true;
}

static void vexfs_record(struct vexfs_records *records, u32 type, u32 slot, u64 id, u64 count)
{
	const struct vexfs_log_record record = {
		.type = cpu_to_le32(type),
		.slot = cpu_to_le32(slot),
		.id = cpu_to_le64(id),
		.count = cpu_to_le64(count),
	};

	if (records->count && vexfs_lengthen(&records->list[records->count - 1], &record))
		return;
	if (!WARN_ON_ONCE(records->count == records->room))
		records->list[records->count++] = record;
}

void vexfs_record_rows(struct vexfs_records *records, u32 slot, u64 id, u64 count)
{
	vexfs_record(records, count == 1 ? VEXFS_RECORD_PUT : VEXFS_RECORD_RANGE, slot, id, count);
}

void vexfs_record_delete(struct vexfs_records *records, u32 slot, u64 count)
{
	vexfs_record(records, VEXFS_RECORD_DELETE, slot, 0, count);
}

void vexfs_record_truncate(struct vexfs_records *records, u32 slot)
{
	vexfs_record(records, VEXFS_RECORD_TRUNCATE, slot, 0, 0);
}

u32 vexfs_records_per_block(const struct super_block *sb)
{
	return (sb->s_blocksize - sizeof(struct vexfs_set_header)) / sizeof(struct vexfs_log_record);
}

/* Runs of blocks that one append takes without being told to scatter. */
#define VEXFS_LOG_RUNS 8

/* Levels of a log's tree that may change with each run: a log of more than one has millions of records. */
#define VEXFS_LOG_LEVELS 2

/* Blocks that may change for each run. */
#define VEXFS_LOG_RUN_CREDITS (VEXFS_ALLOCATE_CREDITS * (1 + VEXFS_LOG_LEVELS))

/* Runs of blocks that appending so many records may take; half of the largest transaction is left to everything else. */
static u32 vexfs_log_runs(const struct inode *owner, u32 records, bool is_scattered)
{
	const u32 blocks = records / vexfs_records_per_block(owner->i_sb) + 1;
	const journal_t *journal = vexfs_volume(owner->i_sb)->journal;
	const u32 most = is_scattered ? journal->j_max_transaction_buffers / 2 / VEXFS_LOG_RUN_CREDITS : 0;

	return min(blocks, max_t(u32, most, VEXFS_LOG_RUNS));
}

int vexfs_log_credits(const struct inode *owner, u32 records, bool is_scattered)
{
	return 1 + VEXFS_TAKE_INODE_CREDITS + VEXFS_HIDDEN_CREDITS +
	       vexfs_log_runs(owner, records, is_scattered) * VEXFS_LOG_RUN_CREDITS;
}

/* Allows many pieces, once: false if that cannot help. */
static bool vexfs_records_scatter(struct inode *owner, struct vexfs_records *records)
{
	if (records->is_scattered || vexfs_log_runs(owner, records->count, true) <= VEXFS_LOG_RUNS)
		return false;
	records->is_scattered = true;
	return true;
}

bool vexfs_records_retry(struct inode *owner, struct vexfs_records *records, int *attempts)
{
	return vexfs_retry_allocate(owner->i_sb, attempts) || vexfs_records_scatter(owner, records);
}

struct vexfs_log_run {
	u64 start;
	u64 count;
};

/* Where the records of an append go. */
struct vexfs_append {
	struct inode *owner;
	/* What is behind the header now, and what comes after it. */
	const struct vexfs_log_record *inline_list;
	u32 inline_count;
	const struct vexfs_log_record *list;
	u32 count;
	/* Blocks of the log to be written, and where. */
	u32 blocks;
	struct vexfs_log_run *runs;
	u32 run_count;
	u32 run_most;
};

static const struct vexfs_log_record *vexfs_nth(const struct vexfs_append *append, u32 n)
{
	return n < append->inline_count ? &append->inline_list[n] : &append->list[n - append->inline_count];
}

static void vexfs_give_runs(handle_t *handle, struct vexfs_append *append)
{
	while (append->run_count) {
		const struct vexfs_log_run *run = &append->runs[--append->run_count];

		vexfs_free(handle, append->owner->i_sb, run->start, run->count);
	}
}

static int vexfs_take_runs(handle_t *handle, struct vexfs_append *append, u64 goal)
{
	u64 left = append->blocks;
	int error;

	while (left) {
		struct vexfs_log_run *run = &append->runs[append->run_count];

		error = append->run_count == append->run_most ? -ENOSPC :
			vexfs_allocate(handle, append->owner->i_sb, goal, left, &run->start, &run->count);
		if (error) {
			vexfs_give_runs(handle, append);
			return error;
		}
		append->run_count++;
		left -= run->count;
		goal = run->start + run->count;
	}
	return 0;
}

/* One full block of the log, straight to the disk: nothing leads to it yet. */
static int vexfs_write_log_block(const struct vexfs_append *append, u64 block, u64 index, u32 first)
{
	struct super_block *sb = append->owner->i_sb;
	const u32 per_block = vexfs_records_per_block(sb);
	struct buffer_head *bh = sb_getblk(sb, block);
	struct vexfs_log_header *header;
	struct vexfs_log_record *to;
	u32 i;
	int error;

	if (!bh)
		return -ENOMEM;
	lock_buffer(bh);
	header = (void *)bh->b_data;
	memset(header, 0, bh->b_size);
	header->magic = cpu_to_le32(VEXFS_LOG_MAGIC);
	header->count = cpu_to_le32(per_block);
	header->owner = cpu_to_le64(append->owner->i_ino);
	header->index = cpu_to_le64(index);
	to = (void *)(header + 1);
	for (i = 0; i < per_block; i++)
		to[i] = *vexfs_nth(append, first + i);
	header->checksum = cpu_to_le32(vexfs_block_sum(vexfs_volume(sb), block, header, VEXFS_SUMMED_LOG));
	set_buffer_uptodate(bh);
	vexfs_mark_checked(bh);
	unlock_buffer(bh);
	mark_buffer_dirty(bh);
	error = sync_dirty_buffer(bh);
	brelse(bh);
	return error;
}

static int vexfs_write_log_blocks(const struct vexfs_append *append, u64 index)
{
	const u32 per_block = vexfs_records_per_block(append->owner->i_sb);
	struct blk_plug plug;
	u32 written = 0;
	int error = 0;
	u32 r;
	u64 i;

	blk_start_plug(&plug);
	for (r = 0; r < append->run_count && !error; r++) {
		for (i = 0; i < append->runs[r].count && !error; i++, written++)
			error = vexfs_write_log_block(append, append->runs[r].start + i, index + written,
						      written * per_block);
	}
	blk_finish_plug(&plug);
	return error;
}

/*
 * There was no block for a node of the tree: the first `mapped` runs leave it again, and are free. A log that was there before is written as
 * it is then. -ENOSPC, or the journal has ended.
 */
static int vexfs_unmap_log_blocks(handle_t *handle, struct vexfs_append *append, struct vexfs_hidden *log,
				  struct vexfs_tree *tree, u64 first, u64 end, u32 mapped)
{
	int error;

	tree->taken += end - first;
	error = vexfs_extents_remove(handle, tree, first, end);
	if (!error)
		error = vexfs_extents_pull_up(handle, tree);
	vexfs_hidden_count(log, tree);
	if (!error && le64_to_cpu(log->inode.size))
		error = vexfs_hidden_write(handle, log);
	if (error)
		return vexfs_abort(handle, error < 0 ? error : -ENOSPC);
	append->run_count -= mapped;
	memmove(append->runs, append->runs + mapped, append->run_count * sizeof(*append->runs));
	return -ENOSPC;
}

static int vexfs_map_log_blocks(handle_t *handle, struct vexfs_append *append, struct vexfs_hidden *log, u64 index)
{
	struct vexfs_tree tree = vexfs_hidden_tree(log);
	const u64 first = index;
	int error;
	u32 r;

	for (r = 0; r < append->run_count; r++) {
		error = vexfs_extents_insert(handle, &tree, index, append->runs[r].start, append->runs[r].count, false);
		if (error == -ENOSPC && r)
			return vexfs_unmap_log_blocks(handle, append, log, &tree, first, index, r);
		if (error)
			return r == 0 ? error : vexfs_abort(handle, error);
		index += append->runs[r].count;
	}
	log->inode.size = cpu_to_le64(index << append->owner->i_blkbits);
	tree.taken += append->blocks;
	vexfs_hidden_count(log, &tree);
	error = vexfs_hidden_write(handle, log);
	return error ? vexfs_abort(handle, error) : 0;
}

/* The log is read or made. *is_new: nothing names it yet. */
static int vexfs_open_log(handle_t *handle, const struct vexfs_append *append, const struct vexfs_set_header *header,
			  struct vexfs_hidden *log, bool *is_new)
{
	const u64 number = le64_to_cpu(header->log_inode);

	*is_new = !number;
	return number ? vexfs_hidden_read(append->owner, number, log) : vexfs_hidden_create(handle, append->owner, log);
}

static u64 vexfs_log_goal(struct vexfs_hidden *log, u64 index)
{
	const struct vexfs_tree tree = vexfs_hidden_tree(log);
	struct vexfs_run run;

	if (index && !vexfs_find_run(&tree, index - 1, 1, &run) && run.physical)
		return run.physical + 1;
	return vexfs_goal(log->sb, log->number);
}

/* Moves what fills blocks to the end of the log. */
static int vexfs_spill(handle_t *handle, struct vexfs_append *append, struct vexfs_set_header *header, s64 *blocks)
{
	const u64 index = le64_to_cpu(header->log_blocks);
	struct vexfs_hidden log;
	u64 before;
	bool is_new;
	int error = vexfs_open_log(handle, append, header, &log, &is_new);

	if (error)
		return error;
	before = le64_to_cpu(log.inode.blocks);
	error = vexfs_take_runs(handle, append, vexfs_log_goal(&log, index));
	if (!error)
		error = vexfs_write_log_blocks(append, index);
	if (!error)
		error = vexfs_map_log_blocks(handle, append, &log, index);
	if (error) {
		vexfs_give_runs(handle, append);
		if (is_new)
			vexfs_give_inode(handle, log.sb, log.number, false);
		return error;
	}
	*blocks = le64_to_cpu(log.inode.blocks) - before;
	header->log_inode = cpu_to_le64(log.number);
	header->log_blocks = cpu_to_le64(index + append->blocks);
	return 0;
}

int vexfs_log_append(handle_t *handle, struct inode *owner, struct vexfs_set_header *header,
		     const struct vexfs_records *records, s64 *blocks)
{
	const u32 per_block = vexfs_records_per_block(owner->i_sb);
	struct vexfs_log_record *behind = (void *)(header + 1);
	struct vexfs_log_record *last, before;
	struct vexfs_append append = {
		.owner = owner,
		.inline_list = behind,
		.inline_count = le32_to_cpu(header->inline_records),
		.list = records->list,
		.count = records->count,
	};
	u32 left, i;
	int error;

	*blocks = 0;
	if (!append.count)
		return 0;
	last = append.inline_count ? &behind[append.inline_count - 1] : NULL;
	if (last)
		before = *last;
	if (last && vexfs_lengthen(last, append.list)) {
		append.list++;
		append.count--;
	}
	left = append.inline_count + append.count;
	append.blocks = left ? (left - 1) / per_block : 0;
	if (append.blocks) {
		append.run_most = vexfs_log_runs(owner, records->count, records->is_scattered);
		append.runs = kvmalloc_array(append.run_most, sizeof(*append.runs), GFP_NOFS);
		error = append.runs ? vexfs_spill(handle, &append, header, blocks) : -ENOMEM;
		kvfree(append.runs);
		if (error) {
			if (last)
				*last = before;
			return error;
		}
		left -= append.blocks * per_block;
	}
	/* Records move to the front of their own memory, or behind what is there. */
	for (i = append.blocks ? 0 : append.inline_count; i < left; i++)
		behind[i] = *vexfs_nth(&append, append.blocks * per_block + i);
	memset(behind + left, 0, owner->i_sb->s_blocksize - sizeof(*header) - left * sizeof(*behind));
	header->inline_records = cpu_to_le32(left);
	return 0;
}
