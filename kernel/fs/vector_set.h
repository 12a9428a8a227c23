/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The rows of one file: their layout, and which slot holds which id. */
#ifndef VEXFS_VECTOR_SET_H
#define VEXFS_VECTOR_SET_H

#include <linux/atomic.h>
#include <linux/types.h>

struct inode;
struct vx_ids;

struct vexfs_set {
	u32 dimensions;
	u32 element_type;
	u32 alignment;
	u32 row_bytes;
	/* Bytes from slot to slot. */
	u32 stride;
	u32 log_compactions;
	u64 data_offset;
	u64 slots;
	u64 live_rows;
	u64 next_id;
	u64 log_blocks;
	u64 log_records;
	u64 log_inode;
	/* Blocks of header and log, for GET_STATS. */
	u64 hidden_blocks;
	struct vx_ids *ids;
	atomic64_t searches;
	atomic64_t rows_scanned;
};

/*
 * The rows of a regular file, read from the log the first time. ERR_PTR(-ENODATA) for a file without. The set lives as
 * long as the inode is in memory. Sleeps.
 */
struct vexfs_set *vexfs_set_get(struct inode *inode);
void vexfs_set_free(struct vexfs_set *set);

/* Blocks that the hidden inodes of a file have taken; 0 when they cannot be read. */
u64 vexfs_hidden_blocks(struct inode *inode);

#endif
