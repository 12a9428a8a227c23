/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The index of a vector set in memory: a graph of the engine, and what that has not taken yet. A worker of the mount follows the log behind the calls
 * that change rows; searches meanwhile compare what it has not taken.
 *
 * set_lock of the inode guards what is said to be under it. The builder mutex is taken outside of i_rwsem, and of set_lock;
 * vexfs_indexing.lock is a spinlock inside of all.
 */
#ifndef VEXFS_INDEX_GLUE_H
#define VEXFS_INDEX_GLUE_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <vexfs.h>
#include "../engine/vexfs_index.h"
#include "index_queue.h"
#include "vector_set.h"
#include "vexfs_fs.h"

struct vexfs_records;
struct vexfs_row_source;

/* As MANAGE_INDEX was given it and the set header keeps it. */
struct vexfs_index_description {
	u32 type;
	u32 metric;
	u32 m;
	u32 ef_construction;
	u32 ef_search;
};

/* A snapshot as the set header names it. */
struct vexfs_snapshot {
	u64 number;
	u64 bytes;
	struct vexfs_log_position at;
	u32 scan;
};

/* What the engine has of an index. Searches and the builder hold it while they use it. */
struct vexfs_graph {
	struct kref count;
	struct vx_index *vx;
	struct super_block *sb;
	/* The inode that the engine reads its snapshot from, as it was when that was opened. */
	u64 number;
	struct vexfs_inode source;
	/* By record: an inode of nobody's, whose page cache shows the snapshot. NULL: the graph is, or comes to be, in memory. */
	struct inode *pages;
	/* The extents of the snapshot lead nowhere any more. */
	bool is_lost;
};

struct vexfs_index {
	struct kref count;
	struct vexfs_volume *volume;
	/* The owner and its set: until is_gone, under set_lock or vexfs_indexing.lock. */
	struct inode *inode;
	struct vexfs_set *set;
	struct vexfs_set_layout layout;
	/* Under vexfs_indexing.lock. */
	struct list_head all;
	struct list_head awake;
	/* One builder at a time, and who verifies. */
	struct mutex builder;
	/* Calls that wait until there is nothing to do. */
	wait_queue_head_t waiters;

	/* From here on under set_lock. */
	struct vexfs_index_description description;
	struct vexfs_queue queue;
	/* NULL: not made yet. */
	struct vexfs_graph *graph;
	struct vx_index_info facts;
	/* Where the snapshot that it was opened from has followed the log to. */
	struct vexfs_log_position opened_at;
	/* What the graph has been saved as last, number 0: not yet. Without unsaved changes it is the graph. */
	struct vexfs_snapshot stored;
	/* The graph was let go for want of memory: it is as it was stored. set->is_unloaded says so too, without a lock. */
	bool is_unloaded;
	/* A snapshot is due, and the volume is frozen. */
	bool is_frozen;
	/* There is no memory for more of it: it is to go on by the records of its snapshot. */
	bool is_full;
	/* It does: its graph takes no changes. */
	bool is_on_volume;
	/* The errno that it rests for, positive; searches compare every row. */
	int error;
	/* Of a set or a layout that is no more. */
	bool is_gone;
	/* A round is under way. */
	bool is_busy;
	/* All that stood there when it was made is taken: a snapshot is due. */
	bool is_built;
	/* The machine wants its memory back: a snapshot is due. */
	bool is_wanted;
	/* A search met damage: it is to be built anew. */
	bool is_suspect;
	/* Changes taken since the last snapshot, and how many of them ask for the next one though the last failed. */
	u64 unsaved;
	u64 save_at;
	atomic64_t searches;
};

/* index.c */
bool vexfs_index_is_possible(const struct vexfs_index_description *description);
struct vexfs_index *vexfs_index_alloc(struct inode *inode, struct vexfs_set *set,
				      const struct vexfs_index_description *description);
void vexfs_index_put(struct vexfs_index *index);
struct vexfs_graph *vexfs_graph_make(struct vexfs_index *index);
static inline struct vexfs_graph *vexfs_graph_get(struct vexfs_graph *graph)
{
	kref_get(&graph->count);
	return graph;
}
/* NULL is allowed. Frees much memory: not with set_lock. */
void vexfs_graph_put(struct vexfs_graph *graph);
/* The caller holds set_lock. The index is empty and begins with the rows that are there; what it had is the caller's to put. */
struct vexfs_graph *vexfs_index_start_over(struct vexfs_index *index, int error);
/* The caller holds set_lock and is the builder: the graph, when it can be opened again as it is and nothing is to be done with it; then it is the caller's to put. */
struct vexfs_graph *vexfs_index_unload(struct vexfs_index *index);
/*
 * The caller holds set_lock and is the builder, and the index is full: the graph, when all that it took is in the snapshot; then it is the
 * caller's to put, and the snapshot to be opened by record.
 */
struct vexfs_graph *vexfs_index_leave_memory(struct vexfs_index *index);
/* The caller holds set_lock: nothing more is done for it. Its place in the set is free; the graph is the caller's to put. */
struct vexfs_graph *vexfs_index_end(struct vexfs_index *index);
/* Whether a snapshot is to be written now, and whether there is nothing to do at all; the caller holds set_lock. */
bool vexfs_index_save_is_due(const struct vexfs_index *index);
bool vexfs_index_is_idle(const struct vexfs_index *index);
/* Whether the index of a set has taken every change, or goes on no more: what is changed behind the scenes waits for it. */
bool vexfs_index_is_current(struct inode *inode, const struct vexfs_set *set);
static inline u64 vexfs_pack_position(const struct vexfs_log_position *position)
{
	return (position->record << 32) + position->slots;
}

/*
 * Changes of the log, told under set_lock together with the tables. After vexfs_set_publish() of these records; after the log was
 * written anew.
 */
void vexfs_index_follow(struct vexfs_set *set, const struct vexfs_records *records);
void vexfs_index_log_is_new(const struct inode *inode, struct vexfs_set *set);
/* Behind the last record of a header. */
void vexfs_log_end(const struct super_block *sb, const struct vexfs_set_header *header, struct vexfs_log_position *end);

/* index_load.c: the index that a header describes, NULL for none; with the last snapshot when that can be used. */
struct vexfs_index *vexfs_index_load(struct inode *inode, struct vexfs_set *set);
/* Each record of the log in order, by its number; then its end. */
void vexfs_index_replay(struct vexfs_index *index, u64 number, const struct vexfs_log_record *record);
void vexfs_index_loaded(struct vexfs_index *index);
bool vexfs_read_snapshot_name(struct inode *inode, const struct vexfs_set_header *header, struct vexfs_snapshot *snapshot);
/* The header's fields. */
void vexfs_describe_index(struct vexfs_set_header *header, const struct vexfs_index_description *description);
/* Whether this is the number of an inode that can be the snapshot of a file. */
bool vexfs_is_snapshot(struct inode *owner, u64 number);
/* Opens a graph again that was let go, by record when there is no memory for it. The caller is the builder. */
void vexfs_index_reload(struct vexfs_index *index, struct inode *inode);
/* The same for who is about to search, outside of sections. */
void vexfs_index_load_again(struct inode *inode);
/* Blocks of a hidden inode that a header names beside its own; 0 when it cannot be read. */
u64 vexfs_snapshot_blocks(struct inode *owner, u64 number);

/* index_rows.c: rows of a file in the page cache, as the engine asks for them. One for each thread. */
struct vexfs_row_source *vexfs_row_source_make(struct inode *inode, const struct vexfs_set_layout *layout, u64 slots,
					       struct vx_rows *rows);
void vexfs_row_source_free(struct vexfs_row_source *source);

/* index_work.c */
int vexfs_indexing_start(struct vexfs_volume *volume);
/* Of the mount: bytes that its indexes may take, 0: half of the machine's; rows from which on a search makes one, 0: never. */
void vexfs_indexing_configure(struct vexfs_volume *volume, u64 memory, u32 above);
u32 vexfs_index_above(const struct vexfs_volume *volume);
/* Bytes that its indexes may take beside what they have. */
u64 vexfs_index_room(const struct vexfs_volume *volume);
/* Memory that counts for the mount. */
const struct vx_alloc *vexfs_index_memory(const struct vexfs_volume *volume);
/* Ends the work that is under way, and saves what is worth it. Before the inodes of the volume go. */
void vexfs_indexing_stop(struct vexfs_volume *volume);
void vexfs_indexing_free(struct vexfs_volume *volume);
void vexfs_index_enlist(struct vexfs_index *index);
void vexfs_index_delist(struct vexfs_index *index);
/* There may be something to do. */
void vexfs_index_wake(struct vexfs_index *index);

/* snapshot_read.c. `by_record`: searches read its records through the page cache. */
int vexfs_snapshot_open(struct vexfs_graph *graph, struct inode *owner, const struct vexfs_snapshot *snapshot, bool by_record);
/* snapshot_pages.c: a page cache over a snapshot; iput() ends it. */
struct inode *vexfs_snapshot_pages(struct vexfs_graph *graph, u64 bytes);
int vexfs_snapshot_pages_read(void *graph, vx_u64 offset, void *data, size_t bytes);
/* snapshot_write.c: the caller is the builder and may write to the volume. Fails when the one before is to stay. */
int vexfs_snapshot_save(struct vexfs_index *index, struct inode *inode);
/* Takes the snapshot's name out of a header that the handle may change. *old: to be let go without a handle, or NULL. */
int vexfs_snapshot_unname(handle_t *handle, struct inode *inode, struct vexfs_set *set, struct inode **old);

/* index_search.c: what a search by the index works with; graph NULL when it has to compare every row. */
struct vexfs_guide {
	struct vexfs_graph *graph;
	struct vexfs_index *index;
	u32 ef;
	u32 *tail;
	u32 tail_count;
};
/* view->live is a copy of its own then, also when every slot is live. */
int vexfs_guide_find(struct inode *inode, struct vexfs_set *set, u32 metric, u32 k, struct vexfs_guide *guide,
		     struct vexfs_set_view *view);
/* `ef` 0: as the index says. How many were found. */
s64 vexfs_navigate(struct inode *inode, struct vexfs_guide *guide, const struct vexfs_set_view *view,
		   const struct vx_query *query, u32 k, u32 ef, u32 *distances, u64 *ids);
void vexfs_guide_end(struct vexfs_guide *guide);
/*
 * The recall of the index by so many rows: 0..VEXFS_RECALL_UNIT, which is also that of comparing every row, VEXFS_RECALL_UNKNOWN
 * without an index, or a negative errno. The caller has entered the set.
 */
s64 vexfs_measure_recall(struct inode *inode, struct vexfs_set *set, u32 sample);
void vexfs_searchers_free(void);

/*
 * index_pace.c: waits while the index is so far behind that so many rows more would make searches compare every row, for
 * VEXFS_INDEX_MOST_DELAY_MS at most. -EINTR. No lock is held.
 */
int vexfs_index_keep_pace(struct inode *inode, u32 rows);

/* manage_index.c. After a search: makes an index of its metric where file or mount ask for one. */
void vexfs_index_if_wanted(struct file *file, u32 metric);
/* The caller holds i_rwsem: the snapshot is of rows that are no more, and the index is built anew. */
void vexfs_index_outdated(struct inode *inode, struct vexfs_set *set);
int vexfs_manage(struct file *file, void *argument, size_t size);

#endif
