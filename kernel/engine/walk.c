// SPDX-License-Identifier: GPL-2.0 OR MIT
/* One walk through the graph: its memory, its SIMD sections, and chunks that it finds missing. */
#include "index.h"

/* Room behind a list for batches that are filled up to four. */
#define VX_BATCH_ROOM 4u

static size_t vx_aligned(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

static size_t vx_code_size(vx_u32 dims)
{
	return sizeof(struct vx_code) + vx_aligned(dims);
}

static vx_u32 vx_trail_capacity(const struct vx_walk_needs *needs)
{
	vx_u32 words = needs->limit / 64 + 1;
	vx_u32 least = 4 * (needs->links + VX_BATCH_ROOM);

	/* A longer trail would cost more to follow than clearing every word. */
	return words / 2 > least ? words / 2 : least;
}

static vx_u32 vx_batch(const struct vx_walk_needs *needs)
{
	return needs->links + VX_ROUND_CHANGES + VX_BATCH_ROOM;
}

size_t vx_walk_bytes(const struct vx_walk_needs *needs)
{
	return 2 * vx_code_size(needs->dims) + vx_aligned(8 * ((size_t)needs->pool + 1)) +
	       vx_aligned(8 * ((size_t)needs->results + 1)) + vx_aligned(8 * ((size_t)needs->limit / 64 + 1)) +
	       vx_aligned(4 * (size_t)vx_trail_capacity(needs)) +
	       vx_aligned(sizeof(vx_u8 *) * (size_t)vx_batch(needs)) + 2 * vx_aligned(8 * (size_t)vx_batch(needs)) + 2 * vx_aligned(4 * (size_t)vx_batch(needs));
}

static void *vx_part(vx_u8 **memory, size_t bytes)
{
	void *part = *memory;

	*memory += vx_aligned(bytes);
	return part;
}

void vx_walk_place(struct vx_walk *walk, const struct vx_walk_needs *needs, void *memory)
{
	vx_u8 *at = memory;

	walk->code = vx_part(&at, vx_code_size(needs->dims));
	walk->other = vx_part(&at, vx_code_size(needs->dims));
	walk->pool = vx_part(&at, 8 * ((size_t)needs->pool + 1));
	walk->results = vx_part(&at, 8 * ((size_t)needs->results + 1));
	walk->visited_words = needs->limit / 64 + 1;
	walk->visited = vx_part(&at, 8 * (size_t)walk->visited_words);
	walk->trail_capacity = vx_trail_capacity(needs);
	walk->trail = vx_part(&at, 4 * (size_t)walk->trail_capacity);
	walk->at = vx_part(&at, sizeof(vx_u8 *) * (size_t)vx_batch(needs));
	walk->keys = vx_part(&at, 4 * (size_t)vx_batch(needs));
	walk->nodes = vx_part(&at, 4 * (size_t)vx_batch(needs));
	walk->found = vx_part(&at, 8 * (size_t)vx_batch(needs));
	walk->better = vx_part(&at, 8 * (size_t)vx_batch(needs));
	walk->trail_count = 0;
	walk->trail_lost = 0;
}

void vx_walk_clear(struct vx_walk *walk)
{
	const vx_u32 limit = walk->view.limit;
	vx_u32 i;

	if (walk->trail_lost) {
		__builtin_memset(walk->visited, 0, 8 * ((size_t)limit / 64 + 1));
	} else {
		for (i = 0; i < walk->trail_count; i++)
			walk->visited[walk->trail[i] / 64] = 0;
		walk->visited[limit / 64] = 0;
	}
	walk->trail_count = 0;
	walk->trail_lost = 0;
}

static void vx_mark(struct vx_walk *walk, vx_u32 node)
{
	walk->visited[node / 64] |= 1ull << (node % 64);
	walk->trail[walk->trail_count++] = node;
}

/* pool[0] on walk->level, the nearest node that greedy steps lead to. */
static int vx_walk_descend(struct vx_index *index, struct vx_walk *walk)
{
	const struct vx_navigation *navigation = index->cpu.navigation;

	for (;;) {
		int status;

		vx_section_begin(&index->cpu);
		status = navigation->descend(walk);
		vx_section_end(&index->cpu);
		if (status == VX_WALK_DONE)
			return 0;
		status = vx_chunk_touch(index, walk->missing);
		if (status)
			return status;
	}
}

/* The same, by a beam of walk->breadth. */
static int vx_walk_broadly(struct vx_index *index, struct vx_walk *walk)
{
	const vx_u32 capacity = walk->pool_capacity;
	int status;

	walk->pool_capacity = walk->breadth;
	status = vx_walk_beam(index, walk, 0, NULL);
	vx_walk_clear(walk);
	walk->pool_capacity = capacity;
	walk->pool[0] &= ~1ull;
	return status;
}

int vx_walk_begin(struct vx_index *index, struct vx_walk *walk, vx_u64 entry, vx_u32 level)
{
	const struct vx_navigation *navigation = index->cpu.navigation;
	vx_u32 node = (vx_u32)entry, top = (vx_u32)(entry >> 32);

	if (entry == VX_NO_ENTRY || node >= walk->view.limit)
		return 0;
	if (!vx_chunk(&walk->view, node >> walk->view.shape.shift)) {
		int error = vx_chunk_touch(index, node >> walk->view.shape.shift);

		if (error)
			return error;
	}
	walk->nodes[0] = node;
	vx_section_begin(&index->cpu);
	navigation->keys(walk, walk->code, walk->nodes, 1, walk->keys);
	vx_section_end(&index->cpu);
	walk->pool[0] = VX_CANDIDATE(walk->keys[0], node);
	walk->codes++;
	for (walk->level = top; walk->level > level; walk->level--) {
		int status = walk->breadth ? vx_walk_broadly(index, walk) : vx_walk_descend(index, walk);

		if (status)
			return status;
	}
	walk->level = level;
	return 1;
}

int vx_walk_beam(struct vx_index *index, struct vx_walk *walk, int filtered, const volatile vx_u32 *interrupt)
{
	const struct vx_navigation *navigation = index->cpu.navigation;
	const struct vx_shape *shape = &walk->view.shape;
	const vx_u32 hop_bytes = shape->links * shape->code_bytes;
	const vx_u32 budget = VX_SECTION_BYTES / hop_bytes ? VX_SECTION_BYTES / hop_bytes : 1;
	vx_u32 node = VX_CANDIDATE_NODE(walk->pool[0]);
	int status;

	walk->pool_count = 1;
	walk->cursor = 0;
	walk->result_count = 0;
	walk->visited[walk->view.limit / 64] |= 1ull << (walk->view.limit % 64);
	vx_mark(walk, node);
	if (filtered && vx_passes(walk->predicate, vx_slot_of(shape, node)))
		vx_insert(walk->results, &walk->result_count, walk->result_capacity, walk->pool[0]);
	for (;;) {
		walk->budget = budget;
		vx_section_begin(&index->cpu);
		status = filtered ? navigation->beam_filtered(walk) : navigation->beam(walk);
		vx_section_end(&index->cpu);
		if (status == VX_WALK_DONE)
			return 0;
		if (status == VX_WALK_MISSING)
			status = vx_chunk_touch(index, walk->missing);
		else
			status = interrupt && *interrupt ? -VX_EINTR : 0;
		if (status)
			return status;
	}
}
