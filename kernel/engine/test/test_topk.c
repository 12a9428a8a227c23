// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The k best of many, against a sort of all. */
#include "check.h"

struct row {
	float distance;
	uint64_t id;
};

static int by_order(const void *left, const void *right)
{
	const struct row *a = left, *b = right;

	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

#define MOST 20000
static uint32_t distances[MOST], out_distances[MOST], out_slots[MOST];
static uint64_t ids[MOST], out_ids[MOST];
static struct row rows[MOST];

/* Few distinct distances make many ties. */
static void run(uint32_t n, uint32_t k, uint32_t distinct, int halves)
{
	struct vx_topk *topk = vx_host_allocate(vx_topk_bytes(k)), *other = vx_host_allocate(vx_topk_bytes(k));
	size_t finite = 0;
	uint32_t count;

	for (uint32_t i = 0; i < n; i++) {
		float distance = distinct ? (float)random_below(distinct) - (float)(distinct / 2) : random_float() * 1e30f;

		ids[i] = random_u64() >> random_below(2) * 40;
		distances[i] = float_bits(distance);
		if (random_below(10) == 0)
			distances[i] = VX_NO_MATCH;
		else
			rows[finite++] = (struct row){ distance, ids[i] };
	}
	qsort(rows, finite, sizeof(rows[0]), by_order);
	CHECK_EQ(vx_topk_init(topk, k), 0, "vx_topk_init");
	CHECK_EQ(vx_topk_init(other, k), 0, "vx_topk_init");
	if (halves) {
		vx_topk_offer(topk, distances, ids, NULL, 0, n / 2);
		vx_topk_finish(topk, NULL, NULL, NULL);
		vx_topk_offer(other, distances + n / 2, ids, NULL, n / 2, n - n / 2);
		vx_topk_merge(topk, other);
	} else {
		vx_topk_offer(topk, distances, ids, NULL, 0, n);
	}
	for (int again = 0; again < 2; again++) {
		count = vx_topk_finish(topk, out_distances, out_ids, out_slots);
		CHECK_EQ(count, finite < k ? finite : k, "count");
		for (uint32_t i = 0; i < count; i++) {
			CHECK(out_distances[i] == float_bits(rows[i].distance) && out_ids[i] == rows[i].id,
			      "n %u k %u hit %u: %g %" PRIx64 ", expected %g %" PRIx64, n, k, i,
			      bits_float(out_distances[i]), out_ids[i], rows[i].distance, rows[i].id);
			CHECK(ids[out_slots[i]] == out_ids[i] && distances[out_slots[i]] == out_distances[i],
			      "slot %u of hit %u", out_slots[i], i);
		}
	}
	vx_host_release(topk, vx_topk_bytes(k));
	vx_host_release(other, vx_topk_bytes(k));
}

static void test_order(void)
{
	TEST("hits come by distance, then id, whatever was offered, at once or in parts");
	for (uint32_t n = 0; n < 40; n++)
		for (uint32_t k = 1; k < 40; k += 3)
			for (int halves = 0; halves < 2; halves++)
				run(n, k, n % 2 ? 5 : 0, halves);
	run(MOST, 1, 0, 0);
	run(MOST, 100, 3, 1);
	run(MOST, VX_MAX_K, 0, 0);
	run(MOST, VX_MAX_K, 200, 1);
}

static void test_limits(void)
{
	_Alignas(64) uint8_t mem[64];

	TEST("k is 1 to 10,000");
	CHECK_EQ(vx_topk_init(mem, 0), -VX_EINVAL, "0");
	CHECK_EQ(vx_topk_init(mem, VX_MAX_K + 1), -VX_EINVAL, "10,001");
	CHECK_EQ(vx_topk_init(mem, VX_MAX_K), 0, "10,000");
}

int main(void)
{
	printf("topk\n");
	test_limits();
	test_order();
	return 0;
}
