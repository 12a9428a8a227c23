/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef VEXFS_PACK_H
#define VEXFS_PACK_H

#include <linux/fs.h>
#include "vector_set.h"

/* Whether so many slots are free that rows are to be moved. */
bool vexfs_pack_is_due(const struct vexfs_set *set);
/*
 * Moves some rows in a transaction. 1: their slots wait to be cut off; 0: no slot in front of a row is free; or a negative errno: nothing has
 * changed. The caller holds i_rwsem and no handle; no freed slot waits.
 */
int vexfs_pack_some(struct inode *inode, struct vexfs_set *set);

#endif
