// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VX_FLAT: the signs of all rotated rows, compared with those of the query. In how many signs two unit rows differ says what
 * angle is between them; the rows of which it says the least are compared exactly.
 */
#include "kernels.h"
#include "searcher.h"

/* Groups of eight rows whose candidates fit walk->found. */
#define VX_MOST_GROUPS (VX_ROUND_CHANGES / 8)

/* ---- changes ------------------------------------------------------------------------------------------------------ */

void vx_flat_write(const struct vx_index *index, vx_u32 node, const float *rotated)
{
	struct vx_view view;

	vx_index_view(index, &view);
	vx_section_begin(&index->cpu);
	index->cpu.navigation->signs(rotated, index->params.dims, view.shape.words,
				     vx_signs_in(&view.shape, vx_chunk(&view, node >> view.shape.shift),
						 node & view.shape.mask), 8);
	vx_section_end(&index->cpu);
}

void vx_flat_commit(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	struct vx_view view;
	vx_u32 i;

	vx_index_view(index, &view);
	for (i = 0; i < b->item_count; i++) {
		const struct vx_item *item = &b->items[i];
		vx_u32 header = 0;

		index->held -= (item->before & VX_NODE_HELD) != 0;
		index->linked -= (item->before & VX_NODE_LINKED) != 0;
		index->unmatched -= (item->before & VX_NODE_UNMATCHED) != 0;
		if (item->flags & VX_ITEM_UNMATCHED)
			header = VX_NODE_HELD | VX_NODE_UNMATCHED;
		else if (item->flags & VX_ITEM_INSERT)
			header = VX_NODE_HELD | VX_NODE_LINKED;
		index->held += header != 0;
		index->linked += (header & VX_NODE_LINKED) != 0;
		index->unmatched += (header & VX_NODE_UNMATCHED) != 0;
		vx_set_word(vx_header_of(&view, item->node), header);
	}
}

/* ---- search ------------------------------------------------------------------------------------------------------- */

int vx_flat_worth(struct vx_plan *plan)
{
	const vx_u64 row_bytes = plan->search->query->row_bytes;

	plan->matching = plan->slots;
	if (plan->filtered)
		vx_plan_count(plan);
	return plan->matching * row_bytes > plan->slots * (vx_u64)plan->index->shape.record_bytes + plan->ef * row_bytes;
}

/* The signs of the query, where its code would stand. */
static const vx_u64 *vx_flat_query(struct vx_plan *plan)
{
	const struct vx_index *index = plan->index;
	const struct vx_navigation *navigation = index->cpu.navigation;
	float *floats = plan->searcher->floats;
	vx_u64 *signs = (vx_u64 *)plan->searcher->walk.code->values;

	__builtin_memcpy(floats, vx_query_values(plan->search->query), (size_t)index->coder.padded * 4);
	vx_section_begin(&index->cpu);
	navigation->rotate(index->cpu.kernels, &index->coder, floats);
	navigation->signs(floats, index->params.dims, index->shape.words, signs, 1);
	vx_section_end(&index->cpu);
	return signs;
}

/* Of the rows from `first` on, whose groups begin at `groups`, those that are nearer than what the full pool holds and match. */
static void vx_flat_admit(struct vx_plan *plan, vx_u32 first, const vx_u8 *groups, const vx_u64 *found, vx_u32 n)
{
	struct vx_walk *walk = &plan->searcher->walk;
	vx_u32 i;

	for (i = 0; i < n; i++) {
		const vx_u32 node = first + (vx_u32)found[i];
		const vx_u64 candidate = VX_CANDIDATE(found[i] >> 32, node);

		if (walk->pool_count == walk->pool_capacity && walk->pool[walk->pool_count - 1] < candidate)
			continue;
		if ((vx_word(vx_header_in(&walk->view.shape, groups, (vx_u32)found[i])) & VX_NODE_LINKED) &&
		    vx_passes(&plan->predicate, vx_slot_of(&walk->view.shape, node)))
			vx_insert(walk->pool, &walk->pool_count, walk->pool_capacity, candidate);
	}
}

static int vx_flat_chunk(struct vx_plan *plan, const vx_u64 *query, vx_u32 chunk)
{
	const struct vx_cpu *cpu = &plan->index->cpu;
	struct vx_walk *walk = &plan->searcher->walk;
	const struct vx_shape *shape = &walk->view.shape;
	const vx_u32 first = chunk << shape->shift, rest = walk->view.limit - first;
	const vx_u32 groups = ((rest < shape->per_chunk ? rest : shape->per_chunk) + 7) / 8;
	const vx_u8 *bytes = plan->index->source.by_record ? NULL : vx_chunk(&walk->view, chunk);
	vx_u32 most = VX_SECTION_BYTES / (8 * shape->record_bytes), group, count;

	most = most == 0 ? 1 : most < VX_MOST_GROUPS ? most : VX_MOST_GROUPS;
	for (group = 0; group < groups; group += count) {
		const vx_u8 *piece = bytes + (size_t)group * 8 * shape->record_bytes;
		vx_u32 limit = 64 * shape->words + 1, n;
		int status;

		if (plan->search->interrupt && *plan->search->interrupt)
			return -VX_EINTR;
		count = groups - group < most ? groups - group : most;
		if (!bytes) {
			status = vx_records_groups(plan, chunk, group, count, &piece);
			if (status)
				return status;
		}
		if (walk->pool_count == walk->pool_capacity)
			limit = VX_CANDIDATE_KEY(walk->pool[walk->pool_count - 1]);
		vx_section_begin(cpu);
		n = cpu->navigation->nearer((const vx_u64 *)piece, count, query, shape->words, limit, walk->found);
		vx_section_end(cpu);
		walk->codes += 8 * count;
		vx_flat_admit(plan, first + 8 * group, piece, walk->found, n);
	}
	return 0;
}

vx_s64 vx_flat_search(struct vx_plan *plan)
{
	struct vx_searcher *searcher = plan->searcher;
	struct vx_walk *walk = &searcher->walk;
	const vx_u64 *query;
	vx_u32 chunk;
	int status;

	vx_index_view(plan->index, &walk->view);
	status = vx_walk_reserve(searcher, plan->ef, 0);
	if (status)
		return status;
	walk->pool_capacity = plan->ef;
	walk->pool_count = 0;
	walk->codes = 0;
	query = vx_flat_query(plan);
	for (chunk = 0; !status && walk->view.limit && chunk <= (walk->view.limit - 1) >> walk->view.shape.shift; chunk++) {
		if (!plan->index->source.by_record && !vx_chunk(&walk->view, chunk))
			status = vx_chunk_touch(plan->index, chunk);
		if (!status)
			status = vx_flat_chunk(plan, query, chunk);
	}
	searcher->info.codes += walk->codes;
	return status ? status : (vx_s64)walk->pool_count;
}
