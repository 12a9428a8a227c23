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
	void *records; /* what is read of a snapshot that is not in memory */
	size_t record_bytes;
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
	vx_u32 astray; /* the walk may have ended in a group of rows that the query is not part of */
};

/* Of the proposals of a walk, the one whose distance from the first tells how close to each other they lie. */
#define VX_NEIGHBOUR_TO_JUDGE 7u
/* So many times as far, by squared distance, is far off. */
#define VX_FAR_OFF 4u

/*
 * Rows that lie close together link to each other and hardly to others, so that greedy steps above, and the beam below, may end
 * in one group when the query belongs to another. That is seen by the proposals: they are far from the query and close to each other.
 * Products are no distances, and tell nothing of that.
 */
VX_INLINE int vx_may_be_astray(const struct vx_walk *walk)
{
	return walk->view.shape.normed && !walk->breadth && walk->pool_count > VX_NEIGHBOUR_TO_JUDGE;
}

/* `between`: key of the two proposals. */
VX_INLINE int vx_is_far_off(const struct vx_walk *walk, vx_u32 between)
{
	return VX_CANDIDATE_KEY(walk->pool[0]) > VX_FAR_OFF * ((vx_u64)between + walk->view.shape.dims);
}

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

/* ---- records.c: the same walks where records stay in the snapshot */

/* vx_walk_begin() on level 0 and vx_walk_beam(): 0, -EINTR, -ENOMEM, -EUCLEAN, what read() returned. No graph: 0 and nothing found. */
int vx_records_walk(struct vx_plan *plan, vx_u64 entry, int filtered);
/* Groups of VX_FLAT from `group` of a chunk on; *groups is where they are read to. */
int vx_records_groups(struct vx_plan *plan, vx_u32 chunk, vx_u32 group, vx_u32 count, const vx_u8 **groups);

/* Makes *memory at least `bytes` large, zeroed when it grows; the old content is lost. */
int vx_searcher_reserve(struct vx_searcher *searcher, void **memory, size_t *have, size_t bytes);

#endif
