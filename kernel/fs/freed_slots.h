/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Slots that rows have left. A crash may bring the rows back until the transaction that freed them is committed, and searches that began
 * before may read them: only after both are they zeroed and taken again.
 */
#ifndef VEXFS_FREED_SLOTS_H
#define VEXFS_FREED_SLOTS_H

#include <linux/jbd2.h>
#include <linux/list.h>
#include <linux/types.h>

struct inode;
struct vexfs_set;
struct vexfs_volume;

struct vexfs_freed {
	struct list_head list;
	tid_t tid;
	/* Of vexfs_set_ticket(). */
	unsigned long ticket;
	u32 count;
	/* Where a walk over all slots has come to. */
	u32 at;
	/* Rising. */
	u32 slots[];
};

/* Up to `wanted` slots that can take rows now, rising. Returns how many. */
u32 vexfs_freed_choose(struct vexfs_set *set, u32 *slots, u32 wanted);
/* Slots from `slots` on are gone. */
void vexfs_freed_cut(struct vexfs_set *set, u64 slots);
/* Memory for so many; and, filled, what the transaction of the handle freed. */
struct vexfs_freed *vexfs_freed_alloc(u32 count);
/* The slots of those of the ids that rows have, for the same; whoever calls it holds i_rwsem. NULL: -ENOMEM. */
struct vexfs_freed *vexfs_freed_find(const struct vexfs_set *set, const u64 *ids, u32 count);
void vexfs_freed_add(struct vexfs_set *set, struct vexfs_freed *freed, tid_t tid);
/* The set goes while its file stays: whoever loads it again cannot tell which of the free slots still wait for a commit. */
void vexfs_freed_forget(struct vexfs_volume *volume, const struct vexfs_set *set);
/* All free slots of a set that has just been loaded wait, as long as those of a set that was forgotten may be among them. 0, -ENOMEM. */
int vexfs_freed_recall(const struct vexfs_volume *volume, struct vexfs_set *set);

#endif
