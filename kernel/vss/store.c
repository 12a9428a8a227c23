// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/err.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../engine/glue.h"
#include "store.h"

/* Rows whose distances are kept at a time: of the largest vectors, what one section for SIMD registers covers. */
#define VSS_WINDOW_ROWS 256u
#define VSS_INFINITY 0x7f800000u

static_assert(VSS_STEP_ROWS % VSS_WINDOW_ROWS == 0);
static_assert(VSS_WINDOW_ROWS * VSS_MAX_DIMENSION * sizeof(u32) <= VX_SECTION_BYTES);

struct vss_search {
	u8 query[sizeof(struct vx_query) + VSS_MAX_DIMENSION * sizeof(u32)] __aligned(64);
	u8 topk[sizeof(struct vx_topk) + VSS_MAX_K * sizeof(struct vx_hit)] __aligned(64);
	u64 ids[VSS_MAX_K];
	u32 distances[VSS_WINDOW_ROWS];
};

int vss_store_create(struct vss_store *store, u32 capacity)
{
	if (capacity < 1 || capacity > VSS_MAX_CAPACITY)
		return -EINVAL;
	if (WARN_ON(vx_query_bytes(VSS_MAX_DIMENSION) > sizeof_field(struct vss_search, query) ||
		    vx_topk_bytes(VSS_MAX_K) > sizeof_field(struct vss_search, topk)))
		return -EINVAL;
	store->capacity = capacity;
	init_rwsem(&store->lock);
	store->steps = kvcalloc(DIV_ROUND_UP(capacity, VSS_STEP_ROWS), sizeof(*store->steps), GFP_KERNEL);
	if (!store->steps)
		return -ENOMEM;
	store->ids = vx_ids_create(&vexfs_table_memory, get_random_u64());
	if (!store->ids) {
		kvfree(store->steps);
		return -ENOMEM;
	}
	return 0;
}

void vss_store_destroy(struct vss_store *store)
{
	u32 i;

	vx_ids_destroy(store->ids);
	for (i = 0; i < DIV_ROUND_UP(store->capacity, VSS_STEP_ROWS); i++)
		vexfs_engine_free(store->steps[i]);
	kvfree(store->steps);
}

static size_t vss_row_bytes(const struct vss_store *store)
{
	return store->dimension * sizeof(u32);
}

static void *vss_row(const struct vss_store *store, u32 slot)
{
	return store->steps[slot / VSS_STEP_ROWS] + slot % VSS_STEP_ROWS * vss_row_bytes(store);
}

static bool vss_fits(const struct vss_store *store, u32 dimension)
{
	return !store->dimension || store->dimension == dimension;
}

/* Gives a new id the next slot. */
static int vss_append(struct vss_store *store, u64 id, u32 dimension)
{
	const u32 slot = store->vectors;
	void **step = &store->steps[slot / VSS_STEP_ROWS];
	int error;

	if (slot == store->capacity)
		return -ENOSPC;
	error = vx_ids_reserve(store->ids, slot + 1, slot + 1);
	if (error)
		return error;
	/* No search runs that could still read an array which was replaced by a larger one. */
	vx_ids_reclaim(store->ids, U64_MAX);
	if (!*step)
		*step = vexfs_engine_alloc(VSS_STEP_ROWS * dimension * sizeof(u32));
	if (!*step)
		return -ENOMEM;
	/* Room was made. */
	error = vx_ids_put(store->ids, slot, id);
	if (error)
		return error;
	store->dimension = dimension;
	store->vectors++;
	return 0;
}

static int vss_put(struct vss_store *store, const struct vss_vector *vector)
{
	const u64 id = vector->id;
	u32 slot;

	if (!vss_fits(store, vector->dimension))
		return -EINVAL;
	if (!vx_ids_find_batch(store->ids, &id, 1, &slot)) {
		int error = vss_append(store, id, vector->dimension);

		if (error)
			return error;
		slot = store->vectors - 1;
	}
	memcpy(vss_row(store, slot), vector->data, vss_row_bytes(store));
	return 0;
}

int vss_store_add(struct vss_store *store, const struct vss_vector *vector)
{
	const u32 dimension = vector->dimension;
	int error;

	if (vector->id == VSS_NO_ID || dimension < 1 || dimension > VSS_MAX_DIMENSION ||
	    vx_all_finite(&vexfs_cpu, vector->data, dimension) != dimension)
		return -EINVAL;
	if (down_write_killable(&store->lock))
		return -EINTR;
	error = vss_put(store, vector);
	up_write(&store->lock);
	return error;
}

static int vss_scan(const struct vss_store *store, struct vss_search *search)
{
	const u64 *ids;
	struct vx_ids_info info;
	u32 from, n;

	vx_ids_info(store->ids, &info);
	ids = (const u64 *)(uintptr_t)info.ids;
	for (from = 0; from < store->vectors; from += n) {
		n = min(store->vectors - from, VSS_WINDOW_ROWS);
		if (signal_pending(current))
			return -EINTR;
		vx_distances(&vexfs_cpu, (const void *)search->query, vss_row(store, from), vss_row_bytes(store), NULL, n,
			     search->distances);
		vx_topk_offer((void *)search->topk, search->distances, ids, NULL, from, n);
		cond_resched();
	}
	return 0;
}

static void vss_answer(struct vss_search *search, struct vss_query *query)
{
	/* As bits: the kernel handles no floats. */
	u32 *distances = (u32 *)query->distances;
	u32 found = vx_topk_finish((void *)search->topk, distances, search->ids, NULL);
	u32 i;

	for (i = 0; i < VSS_MAX_K; i++) {
		query->result_ids[i] = i < found ? search->ids[i] : VSS_NO_ID;
		if (i >= found)
			distances[i] = VSS_INFINITY;
	}
}

int vss_store_query(struct vss_store *store, struct vss_query *query)
{
	struct vss_search *search;
	int error;

	if (query->k < 1 || query->k > VSS_MAX_K || query->dimension < 1 || query->dimension > VSS_MAX_DIMENSION)
		return -EINVAL;
	search = vexfs_engine_alloc(sizeof(*search));
	if (!search)
		return -ENOMEM;
	error = vx_query_prepare(&vexfs_cpu, search->query, VX_EUCLIDEAN, VX_FLOAT32, query->dimension, query->query_vector);
	if (!error)
		error = vx_topk_init(search->topk, query->k);
	if (!error)
		error = down_read_interruptible(&store->lock);
	if (error)
		goto out;
	error = vss_fits(store, query->dimension) ? vss_scan(store, search) : -EINVAL;
	up_read(&store->lock);
	if (error)
		goto out;
	vss_answer(search, query);
	atomic64_inc(&store->queries);
out:
	vexfs_engine_free(search);
	return error;
}

int vss_store_stats(struct vss_store *store, struct vss_stats *stats)
{
	if (down_read_killable(&store->lock))
		return -EINTR;
	stats->vectors = store->vectors;
	stats->dimension = store->dimension;
	up_read(&store->lock);
	stats->capacity = store->capacity;
	stats->queries = atomic64_read(&store->queries);
	return 0;
}
