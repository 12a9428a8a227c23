/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Inodes that belong to the rows of a file: no name leads to them, and none of them is an inode of the VFS. */
#ifndef VEXFS_HIDDEN_H
#define VEXFS_HIDDEN_H

#include "transaction.h"
#include "vexfs_fs.h"

struct vexfs_hidden {
	struct super_block *sb;
	u64 number;
	/* As it is in the table, or will be once it is written. */
	struct vexfs_inode inode;
};

int vexfs_hidden_read(struct inode *owner, u64 number, struct vexfs_hidden *hidden);
/* Takes an inode, which is not in the table before vexfs_hidden_write(). -ENOSPC, -EUCLEAN: nothing has changed. */
int vexfs_hidden_create(handle_t *handle, struct inode *owner, struct vexfs_hidden *hidden);
int vexfs_hidden_write(handle_t *handle, struct vexfs_hidden *hidden);
/* Beside those for an inode that is taken. */
#define VEXFS_HIDDEN_CREDITS 1

/*
 * Makes it a file without a name, which is deleted when the caller lets it go, with no handle open. ERR_PTR: half of it may
 * be in the transaction, which the caller aborts.
 */
struct inode *vexfs_hidden_disown(handle_t *handle, struct vexfs_hidden *hidden);
#define VEXFS_DISOWN_CREDITS (VEXFS_ORPHAN_CREDITS + VEXFS_HIDDEN_CREDITS)

struct vexfs_tree vexfs_hidden_tree(struct vexfs_hidden *hidden);
/* Takes the blocks over that calls on its tree took or freed. */
void vexfs_hidden_count(struct vexfs_hidden *hidden, const struct vexfs_tree *tree);

#endif
