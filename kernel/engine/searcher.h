/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What one search carries, and how its parts call each other. */
#ifndef VX_SEARCHER_H
#define VX_SEARCHER_H

#include "index.h"

struct vx_searcher {
	struct vx_alloc alloc;
	struct vx_search_info info;
	struct vx_walk walk;
	void *walk_memory;
	size_t walk_bytes;
	struct vx_walk_needs needs; /* what the walk's memory is enough for */
	struct vx_topk *topk;
	size_t topk_bytes;
	float *floats; /* the rotated query */
	size_t float_bytes;
	vx_u64 *tail; /* bits by slot, all zero between searches */
	size_t tail_bytes;
	vx_u64 *combined; /* live rows that pass the slot bits */
	size_t combined_bytes;
	vx_u32 *slots; /* rows to compare: VX_SECTION_ROWS slots, then as many distances */
	vx_u32 pending;
	vx_u32 nearest, farthest; /* bits of distances since they were last set: alike when all of these are */
};

/* One search: its arguments, checked and completed. */
struct vx_plan {
	struct vx_index *index;
	struct vx_searcher *searcher;
	const struct vx_search *search;
	struct vx_predicate predicate;
	vx_u32 slots; /* rows at or behind this match nothing */
	vx_u32 k, ef, rerank;
	vx_u32 filtered; /* slot bits or ids */
	vx_u64 matching; /* estimate; only for filtered searches */
	vx_u32 doubtful; /* rows that the walk did not keep may be as near as those that it proposed */
};

/* ---- index_search.c */

/* Memory for a walk over what searcher->walk.view shows. */
int vx_walk_reserve(struct vx_searcher *searcher, vx_u32 pool, vx_u32 results);

/* ---- filter.c */

/* Sets predicate and filtered. -ENOMEM. */
int vx_plan_filter(struct vx_plan *plan);
/* About how many rows pass. */
void vx_plan_count(struct vx_plan *plan);
void vx_tail_mark(struct vx_plan *plan);
void vx_tail_clear(struct vx_plan *plan);

/* ---- compare.c: rows compared exactly, into searcher->topk */

/* Adds a slot to the rows to compare, comparing them when there are enough: 0, -EINTR, what rows->get() returned. */
int vx_compare_slot(struct vx_plan *plan, vx_u32 slot);
int vx_compare_pending(struct vx_plan *plan);
/* Every row that passes the predicate, and the tail. */
int vx_compare_all(struct vx_plan *plan);
int vx_compare_tail(struct vx_plan *plan);
/* Is the slot held by the index? Only chunks that are loaded know. */
int vx_is_held(const struct vx_view *view, vx_u32 slot);

/* ---- flat.c */

/* Could comparing bits answer faster than comparing what matches? */
int vx_flat_worth(struct vx_plan *plan);
/* The plan->ef matching rows with the nearest bits into walk->pool: how many, or a negative errno. */
vx_s64 vx_flat_search(struct vx_plan *plan);

/* Makes *memory at least `bytes` large, zeroed when it grows; the old content is lost. */
int vx_searcher_reserve(struct vx_searcher *searcher, void **memory, size_t *have, size_t bytes);

#endif
