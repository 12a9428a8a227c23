/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The ioctls of a volume. Whoever adds one keeps the order of checks that docs/api.md gives. */
#ifndef VEXFS_VECTOR_CALLS_H
#define VEXFS_VECTOR_CALLS_H

#include <linux/fs.h>
#include <vexfs.h>

long vexfs_ioctl(struct file *file, unsigned int command, unsigned long argument);

/* search.c: -EINVAL, -E2BIG, -EFAULT, -EINTR, -EIO, -ENOMEM; result_count is set, the buffers are filled. */
int vexfs_search(struct file *file, struct vexfs_vector_search_request *request);
int vexfs_batch_search(struct file *file, const struct vexfs_batch_search *call);

/* set_define.c and insert.c: everything from the checks of the argument on. */
int vexfs_set_define(struct file *file, const struct vexfs_vector_file_info *info);
int vexfs_batch_insert(struct file *file, const struct vexfs_batch_insert_request *request);

/* delete_rows.c: the same. */
int vexfs_delete_embedding(struct file *file, const struct vexfs_delete_embedding *call);
int vexfs_batch_delete(struct file *file, const struct vexfs_batch_delete *call);

/* ioctl.c: what is due when a call has changed rows: those who watch are told, and O_SYNC and O_DSYNC get what they ask for. */
int vexfs_call_changed(struct file *file);

/* put_row.c: the same; `call` is the argument of `size` bytes, an inline vector included, which comes back with id and slot. */
int vexfs_add_embedding(struct file *file, struct vexfs_put_embedding *call, size_t size);
int vexfs_update_embedding(struct file *file, struct vexfs_put_embedding *call, size_t size);

/* get_rows.c: everything from the checks of the argument on. */
int vexfs_batch_get(struct file *file, struct vexfs_batch_get *call);

/* get_row.c: `call` is the argument of `size` bytes, the room for an inline vector included. */
int vexfs_get_row(struct file *file, struct vexfs_get_embedding *call, size_t size);

#endif
