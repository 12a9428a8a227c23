// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The k nearest rows seen so far: a binary heap with the worst hit at its root. Integers only; a float32 distance is
 * compared through a key that orders as the float does.
 */
#include "kernels.h"

/* The key of the largest finite float; the NaN that marks rows without a match maps above it. */
#define VX_LARGEST_KEY 0xff7fffffu

static vx_u32 vx_key_distance(vx_u32 key)
{
	return key ^ (key >> 31 ? 0x80000000u : 0xffffffffu);
}

/* Does a come behind b? */
static int vx_behind(const struct vx_hit *a, const struct vx_hit *b)
{
	if (a->key != b->key)
		return a->key > b->key;
	if (a->id != b->id)
		return a->id > b->id;
	return a->slot > b->slot;
}

/* Lets `hit` sink from the hole at `at` in a heap of `count`. */
static void vx_sink(struct vx_hit *hits, vx_u32 count, vx_u32 at, struct vx_hit hit)
{
	for (;;) {
		vx_u32 child = 2 * at + 1;

		if (child >= count)
			break;
		if (child + 1 < count && vx_behind(&hits[child + 1], &hits[child]))
			child++;
		if (!vx_behind(&hits[child], &hit))
			break;
		hits[at] = hits[child];
		at = child;
	}
	hits[at] = hit;
}

static void vx_rise(struct vx_hit *hits, vx_u32 at, struct vx_hit hit)
{
	while (at > 0) {
		vx_u32 parent = (at - 1) / 2;

		if (!vx_behind(&hit, &hits[parent]))
			break;
		hits[at] = hits[parent];
		at = parent;
	}
	hits[at] = hit;
}

static void vx_topk_push(struct vx_topk *topk, struct vx_hit hit)
{
	if (topk->count < topk->k)
		vx_rise(topk->hits, topk->count++, hit);
	else if (vx_behind(&topk->hits[0], &hit))
		vx_sink(topk->hits, topk->count, 0, hit);
}

/* Sorted nearest first; reversed, that is a heap. */
static void vx_topk_reopen(struct vx_topk *topk)
{
	vx_u32 i, j;

	if (!topk->sorted)
		return;
	for (i = 0, j = topk->count; i + 1 < j; i++) {
		struct vx_hit hit = topk->hits[i];

		topk->hits[i] = topk->hits[--j];
		topk->hits[j] = hit;
	}
	topk->sorted = 0;
}

size_t vx_topk_bytes(vx_u32 k)
{
	return sizeof(struct vx_topk) + (size_t)k * sizeof(struct vx_hit);
}

int vx_topk_init(void *mem, vx_u32 k)
{
	if (k == 0 || k > VX_MAX_K)
		return -VX_EINVAL;
	*(struct vx_topk *)mem = (struct vx_topk){ .k = k };
	return 0;
}

void vx_topk_offer(struct vx_topk *topk, const vx_u32 *distances, const vx_u64 *ids, const vx_u32 *slots, vx_u32 first,
		   size_t n)
{
	vx_u32 limit;
	size_t i;

	vx_topk_reopen(topk);
	limit = topk->count < topk->k ? VX_LARGEST_KEY : topk->hits[0].key;
	for (i = 0; i < n; i++) {
		vx_u32 key = vx_distance_key(distances[i]);
		vx_u32 slot;

		if (__builtin_expect(key > limit, 1))
			continue;
		slot = first + (slots ? slots[i] : (vx_u32)i);
		vx_topk_push(topk, (struct vx_hit){ .id = ids[slot], .key = key, .slot = slot });
		if (topk->count == topk->k)
			limit = topk->hits[0].key;
	}
}

void vx_topk_merge(struct vx_topk *topk, const struct vx_topk *other)
{
	vx_u32 i;

	vx_topk_reopen(topk);
	for (i = 0; i < other->count; i++)
		vx_topk_push(topk, other->hits[i]);
}

vx_u32 vx_topk_finish(struct vx_topk *topk, vx_u32 *distances, vx_u64 *ids, vx_u32 *slots)
{
	vx_u32 i;

	if (!topk->sorted) {
		for (i = topk->count; i > 1; i--) {
			struct vx_hit last = topk->hits[i - 1];

			topk->hits[i - 1] = topk->hits[0];
			vx_sink(topk->hits, i - 1, 0, last);
		}
		topk->sorted = 1;
	}
	for (i = 0; i < topk->count; i++) {
		if (distances)
			distances[i] = vx_key_distance(topk->hits[i].key);
		if (ids)
			ids[i] = topk->hits[i].id;
		if (slots)
			slots[i] = topk->hits[i].slot;
	}
	return topk->count;
}
