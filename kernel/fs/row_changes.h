/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Changes of the rows of a file. All under its i_rwsem, held exclusively: first what may fail or wait, with no handle open,
 * then one transaction that publishes header and inode, and at its end the tables in memory, under set_lock.
 */
#ifndef VEXFS_ROW_CHANGES_H
#define VEXFS_ROW_CHANGES_H

#include "row_log.h"
#include "vector_set.h"

/* What a change makes of the counts. */
struct vexfs_set_counts {
	u64 slots;
	u64 live_rows;
	u64 next_id;
};

/*
 * set_write.c: appends the records and brings the header to the set's layout and these counts. An error has changed nothing, or
 * the journal has ended. What the tables hold is the caller's.
 */
int vexfs_set_publish(handle_t *handle, struct inode *inode, struct vexfs_set *set, const struct vexfs_records *records,
		      const struct vexfs_set_counts *counts);
/* Seals a header that the handle has changed. */
int vexfs_set_header_changed(handle_t *handle, const struct inode *inode, struct buffer_head *bh);
void vexfs_set_counts_of(const struct vexfs_set *set, struct vexfs_set_counts *counts);
/* Room in the tables, so that what follows cannot fail. */
int vexfs_set_reserve(struct inode *inode, struct vexfs_set *set, u64 slots, u64 rows);
/* Gives memory back that no search reads any more; set_lock is held. */
void vexfs_set_reclaim(struct vexfs_set *set);
/* A table's rows slot..slot+count-1, for which there is room. */
void vexfs_set_put(struct vexfs_set *set, u32 slot, u64 id, u64 count);

/*
 * row_resize.c: the rows of a file whose size changes. Before it does, with no handle open; what the change of size needs more
 * of a handle, 0 for a file without rows; and inside of the handle that publishes the size. Each is 0 for a file without rows.
 */
int vexfs_rows_prepare(struct inode *inode, loff_t size);
int vexfs_rows_credits(const struct inode *inode);
int vexfs_rows_resize(handle_t *handle, struct inode *inode, loff_t size);

/*
 * overwritten_rows.c. With i_rwsem held exclusively and no handle open: bytes [from, to) of the file have changed, and with them rows
 * that an index knows. What fails costs the index a build.
 */
void vexfs_rows_overwritten(struct inode *inode, loff_t from, loff_t to);
/* Who changes rows has to tell. Sleeps. */
bool vexfs_has_index(struct inode *inode);
/*
 * Stores through mappings: a range may be stored into from now on. Who is about to write its pages back takes all that was noted
 * first; when that is done no store goes unnoticed any more, and the rows are told of.
 */
void vexfs_note_stores(struct inode *inode, loff_t from, loff_t to);
bool vexfs_take_stores(struct inode *inode, loff_t *from, loff_t *to);
void vexfs_tell_stores(struct inode *inode, loff_t from, loff_t to);

/* set_delete.c: frees the hidden inodes of a file that is being deleted, in handles of its own. */
int vexfs_set_delete(struct inode *inode);

/* compact.c: writes the log anew when most of it says what is no longer true. */
void vexfs_log_compact(struct inode *inode, struct vexfs_set *set);

#endif
