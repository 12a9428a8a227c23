// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Exact search against distances computed one at a time and sorted. */
#include "check.h"

struct row {
	uint32_t distance;
	uint32_t slot;
	uint64_t id;
};

static int by_order(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	float x = bits_float(a->distance), y = bits_float(b->distance);

	if (x != y)
		return x < y ? -1 : 1;
	return a->id < b->id ? -1 : 1;
}

struct set {
	uint32_t dims, slots;
	size_t stride;
	struct guarded memory;
	uint8_t *rows;
	uint64_t *ids, *live;
	struct row *sorted;
};

/* Distinct ids in no order; coarse values, so that distances tie. */
static struct set set_new(uint32_t dims, uint32_t slots, size_t stride, uint32_t live_percent)
{
	struct set set = { .dims = dims, .slots = slots, .stride = stride };

	set.memory = guarded_new(slots * stride);
	set.rows = set.memory.end - ((slots - 1) * stride + dims * 4);
	set.ids = calloc(slots, 8);
	set.live = calloc((slots + 63) / 64, 8);
	set.sorted = calloc(slots, sizeof(struct row));
	for (uint32_t s = 0; s < slots; s++) {
		for (uint32_t i = 0; i < dims; i++) {
			float value = (float)((int)random_below(5) - 2);

			if (random_below(3000) == 0)
				value = __builtin_nanf("");
			memcpy(set.rows + s * stride + i * 4, &value, 4);
		}
		set.ids[s] = (uint64_t)(s * 2654435761u) << 20 | s;
		if (random_below(100) < live_percent)
			set.live[s / 64] |= 1ull << (s % 64);
	}
	return set;
}

static void set_free(struct set *set)
{
	guarded_free(&set->memory);
	free(set->ids);
	free(set->live);
	free(set->sorted);
}

static void search(struct set *set, const struct vx_cpu *cpu, uint32_t metric, uint32_t k, uint32_t first, uint32_t n,
		   int use_live)
{
	uint8_t *query = vx_host_allocate(vx_query_bytes(set->dims));
	void *topk = vx_host_allocate(vx_topk_bytes(k)), *scratch = vx_host_allocate(VX_SCAN_SCRATCH_BYTES);
	uint32_t *distances = calloc(k, 4), *slots = calloc(k, 4), distance;
	uint64_t *ids = calloc(k, 8);
	const uint32_t quiet = 0;
	float values[256];
	size_t matching = 0;
	struct vx_scan scan = { .rows = set->rows + first * set->stride, .stride = set->stride, .ids = set->ids,
				.live = use_live ? set->live : NULL, .interrupt = &quiet, .scratch = scratch,
				.first = first, .n = n };
	int64_t count;

	for (uint32_t i = 0; i < set->dims; i++)
		values[i] = (float)((int)random_below(5) - 2);
	CHECK_EQ(vx_query_prepare(cpu, query, metric, VX_FLOAT32, set->dims, values), 0, "vx_query_prepare");
	for (uint32_t s = first; s < first + n; s++) {
		if (use_live && !(set->live[s / 64] >> (s % 64) & 1))
			continue;
		vx_distances(vx_host_cpu(VX_ISA_SCALAR), (struct vx_query *)query, set->rows + s * set->stride, set->stride,
			     NULL, 1, &distance);
		if (distance != VX_NO_MATCH)
			set->sorted[matching++] = (struct row){ distance, s, set->ids[s] };
	}
	qsort(set->sorted, matching, sizeof(struct row), by_order);
	count = vx_search_exact(cpu, (struct vx_query *)query, &scan, k, topk, distances, ids, slots);
	CHECK_EQ(count, matching < k ? matching : k, "hits");
	for (int64_t i = 0; i < count; i++)
		CHECK(distances[i] == set->sorted[i].distance && ids[i] == set->sorted[i].id &&
			      slots[i] == set->sorted[i].slot,
		      "%s dims %u first %u n %u k %u hit %d: slot %u, expected %u", isa_names[cpu->isa], set->dims, first, n,
		      k, (int)i, slots[i], set->sorted[i].slot);
	vx_host_release(query, vx_query_bytes(set->dims));
	vx_host_release(topk, vx_topk_bytes(k));
	vx_host_release(scratch, VX_SCAN_SCRATCH_BYTES);
	free(distances);
	free(slots);
	free(ids);
}

static void test_search(void)
{
	static const uint32_t live[] = { 0, 1, 30, 90, 100 };

	TEST("a search returns the nearest live finite rows of its run in order, ties by id");
	for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++) {
		struct set set = set_new(17, 3001, 17 * 4 + 3, live[i]);

		EACH_CPU(cpu) {
			for (uint32_t metric = 0; metric < 3; metric++) {
				search(&set, cpu, metric, 10, 0, set.slots, 1);
				search(&set, cpu, metric, 4000, 0, set.slots, 1);
				search(&set, cpu, metric, 50, 1000, 1, 1);
				search(&set, cpu, metric, 50, 63, 66, 1);
				search(&set, cpu, metric, 50, 64, 64, 1);
				search(&set, cpu, metric, 50, 1, 2999, i % 2);
				search(&set, cpu, metric, 50, 77, 0, 1);
			}
		}
		set_free(&set);
	}
}

static void test_all_isas_alike(void)
{
	struct set set = set_new(128, 2100, 512, 100);

	TEST("rows of 512 bytes in several sections are searched whole");
	EACH_CPU(cpu)
		search(&set, cpu, VX_EUCLIDEAN, 2100, 0, 2100, 0);
	set_free(&set);
}

static void test_refusals(void)
{
	struct set set = set_new(8, 100, 32, 100);
	const struct vx_cpu *cpu = vx_host_cpu(VX_ISA_BEST);
	_Alignas(64) uint8_t query[64 + 64], scratch[VX_SCAN_SCRATCH_BYTES], topk[16 + 16 * 10];
	uint32_t interrupt = 1;
	float values[8] = { 0 };
	struct vx_scan scan = { .rows = set.rows, .stride = 32, .ids = set.ids, .interrupt = &interrupt,
				.scratch = scratch, .n = 100 };

	TEST("an interrupt ends a search, and runs that are not valid are refused");
	CHECK_EQ(vx_query_prepare(cpu, query, 0, VX_FLOAT32, 8, values), 0, "vx_query_prepare");
	CHECK_EQ(vx_search_exact(cpu, (void *)query, &scan, 10, topk, NULL, NULL, NULL), -VX_EINTR, "interrupted");
	interrupt = 0;
	CHECK_EQ(vx_search_exact(cpu, (void *)query, &scan, 10, topk, NULL, NULL, NULL), 10, "hits");
	CHECK_EQ(vx_search_exact(cpu, (void *)query, &scan, 0, topk, NULL, NULL, NULL), -VX_EINVAL, "k 0");
	scan.stride = 31;
	CHECK_EQ(vx_search_exact(cpu, (void *)query, &scan, 10, topk, NULL, NULL, NULL), -VX_EINVAL, "short stride");
	scan.stride = 32;
	scan.first = 0xffffffff;
	CHECK_EQ(vx_search_exact(cpu, (void *)query, &scan, 10, topk, NULL, NULL, NULL), -VX_EINVAL, "first slot");
	set_free(&set);
}

int main(void)
{
	printf("scan\n");
	test_refusals();
	test_search();
	test_all_isas_alike();
	return 0;
}
