// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Memory of the id table: creation, growth, and arrays kept for readers that may still use them. */
#include "ids_table.h"

_Static_assert(sizeof(struct vx_ids_block) == 64, "ids begin on a cache line");

static size_t vx_ids_hash_bytes(vx_u64 count)
{
	return (size_t)count * 8;
}

struct vx_ids *vx_ids_create(const struct vx_alloc *alloc, vx_u64 seed)
{
	struct vx_ids *table = alloc->alloc(alloc->context, sizeof(*table));

	if (!table)
		return NULL;
	table->alloc = *alloc;
	table->seed = seed;
	table->bucket_count = VX_LEAST_BUCKETS;
	table->buckets = alloc->alloc(alloc->context, vx_ids_hash_bytes(table->bucket_count));
	if (!table->buckets) {
		alloc->free(alloc->context, table, sizeof(*table));
		return NULL;
	}
	return table;
}

static void vx_ids_free_block(struct vx_ids *table, struct vx_ids_block *block)
{
	table->alloc.free(table->alloc.context, block, block->bytes);
}

void vx_ids_destroy(struct vx_ids *table)
{
	struct vx_alloc alloc;

	if (!table)
		return;
	alloc = table->alloc;
	while (table->retired) {
		struct vx_ids_block *block = table->retired;

		table->retired = block->next;
		vx_ids_free_block(table, block);
	}
	if (table->block)
		vx_ids_free_block(table, table->block);
	alloc.free(alloc.context, table->buckets, vx_ids_hash_bytes(table->bucket_count));
	alloc.free(alloc.context, table, sizeof(*table));
}

int vx_ids_grow_slots(struct vx_ids *table, vx_u64 slots)
{
	vx_u64 capacity = table->capacity + (vx_u64)table->capacity / 2;
	const vx_u64 most = (vx_u64)VX_MAX_SLOTS / 64 * 64 + 64;
	struct vx_ids_block *block;
	vx_u64 *ids, *live;
	size_t bytes;

	if (slots <= table->capacity)
		return 0;
	if (slots > VX_MAX_SLOTS)
		return -VX_EINVAL;
	if (capacity < slots)
		capacity = slots;
	capacity = (capacity + 63) / 64 * 64;
	/* The last multiple of 64 would not fit 32 bits; nobody can use its last slots. */
	if (capacity >= most)
		capacity = slots <= most - 64 ? most - 64 : VX_MAX_SLOTS;
	bytes = sizeof(*block) + (size_t)capacity * 8 + ((size_t)capacity + 63) / 64 * 8;
	block = table->alloc.alloc(table->alloc.context, bytes);
	if (!block)
		return -VX_ENOMEM;
	block->bytes = bytes;
	ids = (vx_u64 *)(block + 1);
	live = ids + capacity;
	if (table->block) {
		__builtin_memcpy(ids, table->id_of, (size_t)table->slots * 8);
		__builtin_memcpy(live, table->live, ((size_t)table->slots + 63) / 64 * 8);
		table->block->epoch = table->epoch;
		table->block->next = table->retired;
		table->retired = table->block;
		table->retired_bytes += table->block->bytes;
	}
	table->block = block;
	table->id_of = ids;
	table->live = live;
	table->capacity = (vx_u32)capacity;
	return 0;
}

int vx_ids_fit_hash(struct vx_ids *table, vx_u64 hashed, int shrink)
{
	const vx_u64 had = table->bucket_count;
	vx_u64 *old = table->buckets;
	vx_u64 count = hashed + hashed / 4 + 2;
	vx_u64 *buckets;
	vx_u64 i;

	if (count <= had && !shrink)
		return 0;
	/* One row after the other does not make it anew each time. */
	if (!shrink && count < had + had / 2)
		count = had + had / 2;
	count &= ~1ull;
	if (count < VX_LEAST_BUCKETS)
		count = VX_LEAST_BUCKETS;
	if (shrink && count >= had)
		return 0;
	if (count > VX_MOST_BUCKETS)
		return -VX_EINVAL;
	buckets = table->alloc.alloc(table->alloc.context, vx_ids_hash_bytes(count));
	if (!buckets)
		return shrink ? 0 : -VX_ENOMEM;
	for (i = 0; i < had; i++) {
		vx_u64 at;

		if (old[i] == 0)
			continue;
		at = vx_ids_home(old[i] >> 32, count);
		while (buckets[at])
			at = vx_ids_after(at, count);
		buckets[at] = old[i];
	}
	table->buckets = buckets;
	table->bucket_count = count;
	table->alloc.free(table->alloc.context, old, vx_ids_hash_bytes(had));
	return 0;
}

int vx_ids_reserve(struct vx_ids *table, vx_u32 slots, vx_u32 rows)
{
	/* Nobody knows yet which of the rows to come are direct. */
	const vx_u64 direct = table->rows - table->hashed;
	const vx_u64 hashed = rows > table->rows ? rows - direct : table->hashed;
	int error = vx_ids_grow_slots(table, slots);

	if (error)
		return error;
	/* Room for many that turned out to be direct. */
	if (table->bucket_count > VX_KEPT_BUCKETS && hashed * 4 < table->bucket_count)
		vx_ids_fit_hash(table, hashed * 2, 1);
	return vx_ids_fit_hash(table, hashed, 0);
}

void vx_ids_set_epoch(struct vx_ids *table, vx_u64 epoch)
{
	table->epoch = epoch;
}

void vx_ids_reclaim(struct vx_ids *table, vx_u64 oldest_active)
{
	struct vx_ids_block **link = &table->retired;

	while (*link) {
		struct vx_ids_block *block = *link;

		if (block->epoch < oldest_active) {
			*link = block->next;
			table->retired_bytes -= block->bytes;
			vx_ids_free_block(table, block);
		} else {
			link = &block->next;
		}
	}
}

void vx_ids_info(const struct vx_ids *table, struct vx_ids_info *out)
{
	*out = (struct vx_ids_info){
		.ids = (vx_u64)(__UINTPTR_TYPE__)table->id_of,
		.live = (vx_u64)(__UINTPTR_TYPE__)table->live,
		.slots = table->slots,
		.rows = table->rows,
		.slot_capacity = table->capacity,
		.memory_bytes = sizeof(*table) + vx_ids_hash_bytes(table->bucket_count) +
				(table->block ? table->block->bytes : 0) + table->retired_bytes,
		.retired_bytes = table->retired_bytes,
		.id_bound = table->id_bound,
	};
}
