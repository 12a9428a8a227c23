// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Rounds of changes. A round runs in stages; within a stage work items are independent of each other and read only what
 * earlier stages wrote, so neither the number of threads nor their order changes what is left:
 *
 *   coding     rows become codes; the only stage that can fail, before anything is linked, and the only one of VX_FLAT
 *   (counting, recoding   when too many of these rows lie outside of the scale of codes, a new generation comes here)
 *   finding    who links to nodes that go
 *   repairing  each of these gets links to the neighbours of what it lost
 *   searching  candidates of each new node in the graph as it was, and among the new nodes before it
 *   linking    each node that new nodes chose gets links back
 *   counting, recoding   a new generation of codes, when the index has grown to four times the last one's rows
 *
 * Between stages one thread sorts what the items left and publishes.
 */
#include "index.h"
#include "train.h"

/* ---- taking changes ----------------------------------------------------------------------------------------------- */

/* How many changes the round takes, or -EINVAL. */
static vx_s64 vx_take(const struct vx_rows *rows, const struct vx_change *changes, size_t n, vx_u32 *end)
{
	vx_u32 taken, i;

	for (taken = 0; taken < n && taken < VX_ROUND_CHANGES; taken++) {
		const struct vx_change *change = &changes[taken];

		for (i = 0; i < taken; i++) {
			if (changes[i].slot == change->slot)
				return taken;
		}
		if (change->slot >= VX_MAX_INDEX_SLOTS)
			return -VX_EINVAL;
		if (change->op == VX_PUT) {
			if (change->id == VX_NO_ID || change->slot >= rows->slots)
				return -VX_EINVAL;
			*end = change->slot + 1 > *end ? change->slot + 1 : *end;
		} else if (change->op != VX_DEL) {
			return -VX_EINVAL;
		}
	}
	return taken;
}

static vx_u32 vx_header(const struct vx_index *index, vx_u32 slot)
{
	struct vx_view view;
	vx_u32 node = vx_node_of(&index->shape, slot);

	vx_index_view(index, &view);
	return node < view.limit ? vx_word(vx_header_of(&view, node)) : 0;
}

static void vx_set_header(const struct vx_index *index, vx_u32 slot, vx_u32 header)
{
	struct vx_view view;

	vx_index_view(index, &view);
	vx_set_word(vx_header_of(&view, vx_node_of(&view.shape, slot)), header);
}

static void vx_forget_waiting(struct vx_index *index, vx_u32 slot)
{
	vx_u32 i = 0;

	while (i < index->waiting_count && index->waiting[i] != slot)
		i++;
	if (i == index->waiting_count)
		return;
	index->waiting_count--;
	for (; i < index->waiting_count; i++)
		index->waiting[i] = index->waiting[i + 1];
}

/* Before there is a generation, rows wait. Submitting the same changes once more is harmless. */
static void vx_take_waiting(struct vx_index *index, const struct vx_change *changes, vx_u32 taken)
{
	vx_u32 i;

	for (i = 0; i < taken; i++) {
		const vx_u32 slot = changes[i].slot;
		const vx_u32 header = vx_header(index, slot);

		if (header & VX_NODE_HELD) {
			vx_forget_waiting(index, slot);
			index->held--;
			vx_set_header(index, slot, 0);
		}
		if (changes[i].op == VX_PUT) {
			index->waiting[index->waiting_count++] = slot;
			index->held++;
			vx_set_header(index, slot,
				      VX_NODE_HELD | vx_level_of(index, changes[i].id) << VX_NODE_LEVEL_SHIFT);
		}
	}
}

static void vx_item_add(struct vx_index *index, vx_u32 slot, vx_u32 header, vx_u32 level, vx_u32 flags)
{
	struct vx_builder *b = &index->builder;
	struct vx_item *item = &b->items[b->item_count];

	if (header & VX_NODE_LINKED)
		flags |= VX_ITEM_DELETE;
	if (!flags)
		return;
	*item = (struct vx_item){
		.node = vx_node_of(&index->shape, slot),
		.level = level,
		.flags = flags,
		.before = header,
	};
	b->item_count++;
}

static void vx_list_items(struct vx_index *index, const struct vx_change *changes, vx_u32 taken)
{
	vx_u32 level, i;

	for (i = 0; i < taken; i++) {
		vx_u32 header = vx_header(index, changes[i].slot);

		level = index->params.type == VX_GRAPH ? vx_level_of(index, changes[i].id) : 0;
		if (changes[i].op == VX_PUT)
			vx_item_add(index, changes[i].slot, header, level, VX_ITEM_INSERT);
		else if (header & VX_NODE_HELD)
			vx_item_add(index, changes[i].slot, header, 0, header & VX_NODE_LINKED ? 0 : VX_ITEM_DELETE);
	}
}

static void vx_list_waiting(struct vx_index *index)
{
	vx_u32 i;

	for (i = 0; i < index->waiting_count; i++) {
		vx_u32 header = vx_header(index, index->waiting[i]);

		vx_item_add(index, index->waiting[i], header, VX_NODE_LEVEL(header), VX_ITEM_INSERT);
	}
}

/* ---- stages ------------------------------------------------------------------------------------------------------- */

static void vx_stage(struct vx_index *index, enum vx_stage stage, vx_u32 total)
{
	struct vx_builder *b = &index->builder;
	vx_u32 i;

	b->stage = stage;
	b->total = total;
	__atomic_store_n(&b->next, 0, __ATOMIC_RELEASE);
	for (i = 0; i < b->workers; i++)
		vx_index_view(index, &b->worker[i].walk.view);
}

vx_s64 vx_index_begin(struct vx_index *index, const struct vx_rows *rows, const struct vx_change *changes, size_t n,
		      vx_u32 workers)
{
	struct vx_builder *b = &index->builder;
	vx_u32 end = (vx_u32)index->slots, limit;
	const vx_u32 row_bytes = vx_row_bytes(index->params.element, index->params.dims);
	vx_s64 taken;
	int error;

	if (b->stage != VX_IDLE || index->source.by_record || workers == 0 || workers > VX_MAX_WORKERS ||
	    (!rows->get && rows->stride < row_bytes))
		return -VX_EINVAL;
	if (__atomic_load_n(&index->damaged, __ATOMIC_RELAXED))
		return -VX_EUCLEAN;
	if (n == 0)
		return 0;
	taken = vx_take(rows, changes, n, &end);
	if (taken < 0)
		return taken;
	error = vx_snapshot_load(index);
	if (error)
		return error;
	limit = end ? vx_node_of(&index->shape, end - 1) + 1 : 0;
	error = vx_nodes_reserve(index, limit);
	if (!error)
		error = vx_workers_reserve(index, workers, limit);
	if (!error && !index->generation && index->waiting_capacity < index->waiting_count + taken) {
		vx_u32 capacity = index->waiting_count + index->params.train_rows + VX_ROUND_CHANGES;

		error = vx_index_grow(index, (void **)&index->waiting, 4 * (size_t)index->waiting_capacity,
				      4 * (size_t)capacity);
		if (!error)
			index->waiting_capacity = capacity;
	}
	if (!error)
		error = vx_items_reserve(index, index->waiting_count + VX_ROUND_CHANGES);
	if (error)
		return error;
	if (limit > index->limit)
		__atomic_store_n(&index->limit, limit, __ATOMIC_RELEASE);
	index->slots = end;
	b->rows = rows;
	b->taken = taken;
	b->error = 0;
	b->item_count = 0;
	if (index->generation) {
		vx_list_items(index, changes, (vx_u32)taken);
	} else {
		vx_take_waiting(index, changes, (vx_u32)taken);
		if (index->waiting_count >= index->params.train_rows) {
			error = vx_generation_train(index, rows);
			if (!error)
				vx_list_waiting(index);
		}
	}
	if (!error)
		error = vx_links_reserve(index);
	if (error) {
		vx_index_free(index, b->generation, vx_generation_bytes(index));
		b->generation = NULL;
		return error;
	}
	vx_stage(index, VX_CODING, b->item_count);
	b->started = 0;
	return taken;
}

static void vx_code_item(struct vx_index *index, struct vx_worker *worker, vx_u32 i)
{
	struct vx_builder *b = &index->builder;
	struct vx_item *item = &b->items[i];
	vx_u32 unmatched = 0;
	int error;

	if (!(item->flags & VX_ITEM_INSERT) || __atomic_load_n(&b->error, __ATOMIC_RELAXED))
		return;
	error = vx_rotated_row(index, b->rows, vx_slot_of(&index->shape, item->node), worker->floats, &unmatched);
	if (error) {
		__atomic_store_n(&b->error, error, __ATOMIC_RELAXED);
		return;
	}
	if (unmatched)
		item->flags |= VX_ITEM_UNMATCHED;
	else if (index->params.type == VX_FLAT)
		vx_flat_write(index, item->node, worker->floats);
	else if (vx_is_clipped(index, vx_write_code(index, b->generation ? b->generation : index->generation, item->node,
						    worker->floats)))
		item->flags |= VX_ITEM_CLIPPED;
}

/* Codes are there: from here on the round cannot fail. */
static void vx_commit_items(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	vx_u32 deletes = 0, i;

	if (b->generation)
		vx_generation_publish(index, b->generation);
	b->generation = NULL;
	for (i = 0; i < b->item_count; i++) {
		struct vx_item *item = &b->items[i];
		const vx_u32 slot = vx_slot_of(&index->shape, item->node);

		if (item->before & VX_NODE_HELD)
			index->held--;
		if (item->before & VX_NODE_UNMATCHED)
			index->unmatched--;
		if (item->before & VX_NODE_LINKED) {
			b->doomed[item->node / 64] |= 1ull << (item->node % 64);
			deletes++;
		} else {
			/* Whatever level it waited with, it is no node yet. */
			item->flags &= ~VX_ITEM_DELETE;
			vx_set_header(index, slot, 0);
		}
		if (item->flags & VX_ITEM_INSERT)
			index->held++;
		if (item->flags & VX_ITEM_UNMATCHED) {
			index->unmatched++;
			item->flags &= ~VX_ITEM_INSERT;
			if (!(item->before & VX_NODE_LINKED))
				vx_set_header(index, slot, VX_NODE_HELD | VX_NODE_UNMATCHED);
		}
	}
	/* Rows wait only as long as there is no generation, and then all of them were items. */
	if (index->generation)
		index->waiting_count = 0;
	if (deletes)
		vx_stage(index, VX_FINDING, vx_delete_begin(index, deletes));
	else
		b->last = 0;
}

/* The next part of the new nodes, or what follows when there is none. */
static void vx_next_part(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	vx_u32 edges = 0, i;

	b->first = b->last;
	b->last = b->item_count - b->first < VX_ROUND_CHANGES ? b->item_count : b->first + VX_ROUND_CHANGES;
	for (i = b->first; i < b->last; i++) {
		struct vx_item *item = &b->items[i];

		if (!(item->flags & VX_ITEM_INSERT))
			continue;
		item->first_edge = edges;
		edges += (item->level + 1) * vx_links_chosen(index);
		item->block = item->level ? vx_block_take(index, item->level) : 0;
	}
	b->edge_count = edges;
	if (b->first < b->last)
		vx_stage(index, VX_SEARCHING, b->last - b->first);
	else if (vx_generation_due(index) && !vx_generation_begin(index))
		vx_stage(index, VX_COUNTING, vx_generation_items(index));
	else
		vx_stage(index, VX_IDLE, 0);
}

/* Codes that stay: what goes is taken out of the graph, and what comes put in. */
static void vx_leave_coding(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;

	b->outgrown = 0;
	b->last = 0;
	vx_commit_items(index);
	if (b->stage != VX_FINDING)
		vx_next_part(index);
}

/* What follows the stage that is done. */
static void vx_finish_stage(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;

	switch (b->stage) {
	case VX_CODING:
		if (index->params.type == VX_FLAT) {
			vx_flat_commit(index);
			vx_stage(index, VX_IDLE, 0);
			break;
		}
		b->outgrown = !b->generation && vx_generation_outgrown(index) && !vx_generation_begin(index);
		if (b->outgrown)
			vx_stage(index, VX_COUNTING, vx_generation_items(index));
		else
			vx_leave_coding(index);
		break;
	case VX_FINDING:
		vx_delete_group(index);
		vx_stage(index, VX_REPAIRING, b->group_count);
		break;
	case VX_REPAIRING:
		vx_delete_finish(index);
		b->last = 0;
		vx_next_part(index);
		break;
	case VX_SEARCHING:
		vx_insert_group(index);
		vx_stage(index, VX_LINKING, b->group_count);
		break;
	case VX_LINKING:
		vx_insert_finish(index);
		vx_next_part(index);
		break;
	case VX_COUNTING:
		vx_generation_fold(index);
		vx_stage(index, VX_RECODING, vx_generation_items(index));
		break;
	case VX_RECODING:
		if (b->outgrown)
			vx_leave_coding(index);
		else
			vx_stage(index, VX_IDLE, 0);
		break;
	default:
		vx_stage(index, VX_IDLE, 0);
		break;
	}
}

int vx_index_phase(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;

	if (b->stage == VX_IDLE)
		return 0;
	if (!b->started) {
		b->started = 1;
		if (b->total)
			return 1;
	}
	do {
		if (b->error) {
			int error = b->error;

			vx_index_free(index, b->generation, vx_generation_bytes(index));
			b->generation = NULL;
			b->error = 0;
			vx_stage(index, VX_IDLE, 0);
			return error;
		}
		vx_finish_stage(index);
	} while (b->stage != VX_IDLE && b->total == 0);
	return b->stage != VX_IDLE;
}

void vx_index_work(struct vx_index *index, vx_u32 worker_number)
{
	struct vx_builder *b = &index->builder;
	struct vx_worker *worker = &b->worker[worker_number];
	const enum vx_stage stage = b->stage;

	for (;;) {
		vx_u32 i = __atomic_fetch_add(&b->next, 1, __ATOMIC_ACQ_REL);

		if (i >= b->total)
			return;
		if (stage == VX_CODING)
			vx_code_item(index, worker, i);
		else if (stage == VX_FINDING)
			vx_delete_find(index, worker, i);
		else if (stage == VX_REPAIRING)
			vx_delete_repair(index, worker, i);
		else if (stage == VX_SEARCHING)
			vx_insert_search(index, worker, b->first + i);
		else if (stage == VX_LINKING)
			vx_insert_link(index, worker, i);
		else if (stage == VX_COUNTING)
			vx_generation_count(index, worker, i);
		else if (stage == VX_RECODING)
			vx_generation_recode(index, worker, i);
	}
}

vx_s64 vx_index_apply(struct vx_index *index, const struct vx_rows *rows, const struct vx_change *changes, size_t n,
		      const volatile vx_u32 *interrupt)
{
	size_t done = 0;

	while (done < n) {
		vx_s64 taken = interrupt && *interrupt ? -VX_EINTR : vx_index_begin(index, rows, changes + done, n - done, 1);
		int status = 1;

		while (taken > 0 && (status = vx_index_phase(index)) > 0)
			vx_index_work(index, 0);
		if (status < 0)
			taken = status;
		if (taken < 0)
			return done ? (vx_s64)done : taken;
		done += (size_t)taken;
	}
	return (vx_s64)done;
}
