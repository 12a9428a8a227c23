// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A later generation of codes: centre and scale over all rows, when there are four times as many as behind the last one.
 * Links stay. While codes are rewritten a search meets both generations; their scales differ little where rows are drawn
 * alike, and what it returns is compared exactly anyway.
 */
#include "index.h"
#include "train.h"

#define VX_GROWTH 4u

int vx_generation_due(const struct vx_index *index)
{
	return index->generation && index->params.metric != VX_COSINE &&
	       index->held - index->unmatched >= VX_GROWTH * index->generation->rows;
}

int vx_generation_begin(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	vx_u32 i;

	b->generation = vx_generation_new(index);
	if (!b->generation)
		return -VX_ENOMEM;
	for (i = 0; i < b->workers; i++) {
		__builtin_memset(b->worker[i].sums, 0, VX_TRAIN_NUMBERS(index->params.dims) * sizeof(vx_s64));
		b->worker[i].counted = 0;
	}
	return 0;
}

static vx_u32 vx_linked_header(const struct vx_worker *worker, vx_u32 node)
{
	return node < worker->walk.view.limit && vx_word(vx_record(&worker->walk.view, node)) & VX_NODE_LINKED;
}

void vx_generation_count(struct vx_index *index, struct vx_worker *worker, vx_u32 item)
{
	const struct vx_builder *b = &index->builder;
	vx_u32 slot = item * VX_SLOTS_A_ITEM, end = slot + VX_SLOTS_A_ITEM;

	for (; slot < end && slot < index->slots; slot++) {
		vx_u32 unmatched = 0;

		/* A row that cannot be read is left out; the round is already done. */
		if (!vx_linked_header(worker, vx_node_of(&index->shape, slot)) ||
		    vx_rotated_row(index, b->rows, slot, worker->floats, &unmatched) || unmatched)
			continue;
		vx_section_begin(&index->cpu);
		vx_recount_add(worker->floats, index->params.dims, index->generation, worker->sums,
			       worker->sums + index->params.dims);
		vx_section_end(&index->cpu);
		worker->counted++;
	}
}

void vx_generation_fold(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	const vx_u32 n = 2 * index->params.dims;
	vx_s64 *sums = b->worker[0].sums;
	vx_u64 rows = b->worker[0].counted;
	vx_u32 i, j;

	for (i = 1; i < b->workers; i++) {
		for (j = 0; j < n; j++)
			sums[j] += b->worker[i].sums[j];
		/* The longest of all of them. */
		if (b->worker[i].sums[n] > sums[n])
			sums[n] = b->worker[i].sums[n];
		rows += b->worker[i].counted;
	}
	if (rows) {
		vx_section_begin(&index->cpu);
		vx_recount_finish(b->generation, index->generation, index->params.dims,
				  index->params.metric == VX_EUCLIDEAN, sums, sums + index->params.dims, rows);
		vx_section_end(&index->cpu);
	} else {
		__builtin_memcpy(b->generation, index->generation, vx_generation_bytes(index));
		b->generation->rows = index->held;
	}
	b->generation->number = index->generation->number + 1;
	vx_generation_publish(index, b->generation);
	b->generation = NULL;
}

void vx_generation_recode(struct vx_index *index, struct vx_worker *worker, vx_u32 item)
{
	const struct vx_builder *b = &index->builder;
	vx_u32 slot = item * VX_SLOTS_A_ITEM, end = slot + VX_SLOTS_A_ITEM;

	for (; slot < end && slot < index->slots; slot++) {
		const vx_u32 node = vx_node_of(&index->shape, slot);
		vx_u32 unmatched = 0;

		/* The old code of a row that cannot be read is as good a hint as any. */
		if (vx_linked_header(worker, node) &&
		    !vx_rotated_row(index, b->rows, slot, worker->floats, &unmatched) && !unmatched)
			vx_write_code(index, index->generation, node, worker->floats);
	}
}
