/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What an index has not taken yet, in the order in which it has to: after it was made first the rows that stood there then, by
 * slots; then the changes of the log. docs/format.md, "Index", says which changes there are and what a position is.
 */
#ifndef VEXFS_INDEX_QUEUE_H
#define VEXFS_INDEX_QUEUE_H

#include <linux/types.h>
#include <vexfs_disk.h>

struct vx_change;
struct vx_ids;

/* Up to so many slots of this record of the log; records are counted from 0. */
struct vexfs_log_position {
	u64 record;
	u32 slots;
};

/* Slots that took rows with ids that follow each other, or that were freed. */
struct vexfs_queued {
	u64 id;
	/* Where the log ended behind it; not known when that log has been written anew since. */
	struct vexfs_log_position end;
	u32 slot;
	u32 count;
	u8 op;
	bool has_end;
	/* Its slots are those of the record at `end`, so that a part of it is a position too. */
	bool is_record;
};

struct vexfs_queue {
	/* entries[head] to entries[count - 1] wait; of the first of them `taken` slots do not. */
	struct vexfs_queued *entries;
	size_t head;
	size_t count;
	size_t room;
	u32 taken;
	/* Of the rows that stood there: slots scan_next to scan_end - 1 wait. */
	u64 scan_next;
	u64 scan_end;
	/* How many of them the last vexfs_queue_fill() wrote. */
	u32 scanned;
	/* Changes of the log that wait. */
	u64 puts;
	u64 others;
	/* Changes that have ever come, resets or not, and those of them that no call has made. */
	u64 came;
	u64 own;
	/* No slot from here on is known to the index, or to an entry. */
	u64 high;
	struct vexfs_log_position at;
	bool has_at;
	/* There was no memory for a change: the index cannot follow any more. */
	bool is_broken;
};

void vexfs_queue_free(struct vexfs_queue *queue);
/* Forgets everything: the index is empty, and takes slots scan_next to scan_end - 1 first and then what follows `at`. */
void vexfs_queue_reset(struct vexfs_queue *queue, const struct vexfs_log_position *at, u64 scan_next, u64 scan_end);

/*
 * A record of the log, or what was put at the end of one: `end` is behind it. Of its slots `taken` are in the index already. Without
 * memory the queue is broken.
 */
void vexfs_queue_push(struct vexfs_queue *queue, const struct vexfs_log_record *record,
		      const struct vexfs_log_position *end, u32 taken);
/* The log was written anew and ends at `end`. */
void vexfs_queue_compacted(struct vexfs_queue *queue, const struct vexfs_log_position *end);

/*
 * Writes the next changes, at most `most`, and returns how many. `slots` of the file exist: the place of a row that lies behind them is
 * kept by a deletion, which the log has too.
 */
u32 vexfs_queue_fill(struct vexfs_queue *queue, struct vx_change *changes, u32 most, const struct vx_ids *ids, u64 slots);
/* The first `count` of the changes that the last fill wrote are taken; nothing was reset since. */
void vexfs_queue_take(struct vexfs_queue *queue, const struct vx_change *changes, u32 count);

static inline bool vexfs_queue_is_scanning(const struct vexfs_queue *queue)
{
	return queue->scan_next < queue->scan_end;
}

/* Changes that wait, and rows among them; rows that stood there count by slots. */
static inline u64 vexfs_queue_rows(const struct vexfs_queue *queue)
{
	return queue->scan_end - queue->scan_next + queue->puts;
}

static inline u64 vexfs_queue_length(const struct vexfs_queue *queue)
{
	return vexfs_queue_rows(queue) + queue->others;
}

/* Of the changes that have ever come those that wait no more. */
static inline u64 vexfs_queue_taken(const struct vexfs_queue *queue)
{
	return queue->came - vexfs_queue_length(queue);
}

/* The slots of the rows that wait: vexfs_queue_rows() of them. Some may be named twice, or hold nothing. */
void vexfs_queue_slots(const struct vexfs_queue *queue, u32 *slots);

#endif
