// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Nodes that go. Links have a direction, so who links to a node is not written anywhere. When many nodes go at once, all
 * lists are read for links to them. When few do, they are looked for among the neighbours and their neighbours, where nine
 * in ten are; a link that is not found leads to an empty record, later perhaps to another row: searches compare rows
 * exactly and lose nothing, and the next change of that list drops it.
 */
#include "index.h"

/* Lists that may be read for each node that goes: less work than putting a new one. */
#define VX_LISTS_A_DELETE 16384u

static int vx_doomed(const struct vx_builder *b, vx_u32 node)
{
	return (int)(b->doomed[node / 64] >> (node % 64) & 1);
}

static int vx_is_linked(const struct vx_view *view, vx_u32 node, vx_u32 level)
{
	vx_u32 header = vx_word(vx_record(view, node));

	return (header & VX_NODE_LINKED) && VX_NODE_LEVEL(header) >= level;
}

/* Records an edge if `from` links to `node`. */
static vx_u32 vx_note_link(const struct vx_builder *b, struct vx_walk *walk, vx_u32 from, vx_u32 node, vx_u32 level,
			   vx_u32 item, vx_u64 *edges, vx_u32 found)
{
	vx_u32 capacity, count, i, *list;

	if (vx_bit(walk->visited, from))
		return found;
	walk->visited[from / 64] |= 1ull << (from % 64);
	if (walk->trail_count < walk->trail_capacity)
		walk->trail[walk->trail_count++] = from;
	else
		walk->trail_lost = 1;
	if (found == VX_LINKS_IN || vx_doomed(b, from) || !vx_is_linked(&walk->view, from, level))
		return found;
	list = vx_list_of(&walk->view, from, level, &capacity);
	count = vx_list_count(list, capacity);
	for (i = 0; i < count; i++) {
		if (vx_word(list + 1 + i) == node) {
			edges[found++] = VX_EDGE(level, from, item);
			break;
		}
	}
	return found;
}

vx_u32 vx_delete_begin(struct vx_index *index, vx_u32 deletes)
{
	struct vx_builder *b = &index->builder;

	b->edge_count = 0;
	b->scanning = index->slots <= (vx_u64)deletes * VX_LISTS_A_DELETE;
	return b->scanning ? ((vx_u32)index->slots + VX_SLOTS_A_ITEM - 1) / VX_SLOTS_A_ITEM : b->item_count;
}

static void vx_note_doomed(struct vx_builder *b, vx_u32 from, vx_u32 node, vx_u32 level)
{
	vx_u32 item = 0, place;

	while (item < b->item_count && (b->items[item].node != node || !(b->items[item].flags & VX_ITEM_DELETE)))
		item++;
	place = __atomic_fetch_add(&b->edge_count, 1, __ATOMIC_RELAXED);
	/* In any order: they are sorted before they are used. */
	if (place < b->item_count * VX_LINKS_IN)
		b->edges[place] = VX_EDGE(level, from, item);
}

/* All lists of a range of slots. */
static void vx_delete_scan(struct vx_index *index, struct vx_worker *worker, vx_u32 at)
{
	struct vx_builder *b = &index->builder;
	const struct vx_view *view = &worker->walk.view;
	vx_u32 slot = at * VX_SLOTS_A_ITEM, end = slot + VX_SLOTS_A_ITEM, level, i;

	for (; slot < end && slot < index->slots; slot++) {
		const vx_u32 node = vx_node_of(&view->shape, slot);
		const vx_u32 header = vx_word(vx_record(view, node));

		if (!(header & VX_NODE_LINKED) || vx_doomed(b, node))
			continue;
		for (level = 0; level <= VX_NODE_LEVEL(header); level++) {
			vx_u32 capacity, count;
			const vx_u32 *list = vx_list_of(view, node, level, &capacity);

			count = vx_list_count(list, capacity);
			for (i = 0; i < count; i++) {
				if (vx_doomed(b, vx_word(list + 1 + i)))
					vx_note_doomed(b, node, vx_word(list + 1 + i), level);
			}
		}
	}
}

void vx_delete_find(struct vx_index *index, struct vx_worker *worker, vx_u32 at)
{
	const struct vx_builder *b = &index->builder;
	const struct vx_item *item = &b->items[at];
	struct vx_walk *walk = &worker->walk;
	vx_u64 *edges = b->edges + (size_t)at * VX_LINKS_IN;
	vx_u32 found = 0, level, i, j;

	if (b->scanning) {
		vx_delete_scan(index, worker, at);
		return;
	}
	for (i = 0; i < VX_LINKS_IN; i++)
		edges[i] = VX_NO_EDGE;
	if (!(item->flags & VX_ITEM_DELETE))
		return;
	for (level = VX_NODE_LEVEL(item->before) + 1; level-- > 0;) {
		vx_u32 capacity, count;
		const vx_u32 *list = vx_list_of(&walk->view, item->node, level, &capacity);

		count = vx_list_count(list, capacity);
		for (i = 0; i < count; i++) {
			const vx_u32 near = vx_word(list + 1 + i);
			vx_u32 far_capacity, far_count;
			const vx_u32 *far;

			found = vx_note_link(b, walk, near, item->node, level, at, edges, found);
			if (!vx_is_linked(&walk->view, near, level))
				continue;
			far = vx_list_of(&walk->view, near, level, &far_capacity);
			far_count = vx_list_count(far, far_capacity);
			for (j = 0; j < far_count; j++)
				found = vx_note_link(b, walk, vx_word(far + 1 + j), item->node, level, at, edges, found);
		}
		vx_walk_clear(walk);
	}
}

void vx_delete_group(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;

	if (!b->scanning)
		b->edge_count = b->item_count * VX_LINKS_IN;
	else if (b->edge_count > b->item_count * VX_LINKS_IN)
		/* Which of them found room depends on the threads, so that none is used. */
		b->edge_count = 0;
	vx_group_edges(index);
}

/* Adds the neighbours of a node that goes to walk->nodes, unless they are there. */
static vx_u32 vx_add_heirs(const struct vx_builder *b, struct vx_walk *walk, vx_u32 heir_of, vx_u32 node, vx_u32 level,
			   vx_u32 count, vx_u32 room)
{
	vx_u32 capacity, n, i, j;
	const vx_u32 *list = vx_list_of(&walk->view, heir_of, level, &capacity);

	n = vx_list_count(list, capacity);
	for (i = 0; i < n && count < room; i++) {
		const vx_u32 link = vx_word(list + 1 + i);

		if (link == node || vx_doomed(b, link) || !vx_is_linked(&walk->view, link, level))
			continue;
		for (j = 0; j < count && walk->nodes[j] != link; j++)
			;
		if (j == count)
			walk->nodes[count++] = link;
	}
	return count;
}

void vx_delete_repair(struct vx_index *index, struct vx_worker *worker, vx_u32 group)
{
	const struct vx_navigation *navigation = index->cpu.navigation;
	const struct vx_builder *b = &index->builder;
	const vx_u64 *edge = b->edges + b->groups[group], *end = b->edges + b->groups[group + 1];
	const vx_u32 node = VX_EDGE_NODE(*edge), level = VX_EDGE_LEVEL(*edge);
	struct vx_walk *walk = &worker->walk;
	const vx_u32 room = index->shape.links + VX_ROUND_CHANGES;
	vx_u32 capacity, count, kept = 0, candidates = 0, i;
	vx_u32 *list = vx_list_of(&walk->view, node, level, &capacity);

	count = vx_list_count(list, capacity);
	for (i = 0; i < count; i++) {
		vx_u32 link = vx_word(list + 1 + i);

		if (!vx_doomed(b, link) && vx_is_linked(&walk->view, link, level))
			walk->nodes[kept++] = link;
	}
	for (i = 0; i < kept; i++)
		worker->chosen[i] = walk->nodes[i];
	/* What is linked already stands in front, so that it is not added again. */
	for (count = kept; edge < end; edge++)
		count = vx_add_heirs(b, walk, b->items[VX_EDGE_ITEM(*edge)].node, node, level, count, room);
	walk->base = node;
	vx_section_begin(&index->cpu);
	navigation->take_code(&walk->view, node, walk->code);
	navigation->keys(walk, walk->code, walk->nodes, count, walk->keys);
	for (i = kept; i < count; i++)
		vx_insert(worker->candidates, &candidates, room, VX_CANDIDATE(walk->keys[i], walk->nodes[i]));
	kept = navigation->select(walk, worker->candidates, candidates, worker->chosen, kept, capacity);
	vx_section_end(&index->cpu);
	vx_list_store(list, worker->chosen, kept);
}

/* A node to begin at when the entry point goes: a neighbour of its highest level, else the highest node there is. */
static vx_u64 vx_new_entry(struct vx_index *index, const struct vx_view *view, vx_u32 old)
{
	const struct vx_builder *b = &index->builder;
	vx_u32 level = VX_NODE_LEVEL(vx_word(vx_record(view, old))), slot, i;
	vx_u64 entry = VX_NO_ENTRY;

	for (; level > 0; level--) {
		vx_u32 capacity, count;
		const vx_u32 *list = vx_list_of(view, old, level, &capacity);

		count = vx_list_count(list, capacity);
		for (i = 0; i < count; i++) {
			const vx_u32 node = vx_word(list + 1 + i);

			if (!vx_doomed(b, node) && vx_is_linked(view, node, level))
				return (vx_u64)VX_NODE_LEVEL(vx_word(vx_record(view, node))) << 32 | node;
		}
	}
	for (slot = 0; slot < index->slots; slot++) {
		const vx_u32 node = vx_node_of(&view->shape, slot);
		const vx_u32 header = vx_word(vx_record(view, node));

		if (!(header & VX_NODE_LINKED) || vx_doomed(b, node))
			continue;
		if (entry == VX_NO_ENTRY || VX_NODE_LEVEL(header) > (vx_u32)(entry >> 32))
			entry = (vx_u64)VX_NODE_LEVEL(header) << 32 | node;
	}
	return entry;
}

void vx_delete_finish(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	struct vx_view view;
	vx_u32 i, j;

	vx_index_view(index, &view);
	if (index->entry != VX_NO_ENTRY && vx_doomed(b, (vx_u32)index->entry))
		__atomic_store_n(&index->entry, vx_new_entry(index, &view, (vx_u32)index->entry), __ATOMIC_RELEASE);
	for (i = 0; i < b->item_count; i++) {
		const struct vx_item *item = &b->items[i];
		vx_u32 *record = vx_record(&view, item->node);
		const vx_u32 level = VX_NODE_LEVEL(item->before);

		if (!(item->flags & VX_ITEM_DELETE))
			continue;
		b->doomed[item->node / 64] &= ~(1ull << (item->node % 64));
		if (level)
			vx_block_give(index, vx_word(record + view.shape.links), level);
		vx_set_word(record, item->flags & VX_ITEM_UNMATCHED ? VX_NODE_HELD | VX_NODE_UNMATCHED : 0);
		for (j = 1; j < view.shape.code_at / 4; j++)
			vx_set_word(record + j, 0);
		/* Of a row that was taken anew the code already is the new one. */
		if (!(item->flags & VX_ITEM_INSERT)) {
			vx_u8 *chunk = vx_chunk(&view, item->node >> view.shape.shift);

			__builtin_memset((vx_u8 *)record + view.shape.code_at, 0, view.shape.code_bytes);
			if (view.shape.normed)
				vx_set_word((vx_u32 *)chunk + (item->node & view.shape.mask), 0);
		}
		index->linked--;
	}
}
