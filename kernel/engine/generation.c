// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A later generation of codes: centre and scale over all rows, when there are four times as many as behind the last one.
 * Links stay. While codes are rewritten a search meets both generations; their scales differ little where rows are drawn
 * alike, and what it returns is compared exactly anyway.
 */
#include "index.h"
#include "train.h"

#define VX_GROWTH 4u
/* Another one sooner: when so many times the clipped rows are all of the round, or of a sample, and so large a part was added. */
#define VX_LOST_SHARE 4u
#define VX_LEAST_GROWTH 16u
#define VX_SAMPLE 256u

int vx_generation_due(const struct vx_index *index)
{
	return index->generation && index->params.metric != VX_COSINE &&
	       index->held - index->unmatched >= VX_GROWTH * index->generation->rows;
}

/* Of a few rows that are in the graph, spread over all slots: does the scale miss a quarter? */
static int vx_is_scale_lost(const struct vx_index *index)
{
	const vx_u32 dims = index->params.dims;
	struct vx_view view;
	vx_u32 seen = 0, lost = 0, i, j;

	vx_index_view(index, &view);
	for (i = 0; i < VX_SAMPLE; i++) {
		const vx_u32 *record = vx_record(&view, vx_node_of(&view.shape, (vx_u32)(index->slots * i / VX_SAMPLE)));
		const vx_u8 *code = (const vx_u8 *)record + view.shape.code_at;
		vx_u32 clipped = 0;

		if (!(vx_word(record) & VX_NODE_LINKED))
			continue;
		for (j = 0; j < dims && !vx_is_clipped(index, clipped); j++)
			clipped += code[j] == 128 + 127 || code[j] == 128 - 127;
		seen++;
		lost += vx_is_clipped(index, clipped);
	}
	return lost && VX_LOST_SHARE * lost >= seen;
}

/*
 * Rows drawn as those before are hardly ever clipped: a quarter of a round is when rows come in an order, and then the next
 * ones will be. To wait until there are four times as many would leave all of them without codes that tell them apart. What
 * is asked follows from the graph and the round alone. Counting and recoding again after a sixteenth more rows costs less
 * than linking these; where rows are replaced, and do not become more, a sample tells.
 */
int vx_generation_outgrown(const struct vx_index *index)
{
	const struct vx_builder *b = &index->builder;
	vx_u64 rows = index->held - index->unmatched;
	vx_u32 inserts = 0, clipped = 0, i;

	if (!index->generation || index->params.metric == VX_COSINE)
		return 0;
	for (i = 0; i < b->item_count; i++) {
		const struct vx_item *item = &b->items[i];
		const vx_u32 flags = item->flags;

		if ((flags & VX_ITEM_INSERT) && !(flags & VX_ITEM_UNMATCHED)) {
			inserts++;
			clipped += (flags & VX_ITEM_CLIPPED) != 0;
			rows++;
		}
		rows -= (item->before & VX_NODE_LINKED) != 0;
	}
	if (!clipped || VX_LOST_SHARE * clipped < inserts)
		return 0;
	return rows >= index->generation->rows + index->generation->rows / VX_LEAST_GROWTH || vx_is_scale_lost(index);
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

/* Work items that all slots are. */
static vx_u32 vx_parts(const struct vx_index *index)
{
	return ((vx_u32)index->slots + VX_SLOTS_A_ITEM - 1) / VX_SLOTS_A_ITEM;
}

vx_u32 vx_generation_items(const struct vx_index *index)
{
	const struct vx_builder *b = &index->builder;

	return vx_parts(index) + (b->outgrown ? b->item_count : 0);
}

/* The slots of a work item: a part of all of them, or behind these one of the round, whose row is no node yet. */
static vx_u32 vx_slots_of_item(const struct vx_index *index, vx_u32 at, vx_u32 *end)
{
	const struct vx_builder *b = &index->builder;
	const vx_u32 parts = vx_parts(index);
	const vx_u32 slots = (vx_u32)index->slots < b->rows->slots ? (vx_u32)index->slots : b->rows->slots;
	vx_u32 slot;

	if (at < parts) {
		*end = (at + 1) * VX_SLOTS_A_ITEM < slots ? (at + 1) * VX_SLOTS_A_ITEM : slots;
		return at * VX_SLOTS_A_ITEM;
	}
	slot = vx_slot_of(&index->shape, b->items[at - parts].node);
	*end = slot + ((b->items[at - parts].flags & (VX_ITEM_INSERT | VX_ITEM_DELETE)) == VX_ITEM_INSERT);
	return slot;
}

/* The rotated row of a slot in worker->floats: 1; 0 when there is none, or it cannot be read: the round goes on without it. */
static int vx_row_to_code(const struct vx_index *index, struct vx_worker *worker, vx_u32 slot, vx_u32 lone)
{
	const vx_u32 node = vx_node_of(&index->shape, slot);
	vx_u32 unmatched = 0;

	if (node >= worker->walk.view.limit ||
	    (!lone && !(vx_word(vx_record(&worker->walk.view, node)) & VX_NODE_LINKED)))
		return 0;
	return !vx_rotated_row(index, index->builder.rows, slot, worker->floats, &unmatched) && !unmatched;
}

void vx_generation_count(struct vx_index *index, struct vx_worker *worker, vx_u32 item)
{
	const vx_u32 lone = item >= vx_parts(index);
	vx_u32 end, slot = vx_slots_of_item(index, item, &end);

	for (; slot < end; slot++) {
		if (!vx_row_to_code(index, worker, slot, lone))
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
	const vx_u32 lone = item >= vx_parts(index);
	vx_u32 end, slot = vx_slots_of_item(index, item, &end);

	/* The old code of a row that cannot be read is as good a hint as any. */
	for (; slot < end; slot++) {
		if (vx_row_to_code(index, worker, slot, lone))
			vx_write_code(index, index->generation, vx_node_of(&index->shape, slot), worker->floats);
	}
}
