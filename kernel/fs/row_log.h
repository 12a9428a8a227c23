/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Writing the log of a vector set: records gathered in memory, then appended in the transaction that publishes them. */
#ifndef VEXFS_ROW_LOG_H
#define VEXFS_ROW_LOG_H

#include <linux/types.h>
#include <vexfs_disk.h>
#include "transaction.h"

struct inode;
struct vexfs_set;
struct vexfs_hidden;

struct vexfs_records {
	struct vexfs_log_record *list;
	u32 count;
	u32 room;
	/* Their blocks may lie in as many pieces as a transaction can note, see vexfs_records_retry(). */
	bool is_scattered;
};

/* Room for `most` records. -ENOMEM. */
int vexfs_records_init(struct vexfs_records *records, u64 most);
void vexfs_records_free(struct vexfs_records *records);
/* Rows slot..slot+count-1 hold the ids from `id` on; rows that follow those of the last record lengthen it. */
void vexfs_record_rows(struct vexfs_records *records, u32 slot, u64 id, u64 count);
/* Slots that become free. */
void vexfs_record_delete(struct vexfs_records *records, u32 slot, u64 count);
/* Slots from `slot` on are gone. */
void vexfs_record_truncate(struct vexfs_records *records, u32 slot);

u32 vexfs_records_per_block(const struct super_block *sb);
/*
 * What appending so many records may change, the header included. The blocks of a batch lie together nearly always, and a
 * transaction that has room for many pieces has to wait for it: so they are allowed few, and after -ENOSPC many.
 */
int vexfs_log_credits(const struct inode *owner, u32 records, bool is_scattered);
/* After -ENOSPC: whether appending them again can help, because a commit frees blocks, or with many pieces. *attempts: 0 at first. */
bool vexfs_records_retry(struct inode *owner, struct vexfs_records *records, int *attempts);
/*
 * Appends them behind the header in `header`, a block that the handle may change; records that no longer fit there go
 * to blocks of the log, which are on the disk when this returns. -ENOSPC, -EIO, -EUCLEAN: nothing has changed, or the
 * journal has ended. *blocks: by how much the hidden inodes have grown.
 */
int vexfs_log_append(handle_t *handle, struct inode *owner, struct vexfs_set_header *header,
		     const struct vexfs_records *records, s64 *blocks);

#endif
