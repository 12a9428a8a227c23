// SPDX-License-Identifier: GPL-2.0 OR MIT
/* New nodes: candidates, the choice among them, and links back (algorithms 1 and 4 of the paper, a round at a time). */
#include "index.h"

/* Keeps the candidates of the pool that are in the graph; a dangling link may have led to others. */
static vx_u32 vx_keep_linked(struct vx_walk *walk, vx_u32 level)
{
	vx_u32 kept = 0, i;

	for (i = 0; i < walk->pool_count; i++) {
		const vx_u32 header = vx_word(vx_record(&walk->view, VX_CANDIDATE_NODE(walk->pool[i])));

		if ((header & VX_NODE_LINKED) && VX_NODE_LEVEL(header) >= level)
			walk->pool[kept++] = walk->pool[i] & ~1ull;
	}
	return kept;
}

/* Adds the new nodes before item `at` that reach the level: the graph does not hold them yet. */
static void vx_add_companions(struct vx_index *index, struct vx_walk *walk, vx_u32 at, vx_u32 level)
{
	const struct vx_builder *b = &index->builder;
	vx_u32 count = 0, i;

	for (i = b->first; i < at; i++) {
		const struct vx_item *item = &b->items[i];

		if ((item->flags & VX_ITEM_INSERT) && item->level >= level)
			walk->nodes[count++] = item->node;
	}
	vx_section_begin(&index->cpu);
	index->cpu.navigation->keys(walk, walk->code, walk->nodes, count, walk->keys);
	vx_section_end(&index->cpu);
	for (i = 0; i < count; i++)
		vx_insert(walk->pool, &walk->pool_count, walk->pool_capacity,
			  VX_CANDIDATE(walk->keys[i], walk->nodes[i]));
}

void vx_insert_search(struct vx_index *index, struct vx_worker *worker, vx_u32 at)
{
	const struct vx_navigation *navigation = index->cpu.navigation;
	struct vx_builder *b = &index->builder;
	const struct vx_item *item = &b->items[at];
	struct vx_walk *walk = &worker->walk;
	const vx_u64 entry = index->entry;
	const vx_u32 top = entry == VX_NO_ENTRY ? 0 : (vx_u32)(entry >> 32);
	vx_u64 *edges = b->edges + item->first_edge, start;
	vx_u32 level = item->level, found, i;

	if (!(item->flags & VX_ITEM_INSERT))
		return;
	for (i = 0; i < (item->level + 1) * vx_links_chosen(index); i++)
		edges[i] = VX_NO_EDGE;
	vx_section_begin(&index->cpu);
	walk->base = item->node;
	navigation->take_code(&walk->view, item->node, walk->code);
	vx_section_end(&index->cpu);
	walk->pool_capacity = index->params.ef_construction;
	found = entry != VX_NO_ENTRY;
	if (found)
		vx_walk_begin(index, walk, entry, level < top ? level : top);
	start = walk->pool[0];
	for (;; level--) {
		const vx_u32 max = level ? index->shape.upper_links : vx_links_chosen(index);

		walk->pool_count = 0;
		if (found && level <= top) {
			walk->level = level;
			walk->pool[0] = start;
			vx_walk_beam(index, walk, 0, NULL);
			vx_walk_clear(walk);
			start = walk->pool[0] & ~1ull;
			walk->pool_count = vx_keep_linked(walk, level);
		}
		vx_add_companions(index, walk, at, level);
		vx_section_begin(&index->cpu);
		i = navigation->select(walk, walk->pool, walk->pool_count, worker->chosen, 0, max);
		vx_section_end(&index->cpu);
		while (i-- > 0)
			edges[level * vx_links_chosen(index) + i] = VX_EDGE(level, worker->chosen[i], at - b->first);
		if (level == 0)
			break;
	}
}

/* ---- links back --------------------------------------------------------------------------------------------------- */

/* Least significant digits first, eight bits at a time; digits that are all alike cost one look. */
static void vx_sort_edges(vx_u64 **edges, vx_u64 **space, vx_u32 n, vx_u32 *counts)
{
	vx_u32 shift, i;

	for (shift = 0; shift < 48; shift += 8) {
		vx_u64 *from = *edges, *to = *space;
		vx_u32 sum = 0;

		for (i = 0; i < 256; i++)
			counts[i] = 0;
		for (i = 0; i < n; i++)
			counts[from[i] >> shift & 0xff]++;
		if (n == 0 || counts[from[0] >> shift & 0xff] == n)
			continue;
		for (i = 0; i < 256; i++) {
			vx_u32 count = counts[i];

			counts[i] = sum;
			sum += count;
		}
		for (i = 0; i < n; i++)
			to[counts[from[i] >> shift & 0xff]++] = from[i];
		*edges = to;
		*space = from;
	}
}

void vx_group_edges(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	vx_u32 count = 0, i;

	for (i = 0; i < b->edge_count; i++) {
		if (b->edges[i] != VX_NO_EDGE)
			b->edges[count++] = b->edges[i];
	}
	vx_sort_edges(&b->edges, &b->edge_space, count, b->digits);
	b->edge_count = count;
	b->group_count = 0;
	for (i = 0; i < count; i++) {
		if (i == 0 || VX_EDGE_TARGET(b->edges[i]) != VX_EDGE_TARGET(b->edges[i - 1]))
			b->groups[b->group_count++] = i;
	}
	b->groups[b->group_count] = count;
}

/* The new nodes become part of the graph with the links that they chose; nobody links to them yet. */
void vx_insert_group(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	struct vx_worker *worker = &b->worker[0];
	struct vx_view *view = &worker->walk.view;
	vx_u32 i, level;

	vx_index_view(index, view);
	for (i = b->first; i < b->last; i++) {
		struct vx_item *item = &b->items[i];
		vx_u32 *record = vx_record(view, item->node);

		if (!(item->flags & VX_ITEM_INSERT))
			continue;
		if (item->level)
			vx_set_word(record + view->shape.links, item->block);
		vx_set_word(record, VX_NODE_HELD | VX_NODE_LINKED | item->level << VX_NODE_LEVEL_SHIFT);
		for (level = 0; level <= item->level; level++) {
			const vx_u64 *edges = b->edges + item->first_edge + level * vx_links_chosen(index);
			vx_u32 capacity, count = 0;
			vx_u32 *list = vx_list_of(view, item->node, level, &capacity);

			for (; count < vx_links_chosen(index) && edges[count] != VX_NO_EDGE; count++)
				worker->chosen[count] = VX_EDGE_NODE(edges[count]);
			vx_list_store(list, worker->chosen, count);
		}
	}
	vx_group_edges(index);
}

static int vx_among(const vx_u32 *nodes, vx_u32 n, vx_u32 node)
{
	vx_u32 i;

	for (i = 0; i < n; i++) {
		if (nodes[i] == node)
			return 1;
	}
	return 0;
}

void vx_insert_link(struct vx_index *index, struct vx_worker *worker, vx_u32 group)
{
	const struct vx_navigation *navigation = index->cpu.navigation;
	const struct vx_builder *b = &index->builder;
	const vx_u64 *edge = b->edges + b->groups[group], *end = b->edges + b->groups[group + 1];
	const vx_u32 node = VX_EDGE_NODE(*edge), level = VX_EDGE_LEVEL(*edge);
	struct vx_walk *walk = &worker->walk;
	vx_u32 capacity, count, kept = 0, i;
	vx_u32 *list = vx_list_of(&walk->view, node, level, &capacity);

	count = vx_list_count(list, capacity);
	for (i = 0; i < count; i++) {
		vx_u32 link = vx_word(list + 1 + i);

		if (vx_word(vx_record(&walk->view, link)) & VX_NODE_LINKED)
			walk->nodes[kept++] = link;
	}
	for (; edge < end; edge++) {
		vx_u32 link = b->items[b->first + VX_EDGE_ITEM(*edge)].node;

		if (!vx_among(walk->nodes, kept, link))
			walk->nodes[kept++] = link;
	}
	if (kept <= capacity) {
		vx_list_store(list, walk->nodes, kept);
		return;
	}
	count = 0;
	walk->base = node;
	vx_section_begin(&index->cpu);
	navigation->take_code(&walk->view, node, walk->code);
	navigation->keys(walk, walk->code, walk->nodes, kept, walk->keys);
	for (i = 0; i < kept; i++)
		vx_insert(worker->candidates, &count, kept, VX_CANDIDATE(walk->keys[i], walk->nodes[i]));
	kept = navigation->select(walk, worker->candidates, kept, worker->chosen, 0, capacity);
	vx_section_end(&index->cpu);
	vx_list_store(list, worker->chosen, kept);
}

void vx_insert_finish(struct vx_index *index)
{
	struct vx_builder *b = &index->builder;
	vx_u32 i;

	for (i = b->first; i < b->last; i++) {
		const struct vx_item *item = &b->items[i];

		if (!(item->flags & VX_ITEM_INSERT))
			continue;
		index->linked++;
		if (index->entry == VX_NO_ENTRY || item->level > (vx_u32)(index->entry >> 32))
			__atomic_store_n(&index->entry, (vx_u64)item->level << 32 | item->node, __ATOMIC_RELEASE);
	}
}
