// SPDX-License-Identifier: GPL-2.0 OR MIT
/* How many of the nearest rows an index finds, estimated with some of its rows as queries. */
#include "kernels.h"
#include "searcher.h"

/* The first live slot from `slot` on, or search->slots. */
static vx_u64 vx_next_live(const struct vx_search *search, vx_u64 slot)
{
	while (slot < search->slots && search->live && !vx_bit(search->live, (vx_u32)slot))
		slot++;
	return slot;
}

/* The row as a query: 1, 0 when it is not finite and matches nothing, or a negative errno. */
static int vx_row_as_query(const struct vx_index *index, const struct vx_search *search, vx_u32 slot, void *query,
			   float *values)
{
	const struct vx_index_params *params = &index->params;
	const struct vx_rows *rows = search->rows;
	const void *row = (const vx_u8 *)rows->base + slot * rows->stride;
	int error = rows->get ? rows->get(rows->context, &slot, 1, &row) : 0;

	if (error)
		return error;
	error = vx_decode_rows(&index->cpu, params->element, params->dims, row, vx_row_bytes(params->element, params->dims), 1,
			       values);
	if (rows->get && rows->put)
		rows->put(rows->context, &row, 1);
	if (error)
		return error;
	if (vx_all_finite(&index->cpu, values, params->dims) != params->dims)
		return 0;
	error = vx_query_prepare(&index->cpu, query, params->metric, params->element, params->dims, values);
	return error ? error : 1;
}

/* Without the row itself, which every search finds: `near` are the exact answers, ascending; how many, and the last one's key. */
static vx_u32 vx_others(const vx_u32 *distances, const vx_u64 *ids, vx_u32 n, vx_u64 self, vx_u32 *last)
{
	vx_u32 count = 0, i;

	for (i = 0; i < n && count < VX_RECALL_NEAR; i++) {
		if (ids[i] == self)
			continue;
		*last = vx_distance_key(distances[i]);
		count++;
	}
	return count;
}

static vx_u32 vx_found(const vx_u32 *distances, const vx_u64 *ids, vx_u32 n, vx_u64 self, vx_u32 last, vx_u32 most)
{
	vx_u32 count = 0, i;

	for (i = 0; i < n && count < most; i++)
		count += ids[i] != self && vx_distance_key(distances[i]) <= last;
	return count;
}

vx_s64 vx_index_recall(struct vx_index *index, struct vx_searcher *searcher, const struct vx_search *search, void *query,
		       float *values, vx_u32 sample)
{
	struct vx_search guided = *search, exact;
	vx_u32 distances[VX_RECALL_NEAR + 1];
	vx_u64 ids[VX_RECALL_NEAR + 1];
	vx_u64 slot = 0, near = 0, found = 0;
	vx_u32 i;

	guided.query = query;
	guided.k = VX_RECALL_NEAR + 1;
	exact = guided;
	exact.flags = VX_SEARCH_EXACT;
	for (i = 0; i < sample; i++) {
		const vx_u64 from = (vx_u64)i * search->slots / sample;
		vx_u32 last = 0, others;
		vx_u64 self;
		vx_s64 n;
		int status;

		/* Where there are fewer rows than asked for, each is asked once. */
		slot = vx_next_live(search, from > slot ? from : slot);
		if (slot >= search->slots)
			break;
		self = search->ids[slot];
		status = vx_row_as_query(index, search, (vx_u32)slot++, query, values);
		if (status < 0)
			return status;
		if (status == 0)
			continue;
		n = vx_index_search(index, searcher, &exact, distances, ids, NULL);
		if (n < 0)
			return n;
		others = vx_others(distances, ids, (vx_u32)n, self, &last);
		n = vx_index_search(index, searcher, &guided, distances, ids, NULL);
		if (n < 0)
			return n;
		near += others;
		found += vx_found(distances, ids, (vx_u32)n, self, last, others);
	}
	return near ? (vx_s64)(found * VX_RECALL_UNIT / near) : VX_RECALL_UNIT;
}
