/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef VEXFS_NEW_INODE_H
#define VEXFS_NEW_INODE_H

#include "transaction.h"
#include "vexfs_fs.h"

/* An inode that is about to be made in a directory, with what it inherits from there. */
struct vexfs_new_inode {
	struct inode *inode;
	struct posix_acl *acl;
	struct posix_acl *default_acl;
};

/* Without a handle: owner, mode, access lists. */
int vexfs_new_inode_begin(VEXFS_IDMAP *idmap, struct inode *dir, umode_t mode, struct vexfs_new_inode *new);
/*
 * In a handle: takes a number and stores access lists and labels; the inode is locked and new, and not written yet. After an
 * error nothing has changed.
 */
int vexfs_new_inode_store(handle_t *handle, struct inode *dir, const struct qstr *name, struct vexfs_new_inode *new);
int vexfs_new_inode_credits(void);
/* Something failed after vexfs_new_inode_store(): evicting the inode will delete it. */
void vexfs_new_inode_abandon(handle_t *handle, struct vexfs_new_inode *new);
/* Lets go of all, the inode too unless it was taken out; no handle is open. */
void vexfs_new_inode_end(struct vexfs_new_inode *new);

#endif
