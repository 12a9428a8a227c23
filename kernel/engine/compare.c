// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Rows of chosen slots compared with the query exactly, a section at a time. */
#include "kernels.h"
#include "searcher.h"

/* Lines of a row that are fetched before its comparison begins; the hardware follows what is longer. */
#define VX_ROW_LINES_AHEAD 8u

static void vx_prefetch_row(const vx_u8 *row, vx_u32 row_bytes)
{
	vx_u32 i;

	for (i = 0; i < row_bytes && i < 64 * VX_ROW_LINES_AHEAD; i += 64)
		__builtin_prefetch(row + i);
}

static void vx_prefetch_rows(const struct vx_search *search, const vx_u32 *slots, vx_u32 n)
{
	const struct vx_rows *rows = search->rows;
	vx_u32 i;

	for (i = 0; i < n; i++)
		vx_prefetch_row((const vx_u8 *)rows->base + slots[i] * rows->stride, search->query->row_bytes);
}

static int vx_compare_fetched(struct vx_plan *plan, const vx_u32 *slots, vx_u32 n, vx_u32 *distances)
{
	const struct vx_search *search = plan->search;
	const struct vx_query *query = search->query;
	const struct vx_cpu *cpu = &plan->index->cpu;
	const struct vx_rows *rows = search->rows;
	vx_distance_fn *run = cpu->kernels->distance[query->metric][query->element - 1];
	vx_u32 section = (vx_u32)vx_section_rows(query->row_bytes), done = 0;

	if (section > VX_ROWS_AT_ONCE)
		section = VX_ROWS_AT_ONCE;
	while (done < n) {
		const void *at[VX_ROWS_AT_ONCE];
		vx_u32 count = n - done < section ? n - done : section, i;
		int error = rows->get(rows->context, slots + done, count, at);

		if (error)
			return error;
		for (i = 0; i < count; i++)
			vx_prefetch_row(at[i], query->row_bytes);
		vx_section_begin(cpu);
		for (i = 0; i < count; i++)
			run(query, at[i], 0, NULL, 1, distances + done + i);
		vx_section_end(cpu);
		if (rows->put)
			rows->put(rows->context, at, count);
		done += count;
	}
	return 0;
}

/* Ascending without holes: rows behind each other. */
static int vx_is_run(const vx_u32 *slots, vx_u32 n)
{
	vx_u32 i = 0;

	if (slots[n - 1] - slots[0] != n - 1)
		return 0;
	while (i < n && slots[i] == slots[0] + i)
		i++;
	return i == n;
}

int vx_compare_pending(struct vx_plan *plan)
{
	struct vx_searcher *searcher = plan->searcher;
	const struct vx_search *search = plan->search;
	const struct vx_cpu *cpu = &plan->index->cpu;
	vx_u32 *slots = searcher->slots, *distances = searcher->slots + VX_SECTION_ROWS;
	const vx_u32 n = searcher->pending;
	vx_u32 i;
	int error;

	searcher->pending = 0;
	if (n == 0)
		return 0;
	if (search->interrupt && *search->interrupt)
		return -VX_EINTR;
	searcher->info.rows += n;
	if (search->rows->get) {
		error = vx_compare_fetched(plan, slots, n, distances);
		if (error)
			return error;
	} else if (vx_is_run(slots, n)) {
		const vx_u8 *first = (const vx_u8 *)search->rows->base + slots[0] * search->rows->stride;

		vx_distances(cpu, search->query, first, search->rows->stride, NULL, n, distances);
	} else {
		if (n <= 64)
			vx_prefetch_rows(search, slots, n);
		vx_distances(cpu, search->query, search->rows->base, search->rows->stride, slots, n, distances);
	}
	for (i = 0; i < n; i++) {
		searcher->nearest = distances[i] < searcher->nearest ? distances[i] : searcher->nearest;
		searcher->farthest = distances[i] > searcher->farthest ? distances[i] : searcher->farthest;
	}
	vx_topk_offer(searcher->topk, distances, search->ids, slots, 0, n);
	return 0;
}

int vx_compare_slot(struct vx_plan *plan, vx_u32 slot)
{
	struct vx_searcher *searcher = plan->searcher;

	searcher->slots[searcher->pending++] = slot;
	if (searcher->pending < vx_section_rows(plan->search->query->row_bytes))
		return 0;
	return vx_compare_pending(plan);
}

int vx_is_held(const struct vx_view *view, vx_u32 slot)
{
	const vx_u32 node = vx_node_of(&view->shape, slot);

	return node < view->limit && vx_chunk(view, node >> view->shape.shift) &&
	       (vx_word(vx_header_of(view, node)) & VX_NODE_HELD);
}

/* Without a live bitmap, what the index holds matches: every chunk has to be there. */
static int vx_load_all(struct vx_plan *plan, struct vx_view *view)
{
	const struct vx_shape *shape = &view->shape;
	vx_u32 chunk;

	vx_index_view(plan->index, view);
	for (chunk = 0; view->limit && chunk <= (view->limit - 1) >> shape->shift; chunk++) {
		int error = vx_chunk(view, chunk) ? 0 : vx_chunk_touch(plan->index, chunk);

		if (error)
			return error == -VX_ENOMEM ? error : -VX_EUCLEAN;
	}
	return 0;
}

int vx_compare_all(struct vx_plan *plan)
{
	const struct vx_predicate *p = &plan->predicate;
	const int by_index = !plan->search->live;
	struct vx_view view;
	vx_u32 first;
	int error = by_index ? vx_load_all(plan, &view) : 0;

	for (first = 0; !error && first < plan->slots; first += 64) {
		vx_u64 bits = p->allowed ? __atomic_load_n(&p->allowed[first / 64], __ATOMIC_RELAXED) : ~0ull;

		for (; bits && !error; bits &= bits - 1) {
			const vx_u32 slot = first + (vx_u32)__builtin_ctzll(bits);

			if (vx_passes(p, slot) && (!by_index || vx_is_held(&view, slot)))
				error = vx_compare_slot(plan, slot);
		}
		if (!error && first % 65536 == 0 && plan->search->interrupt && *plan->search->interrupt)
			error = -VX_EINTR;
	}
	return error ? error : vx_compare_pending(plan);
}

int vx_compare_tail(struct vx_plan *plan)
{
	const struct vx_search *search = plan->search;
	struct vx_predicate p = plan->predicate;
	vx_u64 *unseen = plan->searcher->tail;
	int error = 0;
	vx_u32 i;

	p.tail = NULL;
	for (i = 0; !error && i < search->tail_count; i++) {
		const vx_u32 slot = search->tail[i];

		/* A slot that is listed twice is compared once. */
		if (slot >= plan->slots || !vx_bit(unseen, slot))
			continue;
		unseen[slot / 64] &= ~(1ull << (slot % 64));
		if (vx_passes(&p, slot))
			error = vx_compare_slot(plan, slot);
	}
	return error ? error : vx_compare_pending(plan);
}
