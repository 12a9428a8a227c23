/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* BATCH_INSERT, part by part. */
#ifndef VEXFS_BATCH_H
#define VEXFS_BATCH_H

#include <linux/fs.h>
#include <linux/jbd2.h>
#include <vexfs.h>
#include "freed_slots.h"
#include "vector_set.h"

struct vexfs_batch {
	/* What the rows were converted for. */
	struct vexfs_set_layout layout;
	u64 serial;
	u32 rows;
	u32 flags;
	/* Each of its ids has to be one that a row has. */
	bool must_exist;
	/* Nobody asked for it, see pack.c: the times of the file stay. */
	bool is_move;
	/* rows * stride bytes, as the matrix takes them. */
	void *data;
	/* NULL: they go on from the mark. */
	u64 *ids;
	/* Where each row goes: first to free slots, rising, `reused` of them, then to those from `tail` on. */
	u32 *slots;
	u32 reused;
	u64 tail;
	/* Of the first row, when it is stored. */
	u64 first_id;
	/* Slots of the rows that the batch replaces; NULL when there are none. */
	struct vexfs_freed *old;
};

/*
 * batch_copy.c: rows and ids from the caller, checked and converted for the layout that is in the batch. -EFAULT, -EINVAL,
 * -ENOMEM, -EINTR. Waits for the caller's memory, so with nothing locked and outside of sections.
 */
int vexfs_batch_copy(struct vexfs_batch *batch, struct inode *inode, const struct vexfs_batch_insert_request *request);
void vexfs_batch_free(struct vexfs_batch *batch);
/*
 * insert.c: stores what is copied, all of it or nothing. The errors are those of BATCH_INSERT from the ids on; -ENOENT for one that has to
 * exist. Takes i_rwsem.
 */
int vexfs_batch_store(struct file *file, struct vexfs_batch *batch);
/* The second half of it for rows that lie in free slots already. The caller holds i_rwsem. */
int vexfs_batch_move(struct inode *inode, struct vexfs_set *set, struct vexfs_batch *batch);

static inline u64 vexfs_slot_offset(const struct vexfs_set_layout *layout, u64 slot)
{
	return layout->data_offset + slot * layout->stride;
}

/* Slots behind the last one that the batch makes. */
static inline u32 vexfs_batch_appended(const struct vexfs_batch *batch)
{
	return batch->rows - batch->reused;
}

/* Where the file ends with them. */
static inline u64 vexfs_batch_end(const struct vexfs_batch *batch)
{
	return vexfs_slot_offset(&batch->layout, batch->tail + vexfs_batch_appended(batch));
}

/* reused_rows.c: the rows for free slots into the page cache; their blocks are below the end of the file. */
int vexfs_store_reused(struct file *file, const struct vexfs_batch *batch);
int vexfs_order_reused(handle_t *handle, struct inode *inode, const struct vexfs_batch *batch);

/*
 * appended_rows.c: the rows for new slots, at the end of the file and behind it. What lies in pages that the file has something in, and the
 * whole of a small batch, goes into the page cache and follows inside the publishing handle, with the size. The rest is written straight to
 * blocks of the volume, while the inode stands on the orphan list: a crash, or vexfs_drop_appended(), gives the blocks back. All with
 * i_rwsem held.
 */
struct vexfs_appended {
	const struct vexfs_batch *batch;
	struct inode *inode;
	/* Bytes of the file. */
	u64 from;
	u64 to;
	/* Where the first page begins that the file has nothing in. */
	u64 fresh;
	/* What lies before goes into the page cache. */
	u64 joined;
	/* Its pages, held. */
	struct page **pages;
	u32 page_count;
	bool is_orphan;
};
int vexfs_store_appended(struct vexfs_appended *appended, struct file *file, const struct vexfs_batch *batch);
int vexfs_join_credits(struct inode *inode);
/* What may fail of it for want of space comes first; after the second the rows are the file's. */
int vexfs_mark_appended(handle_t *handle, struct vexfs_appended *appended);
int vexfs_join_appended(handle_t *handle, struct vexfs_appended *appended);
void vexfs_drop_appended(struct vexfs_appended *appended);
void vexfs_end_appended(struct vexfs_appended *appended);

#endif
