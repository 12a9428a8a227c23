/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The inside of the id table. Ids by slot and the live bitmap share one block, which concurrent searches read; the hash
 * from ids to slots belongs to the thread that changes the table.
 *
 * A row whose id is its slot + `offset` is found by that: it is not in the hash, which has the others. Ids that go on one by
 * one with their slots, as they do where nobody chooses them, so need no hash at all. The offset is that of the first row of a
 * table without rows, and stays while there is one.
 *
 * A bucket is (tag << 32 | slot + 1), 0 when empty, where tag is the upper half of the mixed id. The home of a bucket
 * follows from its tag alone, so that growing and deleting never look an id up. Linear probing; deletion moves later
 * entries back, so there are no tombstones. At most 4/5 of the buckets are in use, and they grow by half: 10 to 15 bytes a row.
 */
#ifndef VX_IDS_TABLE_H
#define VX_IDS_TABLE_H

#include "vexfs_engine.h"

/* Buckets: an even number, of which every row that slots can number needs five quarters at most. */
#define VX_LEAST_BUCKETS 64ull
#define VX_MOST_BUCKETS (1ull << 33)
/* So many are not worth to be given back. */
#define VX_KEPT_BUCKETS (1ull << 16)

/* Before the ids of a block. */
struct vx_ids_block {
	struct vx_ids_block *next; /* retired */
	size_t bytes;
	vx_u64 epoch; /* of retirement */
	vx_u64 reserved[5];
};

struct vx_ids {
	struct vx_alloc alloc;
	vx_u64 seed;
	vx_u64 epoch;
	struct vx_ids_block *block;
	struct vx_ids_block *retired;
	vx_u64 retired_bytes;
	vx_u64 *id_of;
	vx_u64 *live;
	vx_u64 *buckets;
	vx_u64 bucket_count;
	vx_u64 offset;
	vx_u64 id_bound;
	vx_u32 capacity; /* slots; a multiple of 64 */
	vx_u32 slots;
	vx_u32 rows;
	vx_u32 hashed; /* rows in the hash */
	vx_u32 free_from; /* no slot below it is free; at most `slots` */
};

int vx_ids_grow_slots(struct vx_ids *table, vx_u64 slots);
/* Room in the hash for so many rows; shrink: also gives up room. Keeps the larger table when there is no memory to shrink. */
int vx_ids_fit_hash(struct vx_ids *table, vx_u64 hashed, int shrink);

/* The finalizer of MurmurHash3. */
static inline vx_u64 vx_ids_mix(vx_u64 id, vx_u64 seed)
{
	vx_u64 x = id ^ seed;

	x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
	return x ^ x >> 33;
}

/* Tags in their order are homes in their order. The half of the count has at most 32 bits. */
static inline vx_u64 vx_ids_home(vx_u64 tag, vx_u64 count)
{
	return tag * (count / 2) >> 31;
}

static inline vx_u64 vx_ids_after(vx_u64 at, vx_u64 count)
{
	return at + 1 == count ? 0 : at + 1;
}

/* How far `to` lies behind `from`, around the end. */
static inline vx_u64 vx_ids_behind(vx_u64 from, vx_u64 to, vx_u64 count)
{
	return to >= from ? to - from : to + count - from;
}

static inline int vx_ids_is_live(const struct vx_ids *table, vx_u64 slot)
{
	return slot < table->slots && (table->live[slot / 64] >> (slot % 64) & 1);
}

/* The bucket that holds `id`, or the empty one that ends its probe sequence. */
static inline vx_u64 *vx_ids_bucket(const struct vx_ids *table, vx_u64 id)
{
	vx_u64 tag = vx_ids_mix(id, table->seed) >> 32;
	vx_u64 at = vx_ids_home(tag, table->bucket_count);

	for (;; at = vx_ids_after(at, table->bucket_count)) {
		vx_u64 *bucket = &table->buckets[at];

		if (*bucket == 0 || (*bucket >> 32 == tag && table->id_of[(vx_u32)*bucket - 1] == id))
			return bucket;
	}
}

/* Whether a row is found without the hash. */
static inline int vx_ids_is_direct(const struct vx_ids *table, vx_u64 slot, vx_u64 id)
{
	return id - slot == table->offset;
}

static inline int vx_ids_has_direct(const struct vx_ids *table, vx_u64 id)
{
	vx_u64 slot = id - table->offset;

	return vx_ids_is_live(table, slot) && table->id_of[slot] == id;
}

/* The slot of `id`, or VX_NO_SLOT. */
static inline vx_u32 vx_ids_find(const struct vx_ids *table, vx_u64 id)
{
	vx_u64 bucket;

	if (vx_ids_has_direct(table, id))
		return (vx_u32)(id - table->offset);
	if (table->hashed == 0)
		return VX_NO_SLOT;
	bucket = *vx_ids_bucket(table, id);
	return bucket ? (vx_u32)bucket - 1 : VX_NO_SLOT;
}

static inline void vx_ids_prefetch(const struct vx_ids *table, vx_u64 id)
{
	vx_u64 slot = id - table->offset;

	if (slot < table->slots)
		__builtin_prefetch(&table->id_of[slot]);
	if (table->hashed)
		__builtin_prefetch(
			&table->buckets[vx_ids_home(vx_ids_mix(id, table->seed) >> 32, table->bucket_count)]);
}

#endif
