/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Inodes: from memory into the table, and onto the orphan list. */
#ifndef VEXFS_INODE_WRITE_H
#define VEXFS_INODE_WRITE_H

#include <linux/writeback.h>
#include "transaction.h"

/* So many blocks more or less; the size of a directory is that of its blocks. */
void vexfs_count_blocks(struct inode *inode, s32 blocks);
/* Whatever the VFS and vexfs_inode_info say of an inode, into its record: one block. */
int vexfs_write_inode(handle_t *handle, struct inode *inode);
#define VEXFS_INODE_CREDITS 1
/* What the handle changes is needed to read the content, or the rows, and is not seen in the record: fdatasync(2) waits for it. */
void vexfs_content_needs(handle_t *handle, struct inode *inode);

/*
 * Recovery finishes with the inodes on the list: without links they are deleted, with links their blocks past the size
 * are freed. Adding twice is allowed, removing what is not there too.
 */
int vexfs_orphan_add(handle_t *handle, struct inode *inode);
int vexfs_orphan_remove(handle_t *handle, struct inode *inode);
/* The inode goes out of memory: where it is on the list, it stays there. */
void vexfs_orphan_leave(struct inode *inode);
/* Superblock, the inode, the one in front of it. */
#define VEXFS_ORPHAN_CREDITS 3
/* What is on the list when the volume is mounted for writing. Damage is left to fsck and no error. */
int vexfs_finish_orphans(struct super_block *sb);
void vexfs_forget_orphans(struct super_block *sb);

/* Everything done to the inode so far is durable: its last transaction, and what the device has cached. */
int vexfs_commit_inode(struct inode *inode, bool datasync);

/* For super_operations. */
void vexfs_dirty_inode(struct inode *inode, int flags);
int vexfs_write_vfs_inode(struct inode *inode, struct writeback_control *control);
/* evict.c */
void vexfs_evict_inode(struct inode *inode);
/* Finishes with an inode on the orphan list that has links. */
void vexfs_cut_orphan(struct inode *inode);

#endif
