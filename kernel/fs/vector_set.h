/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The rows of one file: their layout, and which slot holds which id. */
#ifndef VEXFS_VECTOR_SET_H
#define VEXFS_VECTOR_SET_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>
#include "index_queue.h"

struct buffer_head;
struct inode;
struct vexfs_index;
struct vexfs_inode;
struct vx_ids;

struct vexfs_set_layout {
	u32 dimensions;
	u32 element_type;
	u32 alignment;
	u32 row_bytes;
	/* Bytes from slot to slot. */
	u32 stride;
	u64 data_offset;
};

/* WANTED: slots came free, and it is to be seen whether they are many; BEGUN: it goes on until none is. */
enum vexfs_packing { VEXFS_PACKING_NOT, VEXFS_PACKING_WANTED, VEXFS_PACKING_BEGUN };

/*
 * The layout of a set never changes: another one makes another set. The rest changes under i_rwsem, and what searches
 * read of it under set_lock too. What a search has read stays as it is until its section has ended, see vexfs_set_enter().
 */
struct vexfs_set {
	struct vexfs_set_layout layout;
	/* Tells sets apart that one file had one after the other. */
	u64 serial;
	/* The block of the header, held. */
	struct buffer_head *header;
	u32 log_compactions;
	u64 slots;
	u64 live_rows;
	u64 next_id;
	u64 log_records;
	/* Blocks of header and log. */
	u64 hidden_blocks;
	struct vx_ids *ids;
	/* What the table replaced by growing: freed when sections that began before `retire_ticket` are over. */
	u64 epoch;
	bool is_retiring;
	unsigned long retire_ticket;
	/* Of one that another has replaced. */
	struct rcu_head replaced;
	/* Slots that changes have freed and that cannot be used again yet, oldest first. */
	struct list_head freed;
	/* Whether free slots are to be given back, see pack.c. */
	enum vexfs_packing packing;
	/* What changes now is given back behind the scenes, by no call. Under i_rwsem. */
	bool is_recycling;
	/* Rows were cut off, and there may be searches that still see them; and they were last cut off by this transaction. */
	bool was_cut;
	bool has_cut_tid;
	u32 cut_tid;
	/* Blocks of the log at which writing it anew is thought of next. */
	u64 compact_at;
	atomic64_t searches;
	atomic64_t rows_scanned;
	u64 insert_calls;
	u64 rows_inserted;
	/* Blocks of the snapshot of the index. */
	u64 graph_blocks;
	/* What the last vexfs_set_publish() appended: the number of its first record, and what that one held before. */
	u64 appended_at;
	u32 appended_before;
	/* Both under set_lock. The end of the log as the tables know it; the index, NULL for none. */
	struct vexfs_log_position log_end;
	struct vexfs_index *index;
	/* Its graph was let go for want of memory, and the next search opens it again. */
	bool is_unloaded;
};

/*
 * The rows of a regular file, read from the log the first time. ERR_PTR(-ENODATA) for a file without. The set, and all
 * that searches read, stays until vexfs_set_leave(). Sleeps.
 */
struct vexfs_set *vexfs_set_enter(struct inode *inode, int *ticket);
void vexfs_set_leave(int ticket);
/* A section of who has the set by other means. */
int vexfs_section_enter(void);
/* The same for who holds i_rwsem: nothing has to be left. */
struct vexfs_set *vexfs_set_get(struct inode *inode);
/*
 * Only the layout, for who touches a caller's memory first, which may take for ever and so happens outside of sections; with
 * *serial it is seen afterwards whether the file still has it. Errors as above.
 */
int vexfs_set_describe(struct inode *inode, struct vexfs_set_layout *layout, u64 *serial);

/* The rows as they are now, for a search. `live` is a copy, NULL when every slot holds a row. */
struct vexfs_set_view {
	const u64 *ids;
	u64 *live;
	u64 slots;
	u64 live_rows;
};
int vexfs_set_look(struct inode *inode, struct vexfs_set *set, struct vexfs_set_view *view);

/* Waits until all sections that have begun are over. Neither in a handle nor with a lock that one may take. */
void vexfs_set_wait(void);
/* For later: a ticket for the sections that have begun, and whether they are over. */
unsigned long vexfs_set_ticket(void);
bool vexfs_set_is_over(unsigned long ticket);

struct vexfs_set *vexfs_set_alloc(const struct vexfs_set_layout *layout);
void vexfs_set_free(struct vexfs_set *set);
/* Another set has taken its place, and its index has ended: it is freed when nobody can be in it any more. */
void vexfs_set_free_later(struct vexfs_set *set);
/* Waits until all of those are freed. */
void vexfs_sets_freed(void);
/* Slots that a file of so many bytes has. */
u64 vexfs_slots_in(const struct vexfs_set_layout *layout, u64 size);
u32 vexfs_stride(u32 row_bytes, u32 alignment);

/* The header of a file's vector set, checked; *number: of its inode. */
struct buffer_head *vexfs_read_set_header(const struct inode *owner, struct vexfs_inode *hidden);

/* Tells st_blocks of what header, log and snapshot take. */
void vexfs_set_note_blocks(struct inode *inode, const struct vexfs_set *set);
/* Blocks that the hidden inodes of a file have taken; 0 when they cannot be read. */
u64 vexfs_hidden_blocks(struct inode *inode);

#endif
