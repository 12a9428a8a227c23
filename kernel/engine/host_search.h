/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The queries of one call, in user space. No part of the kernel module. */
#ifndef VX_HOST_SEARCH_H
#define VX_HOST_SEARCH_H

#include "host_index.h"

/*
 * Queries over one state of a vector set, and where their answers go: those of query i begin at i * k, places past its count
 * become zeros. `search` describes the state; its query is filled in here. Without an index every row is compared:
 * slots 0..search.slots-1, in one range of addresses (search.rows without get).
 */
struct vx_questions {
	const struct vx_cpu *cpu;
	struct vx_index *index;       /* NULL: none */
	struct vx_searcher *searcher; /* for the index */
	void *query;                  /* memory of vx_query_bytes() */
	void *topk;                   /* without an index: of vx_topk_bytes() */
	void *scratch;                /* without an index: of VX_SCAN_SCRATCH_BYTES */
	void *row;                    /* of dims float32 */
	float *values;                /* count * dims; as a stored row would hold them, afterwards */
	vx_u32 *distances;
	vx_u64 *ids;
	vx_u32 *counts;
	struct vx_search search;
	vx_u32 metric, element, dims, count;
	vx_u32 path; /* out: the largest VX_PATH_* */
	vx_u32 reserved;
};

/*
 * Answers all of them. How many hits the last has; -EINVAL for a query that no row could be, -EINTR, -ENOMEM. -EIO: a page that
 * is mapped at search.rows->base could not be read, where the process would get SIGBUS otherwise; the searcher is good
 * for nothing but vx_searcher_destroy() then.
 */
vx_s64 vx_host_search(struct vx_questions *questions);

/*
 * vx_index_recall() over the state that the questions describe, whose query and values are used and whose places for answers are not.
 * Also -EIO, as above.
 */
vx_s64 vx_host_recall(struct vx_questions *questions, vx_u32 sample);

#endif
