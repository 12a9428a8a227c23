// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The id table against a model that searches an array, with memory that can run out. */
#include "check.h"

static size_t allocated;
static int64_t allocations_left = -1; /* -1: without limit */

static void *counted_alloc(void *context, size_t bytes)
{
	(void)context;
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	allocated += bytes;
	return vx_host_allocate(bytes);
}

static void counted_free(void *context, void *memory, size_t bytes)
{
	(void)context;
	allocated -= bytes;
	vx_host_release(memory, bytes);
}

static const struct vx_alloc counted = { .alloc = counted_alloc, .free = counted_free };

#define MOST 700
static struct {
	uint64_t id[MOST];
	int live[MOST];
	uint32_t slots, rows;
} model;

static uint32_t model_find(uint64_t id)
{
	for (uint32_t s = 0; s < model.slots; s++)
		if (model.live[s] && model.id[s] == id)
			return s;
	return VX_NO_SLOT;
}

static void compare(struct vx_ids *table)
{
	struct vx_ids_info info;
	uint64_t live[(MOST + 63) / 64], bound = 0;
	uint32_t end = 0, next = model.slots, free_slots[MOST], free_count = 0;

	vx_ids_info(table, &info);
	CHECK_EQ(info.slots, model.slots, "slots");
	CHECK_EQ(info.rows, model.rows, "rows");
	CHECK_EQ(info.memory_bytes, allocated, "memory");
	CHECK_EQ(vx_ids_snapshot_live(table, live, sizeof(live) / 8), (model.slots + 63) / 64, "snapshot words");
	for (uint32_t s = 0; s < (model.slots + 63) / 64 * 64; s++) {
		int expected = s < model.slots && model.live[s];

		CHECK((int)(live[s / 64] >> (s % 64) & 1) == expected, "slot %u live: expected %d", s, expected);
		if (!expected) {
			if (s < model.slots) {
				CHECK_EQ(vx_ids_next_free(table, s), s, "free slot");
				next = s < next ? s : next;
				free_count++;
			}
			continue;
		}
		end = s + 1;
		CHECK_EQ(((uint64_t *)(uintptr_t)info.ids)[s], model.id[s], "id by slot");
		bound = model.id[s] >= bound ? model.id[s] + 1 : bound;
	}
	CHECK(info.id_bound >= bound, "bound %" PRIu64 " below %" PRIu64, info.id_bound, bound);
	CHECK_EQ(vx_ids_live_end(table), end, "end of live slots");
	CHECK_EQ(vx_ids_next_free(table, 0), next, "lowest free slot");
	CHECK_EQ(vx_ids_free_slots(table, 0, free_slots, MOST), free_count, "free slots");
	for (uint32_t i = 0; i < free_count; i++)
		CHECK(!model.live[free_slots[i]] && (i == 0 || free_slots[i] > free_slots[i - 1]), "free slot %u",
		      free_slots[i]);
}

/* What the ids of the first rows are larger by than their slots; so are many others, which are found by that. */
#define OFFSET 300

/* Ids from a small range meet often; those that differ in high bits only test the mixing. */
static uint64_t some_id(void)
{
	uint64_t small = random_below(1000);

	return random_below(2) ? small : small << 54;
}

static void random_put(struct vx_ids *table, int limited)
{
	uint32_t slots[8], n = random_below(9);
	uint64_t ids[8];
	int expected = 0, error;
	uint32_t base = random_below(MOST - 8);
	uint64_t id = random_below(2) ? base + OFFSET : some_id() >> 1;
	int range = random_below(2) == 0;

	for (uint32_t i = 0; i < n; i++) {
		slots[i] = range ? base + i : random_below(MOST);
		ids[i] = range ? id + i : random_below(2) ? slots[i] + OFFSET : some_id();
	}
	for (uint32_t i = 0; i < n; i++) {
		if ((slots[i] < model.slots && model.live[slots[i]]) || model_find(ids[i]) != VX_NO_SLOT)
			expected = -VX_EEXIST;
		for (uint32_t j = 0; j < i; j++)
			if (slots[i] == slots[j] || ids[i] == ids[j])
				expected = -VX_EEXIST;
	}
	if (limited)
		allocations_left = random_below(2);
	error = range ? vx_ids_put_range(table, base, id, n) : vx_ids_put_batch(table, slots, ids, n);
	allocations_left = -1;
	if (error == -VX_ENOMEM && limited)
		return;
	CHECK_EQ(error, expected, "put");
	for (uint32_t i = 0; i < n && !error; i++) {
		model.id[slots[i]] = ids[i];
		model.live[slots[i]] = 1;
		model.rows++;
		model.slots = slots[i] >= model.slots ? slots[i] + 1 : model.slots;
	}
}

static void random_delete(struct vx_ids *table)
{
	uint32_t slots[8], n = random_below(9);
	int expected = 0;

	for (uint32_t i = 0; i < n; i++) {
		slots[i] = random_below(MOST);
		/* Mostly live ones, or hardly a call would succeed. */
		for (int tries = 0; tries < 30 && !(slots[i] < model.slots && model.live[slots[i]]); tries++)
			slots[i] = random_below(MOST);
		if (slots[i] >= model.slots || !model.live[slots[i]])
			expected = -VX_EUCLEAN;
		for (uint32_t j = 0; j < i; j++)
			if (slots[i] == slots[j])
				expected = -VX_EUCLEAN;
	}
	CHECK_EQ(vx_ids_delete_slots(table, slots, n), expected, "delete");
	for (uint32_t i = 0; i < n && !expected; i++) {
		model.live[slots[i]] = 0;
		model.rows--;
	}
}

static void random_truncate(struct vx_ids *table)
{
	uint32_t slots = random_below(4) ? model.slots - random_below(model.slots / 4 + 1) : random_below(MOST);

	CHECK_EQ(vx_ids_truncate(table, slots), 0, "truncate");
	for (uint32_t s = slots; s < model.slots; s++) {
		model.rows -= (uint32_t)model.live[s];
		model.live[s] = 0;
	}
	model.slots = slots;
}

static void random_find(struct vx_ids *table)
{
	uint64_t ids[20], id = some_id();
	uint32_t slots[20];
	size_t found = 0, first = 20, first_range = 20;

	for (size_t i = 0; i < 20; i++) {
		ids[i] = random_below(10) || !model.slots ? some_id() : model.id[random_below(model.slots)];
		if (first_range == 20 && model_find(id + i) != VX_NO_SLOT)
			first_range = i;
	}
	CHECK_EQ(vx_ids_first_existing_range(table, id, 20), first_range, "first of a range");
	CHECK_EQ(vx_ids_find_batch(table, ids, 20, slots), ({
			 for (size_t i = 0; i < 20; i++) {
				 found += model_find(ids[i]) != VX_NO_SLOT;
				 if (first == 20 && model_find(ids[i]) != VX_NO_SLOT)
					 first = i;
			 }
			 found;
		 }),
		 "found");
	CHECK_EQ(vx_ids_first_existing(table, ids, 20), first, "first existing");
	for (size_t i = 0; i < 20; i++)
		CHECK_EQ(slots[i], model_find(ids[i]), "slot of an id");
}

static void test_model(void)
{
	struct vx_ids *table = vx_ids_create(&counted, random_u64());

	TEST("the table does what a plain array would, through 60,000 random calls, some without memory");
	CHECK_EQ(vx_ids_put(table, 5, 5 + OFFSET), 0, "put");
	model.id[5] = 5 + OFFSET;
	model.live[5] = 1;
	model.slots = 6;
	model.rows = 1;
	for (int i = 0; i < 60000; i++) {
		switch (random_below(8)) {
		case 0:
		case 1:
		case 2:
			random_put(table, i % 16 == 0);
			break;
		case 3:
		case 4:
			random_delete(table);
			break;
		case 5:
			if (random_below(40) == 0)
				random_truncate(table);
			break;
		default:
			random_find(table);
			break;
		}
		if (i % 8 == 0)
			compare(table);
		if (i % 1000 == 0) {
			vx_ids_set_epoch(table, (uint64_t)i);
			vx_ids_reclaim(table, (uint64_t)i);
		}
	}
	vx_ids_destroy(table);
	CHECK_EQ(allocated, 0, "bytes not freed");
}

static void test_many(void)
{
	const uint32_t n = 300000;
	struct vx_ids *table = vx_ids_create(&counted, 7);
	uint64_t *ids = calloc(n, 8);
	uint32_t *slots = calloc(n, 4);
	struct vx_ids_info info;

	TEST("hundreds of thousands of ids in awkward patterns stay within 25 bytes a row");
	for (int pattern = 0; pattern < 4; pattern++) {
		for (uint32_t i = 0; i < n; i++) {
			ids[i] = pattern == 0 ? i : pattern == 1 ? (uint64_t)i << 40 : pattern == 2 ? i * 65536ull : ~1ull - i;
			slots[i] = i;
		}
		CHECK_EQ(vx_ids_put_batch(table, slots, ids, n), 0, "put");
		CHECK_EQ(vx_ids_reserve(table, n, 0), 0, "room for fewer than there are");
		CHECK_EQ(vx_ids_find_batch(table, ids, n, slots), n, "found");
		for (uint32_t i = 0; i < n; i++)
			CHECK_EQ(slots[i], i, "slot");
		vx_ids_set_epoch(table, 1);
		vx_ids_reclaim(table, 1);
		vx_ids_info(table, &info);
		CHECK(info.memory_bytes <= 25ull * n + 8ull * n / 2, "%" PRIu64 " bytes for %u rows", info.memory_bytes, n);
		for (uint32_t i = 0; i < n; i++)
			slots[i] = n - 1 - i;
		CHECK_EQ(vx_ids_delete_slots(table, slots, n), 0, "delete");
		CHECK_EQ(vx_ids_find_batch(table, ids, n, slots), 0, "found after deletion");
	}
	vx_ids_destroy(table);
	free(ids);
	free(slots);
	CHECK_EQ(allocated, 0, "bytes not freed");
}

static void test_direct(void)
{
	const uint32_t n = 300000;
	struct vx_ids *table = vx_ids_create(&counted, 7);
	struct vx_ids_info info;
	uint64_t id = 5000;
	uint32_t slot;

	TEST("ids that go on with their slots take 8 bytes a row, from whatever id on, and room reserved for others is given back");
	CHECK_EQ(vx_ids_reserve(table, n, n), 0, "reserve");
	CHECK_EQ(vx_ids_put_range(table, 0, 5000, n), 0, "put");
	CHECK_EQ(vx_ids_reserve(table, n, n), 0, "reserve again");
	vx_ids_info(table, &info);
	CHECK(info.memory_bytes < 8ull * n + n / 8 + 4096, "%" PRIu64 " bytes for %u rows", info.memory_bytes, n);
	CHECK_EQ(vx_ids_put_range(table, n, 0, 5000), 0, "ids below them");
	CHECK_EQ(vx_ids_find_batch(table, &id, 1, &slot), 1, "found");
	CHECK_EQ(slot, 0, "slot");
	id = 4999;
	CHECK_EQ(vx_ids_find_batch(table, &id, 1, &slot), 1, "found");
	CHECK_EQ(slot, n + 4999, "slot");
	CHECK_EQ(vx_ids_put(table, n + 5000, 5000 + n - 1), -VX_EEXIST, "the last of them again");
	vx_ids_destroy(table);
	CHECK_EQ(allocated, 0, "bytes not freed");
}

static void test_readers(void)
{
	struct vx_ids *table = vx_ids_create(&counted, 1);
	struct vx_ids_info before, after;

	TEST("arrays that a reader may hold outlive growth until their epoch is over");
	CHECK_EQ(vx_ids_put_range(table, 0, 1000, 64), 0, "put");
	vx_ids_set_epoch(table, 5);
	vx_ids_info(table, &before);
	CHECK_EQ(vx_ids_put_range(table, 64, 2000, 100000), 0, "growth");
	vx_ids_reclaim(table, 5);
	vx_ids_info(table, &after);
	CHECK(after.retired_bytes > 0 && after.ids != before.ids, "the old block is kept");
	for (uint64_t s = 0; s < 64; s++)
		CHECK_EQ(((uint64_t *)(uintptr_t)before.ids)[s], 1000 + s, "id in the old array");
	CHECK_EQ(*(uint64_t *)(uintptr_t)before.live, -1, "live word in the old array");
	vx_ids_reclaim(table, 6);
	vx_ids_info(table, &after);
	CHECK_EQ(after.retired_bytes, 0, "retired bytes");
	vx_ids_destroy(table);
	CHECK_EQ(allocated, 0, "bytes not freed");
}

static void test_limits(void)
{
	struct vx_ids *table = vx_ids_create(&counted, 1);
	const uint32_t slots[] = { 3, VX_MAX_SLOTS };
	const uint64_t ids[] = { 1, 2 }, bad[] = { 1, VX_NO_ID };
	const uint32_t fine[] = { 3, 4 };
	uint64_t words[1];

	TEST("ids and slots that do not exist are refused, and a refused call leaves no trace");
	CHECK_EQ(vx_ids_put_batch(table, slots, ids, 2), -VX_EINVAL, "slot 2^32 - 2");
	CHECK_EQ(vx_ids_put_batch(table, fine, bad, 2), -VX_EINVAL, "id 2^64 - 1");
	CHECK_EQ(vx_ids_put_range(table, 0, VX_NO_ID - 1, 2), -VX_EINVAL, "range up to 2^64 - 1");
	CHECK_EQ(vx_ids_put_range(table, VX_MAX_SLOTS - 1, 0, 2), -VX_EINVAL, "range past the slots");
	CHECK_EQ(vx_ids_put(table, VX_NO_SLOT, 1), -VX_EINVAL, "no slot");
	CHECK_EQ(vx_ids_truncate(table, VX_NO_SLOT), -VX_EINVAL, "slot count");
	CHECK_EQ(vx_ids_live_end(table), 0, "rows");
	CHECK_EQ(vx_ids_put(table, 70, VX_NO_ID - 1), 0, "the largest id");
	CHECK_EQ(vx_ids_first_existing_range(table, VX_NO_ID - 4, 4), 3, "the largest id in a range");
	CHECK_EQ(vx_ids_snapshot_live(table, words, 1), -VX_EINVAL, "too few words");
	vx_ids_destroy(table);
	allocations_left = 1;
	CHECK(vx_ids_create(&counted, 1) == NULL, "created without memory");
	allocations_left = -1;
	CHECK_EQ(allocated, 0, "bytes not freed");
}

static void test_reserve(void)
{
	struct vx_ids *table = vx_ids_create(&counted, 1);

	TEST("reserved room needs no memory later");
	CHECK_EQ(vx_ids_reserve(table, 50000, 50000), 0, "reserve");
	allocations_left = 0;
	CHECK_EQ(vx_ids_put_range(table, 0, 7, 50000), 0, "put within the reservation");
	CHECK_EQ(vx_ids_put_range(table, 50000, 1000000, 50000), -VX_ENOMEM, "put beyond it");
	CHECK_EQ(vx_ids_first_existing_range(table, 1000000, 50000), 50000, "ids of the refused call");
	CHECK_EQ(vx_ids_truncate(table, 10), 0, "truncation needs no memory");
	allocations_left = -1;
	vx_ids_destroy(table);
	CHECK_EQ(allocated, 0, "bytes not freed");
}

static void test_duplicates(void)
{
	struct vx_ids *table = vx_ids_create(&counted, 99);

	TEST("an id that occurs twice in a batch is found, and only then");
	for (size_t n = 0; n < 300; n++) {
		uint64_t ids[300];
		void *scratch = malloc(vx_ids_duplicate_bytes(n));

		for (size_t i = 0; i < n; i++)
			ids[i] = (n % 2 ? i : n - i) << (n % 7 * 8);
		CHECK_EQ(vx_ids_find_duplicate(table, ids, n, scratch), n, "without duplicate");
		if (n > 1) {
			size_t from = random_below((uint32_t)n - 1), to = from + 1 + random_below((uint32_t)(n - from - 1));

			ids[to] = ids[from];
			CHECK_EQ(vx_ids_find_duplicate(table, ids, n, scratch), to, "duplicate");
		}
		free(scratch);
	}
	vx_ids_destroy(table);
}

int main(void)
{
	printf("ids\n");
	test_limits();
	test_duplicates();
	test_reserve();
	test_readers();
	test_many();
	test_direct();
	test_model();
	return 0;
}
