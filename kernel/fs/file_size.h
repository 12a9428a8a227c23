/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The size of a regular file has two values: i_size, which readers see, and vexfs_inode_info.disk_size, which the
 * volume says. The second follows with the blocks that it shows, and never shows what is not on the device. Both are
 * changed with i_rwsem held.
 */
#ifndef VEXFS_FILE_SIZE_H
#define VEXFS_FILE_SIZE_H

#include "transaction.h"
#include "vexfs_fs.h"

/* Dirty content of [from, to) reaches the device before the transaction of the handle is committed. */
int vexfs_order_content(handle_t *handle, struct inode *inode, loff_t from, loff_t to);
/* The one place where the size on the volume changes: with the transaction of the handle. Writes the inode's record. */
int vexfs_publish_size(handle_t *handle, struct inode *inode, loff_t size);
int vexfs_size_credits(const struct inode *inode);
/* Before the file grows to `upto`: zeros behind its end in its last block, where anything may lie. */
int vexfs_zero_tail(struct inode *inode, loff_t upto);
/* Makes the file longer: what is added reads as zeros. The caller holds i_rwsem and invalidate_lock. */
int vexfs_grow(struct inode *inode, loff_t size);
/* Sets the size, as truncate(2) does. The caller holds i_rwsem and no handle. */
int vexfs_resize(struct inode *inode, loff_t size);
/* The same for an end that no caller asked to lose: the times stay. `size` is not above the present one. */
int vexfs_cut_off(struct inode *inode, loff_t size);

/* truncate.c: frees the blocks behind the end. The inode is on the orphan list, and if it has links it leaves it. */
int vexfs_truncate(struct inode *inode);

#endif
