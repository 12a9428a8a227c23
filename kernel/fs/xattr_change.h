/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Extended attributes: the block that holds them, and changing it. */
#ifndef VEXFS_XATTR_CHANGE_H
#define VEXFS_XATTR_CHANGE_H

#include "transaction.h"
#include "vexfs_fs.h"

struct posix_acl;

/* xattr.c: NULL for an inode without attributes. The caller holds xattr_lock. */
struct buffer_head *vexfs_read_attributes(struct inode *inode);
const struct vexfs_xattr_entry *vexfs_find_attribute(const struct buffer_head *bh, u8 name_space, const char *name);
const char *vexfs_attribute_name(const struct vexfs_xattr_entry *entry);
u32 vexfs_attribute_bytes(const struct vexfs_xattr_entry *entry);

/* The block, allocated or freed. */
#define VEXFS_XATTR_CREDITS 4
/*
 * Sets an attribute, or removes it when `value` is NULL; `flags` as setxattr(2) has them. 1: it was so already. -EEXIST,
 * -ENODATA; -ENOSPC when the attributes do not fit in a block or there is none. The caller writes the inode.
 */
int vexfs_xattr_change(handle_t *handle, struct inode *inode, u8 name_space, const char *name, const void *value,
		       size_t size, int flags);
/* acl.c: the same for an access list. */
int vexfs_store_acl(handle_t *handle, struct inode *inode, u8 name_space, const struct posix_acl *acl);
/* The same in a handle of its own, with the inode written. */
int vexfs_xattr_set(struct inode *inode, u8 name_space, const char *name, const void *value, size_t size, int flags);

#endif
