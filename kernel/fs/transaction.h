/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Changes of metadata. Each happens inside a handle, which makes what is changed through it durable together or not at
 * all. Inside a handle no folio is locked that another waits for, and no inode let go (its deletion needs a handle).
 */
#ifndef VEXFS_TRANSACTION_H
#define VEXFS_TRANSACTION_H

#include <linux/buffer_head.h>
#include <linux/jbd2.h>
#include "vexfs_fs.h"

/*
 * Room for so many blocks that change, and for freeing as many that held metadata. A transaction of the smallest journal
 * takes 256 blocks: whoever needs more than half of that goes on in another handle. -EROFS on a volume that is
 * read-only or whose journal has ended.
 */
handle_t *vexfs_start(struct super_block *sb, int credits);
/* The same for the second part of a change: want of memory is waited out, unless the caller is killed. */
handle_t *vexfs_start_surely(struct super_block *sb, int credits);
/* 0, or the error that ended the journal. */
int vexfs_stop(handle_t *handle);
/* 0: there is room for so many blocks more; 1: not in this transaction, so vexfs_restart(). */
int vexfs_extend(handle_t *handle, int credits);
/* Goes on in another transaction: what was done so far may be committed without what follows. */
int vexfs_restart(handle_t *handle, int credits);

/* Before the content of a block is changed. */
int vexfs_change(handle_t *handle, struct buffer_head *bh);
/* The same for a block that was just allocated, from sb_getblk(): zeros, taken for checked. */
int vexfs_change_new(handle_t *handle, struct buffer_head *bh);
/* After it: checksums are sealed. When it fails the journal has ended. */
int vexfs_changed(handle_t *handle, struct buffer_head *bh);
/*
 * The same for a block with a checksum inside, which is computed when the journal takes the block, once for all changes of a transaction:
 * in memory it may be old, as long as the block is held.
 */
int vexfs_changed_summed(handle_t *handle, struct super_block *sb, struct buffer_head *bh, enum vexfs_summed what);
/* Once for a volume, when its geometry is known. */
void vexfs_seals_init(struct vexfs_volume *volume);
/* A block of metadata is freed: nothing of it is written any more, by a replay neither. */
int vexfs_revoke(handle_t *handle, struct super_block *sb, u64 block);
/* A change failed half-way: the journal ends, so that no half of it is seen. Returns the error. */
int vexfs_abort(handle_t *handle, int error);

#endif
