/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* One bitmap of a group while it is changed, with the descriptor and the superblock that count its bits. */
#ifndef VEXFS_BITMAP_H
#define VEXFS_BITMAP_H

#include "transaction.h"

enum vexfs_bitmap { VEXFS_BLOCK_BITMAP, VEXFS_INODE_BITMAP };

struct vexfs_bitmap_change {
	struct buffer_head *bitmap;
	struct buffer_head *descriptor_bh;
	struct vexfs_group_descriptor *descriptor;
	u64 block;
	u32 group;
	enum vexfs_bitmap which;
};

/* allocator_lock is held from here to vexfs_bitmap_end(). Made where mkfs left it uninitialised. */
int vexfs_bitmap_begin(handle_t *handle, struct super_block *sb, u32 group, enum vexfs_bitmap which,
		       struct vexfs_bitmap_change *change);
/* After bits were changed: `freed` more are free, of directories too. An error has ended the journal. */
int vexfs_bitmap_apply(handle_t *handle, struct super_block *sb, struct vexfs_bitmap_change *change, s64 freed,
		       bool is_directory);
void vexfs_bitmap_end(struct vexfs_bitmap_change *change);

#endif
