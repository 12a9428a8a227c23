/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The vectors of /dev/vss: in memory, as many as its capacity says, all of the dimension of the first. */
#ifndef VSS_STORE_H
#define VSS_STORE_H

#include <linux/atomic.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include "../engine/vexfs_engine.h"
#include "vss.h"

/* Rows are allocated so many at a time. */
#define VSS_STEP_ROWS 1024u
#define VSS_MAX_CAPACITY (1u << 24)

struct vss_store {
	u32 capacity;
	/* Queries read what stands below it side by side, who adds is alone, and allocates under it. */
	struct rw_semaphore lock;
	/* 0 until there is a vector. */
	u32 dimension;
	u32 vectors;
	/* Slot s lies in steps[s / VSS_STEP_ROWS]; missing ones are NULL. */
	void **steps;
	struct vx_ids *ids;
	atomic64_t queries;
};

/* 0, -EINVAL for a capacity that is not 1..VSS_MAX_CAPACITY, -ENOMEM. */
int vss_store_create(struct vss_store *store, u32 capacity);
void vss_store_destroy(struct vss_store *store);

/*
 * Adds a vector, or replaces the one with the same id. -EINVAL: id, dimension or a value is not allowed; -ENOSPC: the
 * capacity is reached; -ENOMEM: below it, but the machine has no memory; -EINTR: killed while searches ran.
 */
int vss_store_add(struct vss_store *store, const struct vss_vector *vector);

/* Fills in the answer. -EINVAL: k, dimension or a value is not allowed; -EINTR: a signal is pending; -ENOMEM. */
int vss_store_query(struct vss_store *store, struct vss_query *query);

/* -EINTR: killed while a vector was added. */
int vss_store_stats(struct vss_store *store, struct vss_stats *stats);

#endif
