// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What a builder and its threads need, reserved before a round changes anything. */
#include "index.h"
#include "train.h"

static struct vx_walk_needs vx_worker_needs(const struct vx_index *index, vx_u32 limit)
{
	vx_u32 pool = index->params.ef_construction;
	vx_u32 batch = index->shape.links + VX_ROUND_CHANGES;

	return (struct vx_walk_needs){ .limit = limit,
				       .pool = pool > batch ? pool : batch,
				       .dims = index->params.dims,
				       .links = index->shape.links };
}

static vx_u32 vx_candidate_room(const struct vx_index *index)
{
	return index->params.ef_construction + index->shape.links + VX_ROUND_CHANGES;
}

static void vx_worker_free(struct vx_index *index, struct vx_worker *worker)
{
	vx_index_free(index, worker->walk.code, worker->walk_bytes);
	vx_index_free(index, worker->floats, (size_t)index->coder.padded * 4);
	vx_index_free(index, worker->sums, VX_TRAIN_NUMBERS(index->params.dims) * sizeof(vx_s64));
	vx_index_free(index, worker->candidates, 8 * (size_t)vx_candidate_room(index));
	vx_index_free(index, worker->chosen, 4 * (size_t)vx_candidate_room(index));
	*worker = (struct vx_worker){ 0 };
}

static int vx_worker_reserve(struct vx_index *index, struct vx_worker *worker, vx_u32 limit)
{
	if (!worker->floats)
		worker->floats = vx_index_alloc(index, (size_t)index->coder.padded * 4);
	if (index->params.type == VX_FLAT)
		return worker->floats ? 0 : -VX_ENOMEM;
	if (!worker->sums)
		worker->sums = vx_index_alloc(index, VX_TRAIN_NUMBERS(index->params.dims) * sizeof(vx_s64));
	if (!worker->candidates)
		worker->candidates = vx_index_alloc(index, 8 * (size_t)vx_candidate_room(index));
	if (!worker->chosen)
		worker->chosen = vx_index_alloc(index, 4 * (size_t)vx_candidate_room(index));
	if (!worker->floats || !worker->sums || !worker->candidates || !worker->chosen)
		return -VX_ENOMEM;
	if (!worker->walk.code || worker->walk.visited_words < limit / 64 + 1) {
		struct vx_walk_needs needs = vx_worker_needs(index, limit + limit / 4 + 65536);
		size_t bytes = vx_walk_bytes(&needs);
		void *memory = vx_index_alloc(index, bytes);

		if (!memory)
			return -VX_ENOMEM;
		vx_index_free(index, worker->walk.code, worker->walk_bytes);
		worker->walk_bytes = bytes;
		vx_walk_place(&worker->walk, &needs, memory);
	}
	return 0;
}

void vx_builder_free(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	vx_u32 i;

	for (i = 0; i < b->workers; i++)
		vx_worker_free(index, &b->worker[i]);
	vx_index_free(index, b->worker, b->workers * sizeof(struct vx_worker));
	vx_index_free(index, b->items, b->item_capacity * sizeof(struct vx_item));
	vx_index_free(index, b->edges, 8 * (size_t)b->edge_capacity);
	vx_index_free(index, b->edge_space, 8 * (size_t)b->edge_capacity);
	vx_index_free(index, b->groups, 4 * ((size_t)b->edge_capacity + 1));
	vx_index_free(index, b->doomed, 8 * (size_t)b->doomed_words);
	*b = (struct vx_builder){ 0 };
}

int vx_workers_reserve(struct vx_index *index, vx_u32 workers, vx_u32 limit)
{
	struct vx_builder *b = &index->builder;
	vx_u32 i;
	int error;

	if (b->workers < workers) {
		error = vx_index_grow(index, (void **)&b->worker, b->workers * sizeof(struct vx_worker),
				      workers * sizeof(struct vx_worker));
		if (error)
			return error;
		b->workers = workers;
	}
	for (i = 0; i < workers; i++) {
		error = vx_worker_reserve(index, &b->worker[i], limit);
		if (error)
			return error;
	}
	return 0;
}

int vx_items_reserve(struct vx_index *index, vx_u32 count)
{
	struct vx_builder *b = &index->builder;
	int error = 0;

	if (b->item_capacity < count) {
		error = vx_index_grow(index, (void **)&b->items, b->item_capacity * sizeof(struct vx_item),
				      count * sizeof(struct vx_item));
		if (!error)
			b->item_capacity = count;
	}
	return error;
}

static int vx_edges_reserve(struct vx_index *index, vx_u32 count)
{
	struct vx_builder *b = &index->builder;
	vx_u64 *edges, *space;
	vx_u32 *groups;

	if (b->edge_capacity >= count)
		return 0;
	edges = vx_index_alloc(index, 8 * (size_t)count);
	space = vx_index_alloc(index, 8 * (size_t)count);
	groups = vx_index_alloc(index, 4 * ((size_t)count + 1));
	if (!edges || !space || !groups) {
		vx_index_free(index, edges, 8 * (size_t)count);
		vx_index_free(index, space, 8 * (size_t)count);
		vx_index_free(index, groups, 4 * ((size_t)count + 1));
		return -VX_ENOMEM;
	}
	vx_index_free(index, b->edges, 8 * (size_t)b->edge_capacity);
	vx_index_free(index, b->edge_space, 8 * (size_t)b->edge_capacity);
	vx_index_free(index, b->groups, 4 * ((size_t)b->edge_capacity + 1));
	b->edges = edges;
	b->edge_space = space;
	b->groups = groups;
	b->edge_capacity = count;
	return 0;
}

static int vx_doomed_reserve(struct vx_index *index, vx_u32 limit)
{
	struct vx_builder *b = &index->builder;
	const vx_u32 words = limit / 64 + 1;
	int error = 0;

	if (b->doomed_words < words) {
		error = vx_index_grow(index, (void **)&b->doomed, 8 * (size_t)b->doomed_words, 8 * ((size_t)words + 1024));
		if (!error)
			b->doomed_words = words + 1024;
	}
	return error;
}

int vx_links_reserve(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	vx_u32 most = 0, part = 0, blocks = 0, deletes = 0, i;
	int error = 0;

	if (index->params.type == VX_FLAT)
		return 0;
	for (i = 0; i < b->item_count; i++) {
		const struct vx_item *item = &b->items[i];

		if (i % VX_ROUND_CHANGES == 0)
			part = 0;
		if (item->flags & VX_ITEM_INSERT) {
			part += (item->level + 1) * vx_links_chosen(index);
			blocks += item->level;
		}
		deletes += (item->flags & VX_ITEM_DELETE) != 0;
		most = part > most ? part : most;
	}
	if (deletes && most < b->item_count * VX_LINKS_IN)
		most = b->item_count * VX_LINKS_IN;
	error = vx_edges_reserve(index, most);
	if (!error)
		error = vx_blocks_reserve(index, blocks);
	if (!error && deletes)
		error = vx_doomed_reserve(index, index->limit);
	return error;
}
