// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Changes of the id table: put, delete, truncate. Each call happens whole or not at all. */
#include "ids_table.h"

/* How far ahead of its use a bucket is fetched. */
#define VX_IDS_AHEAD 8

/* Searches on other threads read the words meanwhile. */
static void vx_ids_mark(struct vx_ids *table, vx_u32 slot, int live)
{
	vx_u64 *word = &table->live[slot / 64];
	vx_u64 bit = 1ull << (slot % 64);

	__atomic_store_n(word, live ? *word | bit : *word & ~bit, __ATOMIC_RELEASE);
}

/* The slot is free, below the slot count, and the hash has room. Changes nothing unless it returns 0. */
static int vx_ids_insert(struct vx_ids *table, vx_u32 slot, vx_u64 id)
{
	const int is_direct = vx_ids_is_direct(table, slot, id);
	vx_u64 *bucket = NULL;

	if (table->hashed || !is_direct)
		bucket = vx_ids_bucket(table, id);
	if ((bucket && *bucket) || vx_ids_has_direct(table, id))
		return -VX_EEXIST;
	table->id_of[slot] = id;
	if (!is_direct) {
		*bucket = vx_ids_mix(id, table->seed) >> 32 << 32 | (slot + 1);
		table->hashed++;
	}
	vx_ids_mark(table, slot, 1);
	table->rows++;
	return 0;
}

static void vx_ids_empty_bucket(struct vx_ids *table, vx_u64 id)
{
	const vx_u64 count = table->bucket_count;
	vx_u64 hole = (vx_u64)(vx_ids_bucket(table, id) - table->buckets);
	vx_u64 at = hole;

	for (;;) {
		vx_u64 home;

		at = vx_ids_after(at, count);
		if (table->buckets[at] == 0)
			break;
		home = vx_ids_home(table->buckets[at] >> 32, count);
		/* An entry may move back only if that does not put it before its home. */
		if (vx_ids_behind(home, at, count) >= vx_ids_behind(hole, at, count)) {
			table->buckets[hole] = table->buckets[at];
			hole = at;
		}
	}
	table->buckets[hole] = 0;
	table->hashed--;
}

static void vx_ids_remove(struct vx_ids *table, vx_u32 slot)
{
	const vx_u64 id = table->id_of[slot];

	if (!vx_ids_is_direct(table, slot, id))
		vx_ids_empty_bucket(table, id);
	vx_ids_mark(table, slot, 0);
	table->rows--;
}

/* Rows given as arrays, or as a range when `slots` is NULL. */
struct vx_ids_rows {
	const vx_u32 *slots;
	const vx_u64 *ids;
	vx_u32 slot;
	vx_u64 id;
};

static vx_u32 vx_ids_rows_slot(const struct vx_ids_rows *rows, size_t i)
{
	return rows->slots ? rows->slots[i] : rows->slot + (vx_u32)i;
}

static vx_u64 vx_ids_rows_id(const struct vx_ids_rows *rows, size_t i)
{
	return rows->slots ? rows->ids[i] : rows->id + i;
}

static size_t vx_ids_rows_hashed(const struct vx_ids *table, const struct vx_ids_rows *rows, size_t n)
{
	size_t count = 0;
	size_t i;

	if (!rows->slots)
		return vx_ids_is_direct(table, rows->slot, rows->id) ? 0 : n;
	for (i = 0; i < n; i++)
		count += !vx_ids_is_direct(table, rows->slots[i], rows->ids[i]);
	return count;
}

static int vx_ids_put_rows(struct vx_ids *table, const struct vx_ids_rows *rows, size_t n, vx_u32 slot_end,
			   vx_u64 id_bound)
{
	const vx_u32 slots_before = table->slots;
	size_t i, done;
	int error;

	if (table->rows == 0 && n)
		table->offset = vx_ids_rows_id(rows, 0) - vx_ids_rows_slot(rows, 0);
	error = vx_ids_grow_slots(table, slot_end);
	if (!error)
		error = vx_ids_fit_hash(table, (vx_u64)table->hashed + vx_ids_rows_hashed(table, rows, n), 0);
	if (error)
		return error;
	if (slot_end > table->slots)
		table->slots = slot_end;
	for (done = 0; done < n; done++) {
		vx_u32 slot = vx_ids_rows_slot(rows, done);

		if (done + VX_IDS_AHEAD < n)
			vx_ids_prefetch(table, vx_ids_rows_id(rows, done + VX_IDS_AHEAD));
		error = vx_ids_is_live(table, slot) ? -VX_EEXIST :
						      vx_ids_insert(table, slot, vx_ids_rows_id(rows, done));
		if (error)
			break;
	}
	if (error) {
		for (i = 0; i < done; i++)
			vx_ids_remove(table, vx_ids_rows_slot(rows, i));
		table->slots = slots_before;
		return error;
	}
	if (id_bound > table->id_bound)
		table->id_bound = id_bound;
	return 0;
}

int vx_ids_put_batch(struct vx_ids *table, const vx_u32 *slots, const vx_u64 *ids, size_t n)
{
	const struct vx_ids_rows rows = { .slots = slots, .ids = ids };
	vx_u32 slot_end = 0;
	vx_u64 id_bound = 0;
	size_t i;

	/* More rows than slots must repeat a slot; and the sizes below stay far from overflow. */
	if (n > VX_MAX_SLOTS)
		return -VX_EINVAL;
	for (i = 0; i < n; i++) {
		if (slots[i] >= VX_MAX_SLOTS || ids[i] == VX_NO_ID)
			return -VX_EINVAL;
		if (slots[i] >= slot_end)
			slot_end = slots[i] + 1;
		if (ids[i] >= id_bound)
			id_bound = ids[i] + 1;
	}
	return vx_ids_put_rows(table, &rows, n, slot_end, id_bound);
}

int vx_ids_put_range(struct vx_ids *table, vx_u32 slot, vx_u64 id, vx_u32 n)
{
	const struct vx_ids_rows rows = { .slot = slot, .id = id };

	if (n == 0)
		return 0;
	if (slot >= VX_MAX_SLOTS || n > VX_MAX_SLOTS - slot || id > VX_NO_ID - n)
		return -VX_EINVAL;
	return vx_ids_put_rows(table, &rows, n, slot + n, id + n);
}

int vx_ids_put(struct vx_ids *table, vx_u32 slot, vx_u64 id)
{
	return vx_ids_put_range(table, slot, id, 1);
}

static void vx_ids_freed(struct vx_ids *table, vx_u32 slot)
{
	if (slot < table->free_from)
		table->free_from = slot;
	if (table->rows == 0)
		table->id_bound = 0;
}

int vx_ids_delete_slots(struct vx_ids *table, const vx_u32 *slots, size_t n)
{
	size_t i, done;

	for (done = 0; done < n; done++) {
		size_t next = done + VX_IDS_AHEAD;

		if (next < n && slots[next] < table->slots)
			vx_ids_prefetch(table, table->id_of[slots[next]]);
		if (!vx_ids_is_live(table, slots[done]))
			break;
		vx_ids_remove(table, slots[done]);
	}
	if (done < n) {
		/* What was just removed fits again, and its id is still known by slot. */
		for (i = 0; i < done; i++)
			vx_ids_insert(table, slots[i], table->id_of[slots[i]]);
		return -VX_EUCLEAN;
	}
	for (i = 0; i < n; i++)
		vx_ids_freed(table, slots[i]);
	return 0;
}

int vx_ids_truncate(struct vx_ids *table, vx_u32 slots)
{
	vx_u64 word;
	int error;

	if (slots >= table->slots) {
		error = vx_ids_grow_slots(table, slots);
		if (!error)
			table->slots = slots;
		return error;
	}
	for (word = slots / 64; word * 64 < table->slots; word++) {
		vx_u64 bits = table->live[word];

		if (word == slots / 64)
			bits &= ~0ull << (slots % 64);
		for (; bits; bits &= bits - 1) {
			vx_u32 slot = (vx_u32)(word * 64 + (vx_u64)__builtin_ctzll(bits));

			vx_ids_remove(table, slot);
			vx_ids_freed(table, slot);
		}
	}
	table->slots = slots;
	if (table->free_from > slots)
		table->free_from = slots;
	/* A quarter of the bound for growth, so that rows coming and going do not resize the hash each time. */
	if (table->bucket_count > VX_LEAST_BUCKETS && (vx_u64)table->hashed * 8 < table->bucket_count)
		return vx_ids_fit_hash(table, (vx_u64)table->hashed * 2, 1);
	return 0;
}
