// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Questions to the id table: ids, duplicates inside a batch, free slots. */
#include "ids_table.h"

#define VX_IDS_AHEAD 8

size_t vx_ids_find_batch(const struct vx_ids *table, const vx_u64 *ids, size_t n, vx_u32 *out)
{
	size_t found = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i + VX_IDS_AHEAD < n)
			vx_ids_prefetch(table, ids[i + VX_IDS_AHEAD]);
		out[i] = vx_ids_find(table, ids[i]);
		found += out[i] != VX_NO_SLOT;
	}
	return found;
}

size_t vx_ids_first_existing(const struct vx_ids *table, const vx_u64 *ids, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (i + VX_IDS_AHEAD < n)
			vx_ids_prefetch(table, ids[i + VX_IDS_AHEAD]);
		if (ids[i] < table->id_bound && vx_ids_find(table, ids[i]) != VX_NO_SLOT)
			break;
	}
	return i;
}

size_t vx_ids_first_existing_range(const struct vx_ids *table, vx_u64 id, size_t n)
{
	size_t end = n;
	size_t i;

	/* Ids that continue upwards, as they mostly do, need no look at the hash. */
	if (id >= table->id_bound)
		return n;
	if (end > table->id_bound - id)
		end = table->id_bound - id;
	for (i = 0; i < end; i++) {
		vx_ids_prefetch(table, id + i + VX_IDS_AHEAD);
		if (vx_ids_find(table, id + i) != VX_NO_SLOT)
			return i;
	}
	return n;
}

static vx_u32 vx_ids_duplicate_bits(size_t n)
{
	vx_u32 bits = 4;

	while (((size_t)1 << bits) < n * 2)
		bits++;
	return bits;
}

size_t vx_ids_duplicate_bytes(size_t n)
{
	return (size_t)4 << vx_ids_duplicate_bits(n);
}

size_t vx_ids_find_duplicate(const struct vx_ids *table, const vx_u64 *ids, size_t n, void *scratch)
{
	const vx_u32 bits = vx_ids_duplicate_bits(n);
	const vx_u32 mask = (vx_u32)(((vx_u64)1 << bits) - 1);
	vx_u32 *seen = scratch; /* index + 1 */
	size_t i;

	for (i = 1; i < n && ids[i] > ids[i - 1]; i++)
		;
	if (i >= n)
		return n;
	__builtin_memset(seen, 0, vx_ids_duplicate_bytes(n));
	for (i = 0; i < n; i++) {
		vx_u32 at = (vx_u32)(vx_ids_mix(ids[i], table->seed) >> (64 - bits));

		if (i + VX_IDS_AHEAD < n)
			__builtin_prefetch(&seen[vx_ids_mix(ids[i + VX_IDS_AHEAD], table->seed) >> (64 - bits)], 1);
		for (; seen[at]; at = (at + 1) & mask) {
			if (ids[seen[at] - 1] == ids[i])
				return i;
		}
		seen[at] = (vx_u32)i + 1;
	}
	return n;
}

/* The first free slot in [from, slot count), or the slot count. */
static vx_u32 vx_ids_next(const struct vx_ids *table, vx_u32 from)
{
	vx_u64 word;

	if (from >= table->slots)
		return table->slots;
	for (word = from / 64; word * 64 < table->slots; word++) {
		vx_u64 bits = ~table->live[word];

		if (word == from / 64)
			bits &= ~0ull << (from % 64);
		if (bits) {
			vx_u64 slot = word * 64 + (vx_u64)__builtin_ctzll(bits);

			return slot < table->slots ? (vx_u32)slot : table->slots;
		}
	}
	return table->slots;
}

vx_u32 vx_ids_next_free(struct vx_ids *table, vx_u32 from)
{
	if (from > table->free_from)
		return vx_ids_next(table, from);
	table->free_from = vx_ids_next(table, table->free_from);
	return table->free_from;
}

size_t vx_ids_free_slots(const struct vx_ids *table, vx_u32 from, vx_u32 *out, size_t n)
{
	vx_u32 slot = from > table->free_from ? from : table->free_from;
	size_t count = 0;

	while (count < n) {
		slot = vx_ids_next(table, slot);
		if (slot >= table->slots)
			break;
		out[count++] = slot++;
	}
	return count;
}

vx_u32 vx_ids_live_end(const struct vx_ids *table)
{
	vx_u64 word = ((vx_u64)table->slots + 63) / 64;

	while (word-- > 0) {
		vx_u64 bits = table->live[word];

		if (bits)
			return (vx_u32)(word * 64 + 64 - (vx_u64)__builtin_clzll(bits));
	}
	return 0;
}

vx_s64 vx_ids_snapshot_live(const struct vx_ids *table, vx_u64 *out, size_t words)
{
	size_t needed = ((size_t)table->slots + 63) / 64;

	if (words < needed)
		return -VX_EINVAL;
	if (needed)
		__builtin_memcpy(out, table->live, needed * 8);
	return (vx_s64)needed;
}
