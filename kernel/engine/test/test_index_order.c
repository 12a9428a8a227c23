// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Rows that come in an order, so that the later ones lie where none of the first did: codes follow them. */
#include "check.h"
#include "host_index.h"

#define SLOTS 3000u
#define DIMS 48u
#define QUERIES 60u
#define K 10u

struct ordered {
	const struct vx_cpu *cpu;
	struct vx_index *index;
	struct vx_rows source;
	vx_u32 metric;
	float rows[SLOTS][DIMS] __attribute__((aligned(64)));
	uint64_t ids[SLOTS], live[(SLOTS + 63) / 64];
	uint32_t puts;
};

static float normal(void)
{
	float sum = 0;

	for (int i = 0; i < 12; i++)
		sum += random_float();
	return sum;
}

/* By products the rows get longer, by Euclidean distance they move away. */
static void draw(const struct ordered *o, float time, float *row)
{
	for (uint32_t d = 0; d < DIMS; d++)
		row[d] = o->metric == VX_DOT_PRODUCT ? time * normal() : normal() + (d < 6 ? 20 * time : 0);
}

static struct ordered *ordered_new(vx_u32 metric)
{
	const struct vx_index_params params = { .metric = metric, .element = VX_FLOAT32, .dims = DIMS, .m = 8,
						.ef_construction = 64, .train_rows = 500, .seed = 3 };
	struct ordered *o = vx_host_allocate(sizeof(*o));
	int error = 0;

	CHECK(o, "memory");
	random_state = 5;
	o->cpu = vx_host_cpu(VX_ISA_BEST);
	o->metric = metric;
	o->source = (struct vx_rows){ .base = o->rows, .stride = sizeof(o->rows[0]), .slots = SLOTS };
	o->index = vx_index_create(vx_host_allocator(), o->cpu, &params, &error);
	CHECK(o->index, "create: %d", error);
	return o;
}

static void ordered_free(struct ordered *o)
{
	vx_index_destroy(o->index);
	vx_host_release(o, sizeof(*o));
}

/* The rows of so many slots go, and the next ones of the order come into them. */
static void replace(struct ordered *o, uint32_t first, uint32_t n, vx_u32 threads)
{
	static struct vx_change changes[2 * SLOTS];
	uint32_t count = 0;

	for (uint32_t slot = first; slot < first + n; slot++) {
		if (o->live[slot / 64] >> slot % 64 & 1)
			changes[count++] = (struct vx_change){ .slot = slot, .op = VX_DEL };
	}
	CHECK_EQ(vx_host_index_apply(o->index, &o->source, changes, count, threads, NULL), count, "deleted");
	for (uint32_t slot = first; slot < first + n; slot++) {
		draw(o, (float)o->puts / SLOTS * 5, o->rows[slot]);
		o->ids[slot] = o->puts++;
		o->live[slot / 64] |= 1ull << slot % 64;
		changes[slot - first] = (struct vx_change){ .id = o->ids[slot], .slot = slot, .op = VX_PUT };
	}
	CHECK_EQ(vx_host_index_apply(o->index, &o->source, changes, n, threads, NULL), n, "put");
}

/* Of the nearest rows of queries from the whole order, those that are found, in percent. */
static uint32_t recall(struct ordered *o)
{
	struct vx_searcher *searcher = vx_host_searcher_create();
	void *query = vx_host_allocate(vx_query_bytes(DIMS));
	struct vx_search ask = { .query = query, .rows = &o->source, .ids = o->ids, .live = o->live, .slots = SLOTS,
				 .k = K, .ef = 64 };
	uint32_t found = 0, least = o->puts > SLOTS ? o->puts - SLOTS : 0;

	CHECK(searcher && query, "memory");
	for (uint32_t i = 0; i < QUERIES; i++) {
		const float time = (float)(least + i * (o->puts - least) / QUERIES) / SLOTS * 5;
		uint32_t distances[K], nearest[K];
		float values[DIMS];

		draw(o, time, values);
		CHECK_EQ(vx_query_prepare(o->cpu, query, o->metric, VX_FLOAT32, DIMS, values), 0, "query");
		ask.flags = VX_SEARCH_EXACT;
		CHECK_EQ(vx_index_search(o->index, searcher, &ask, nearest, NULL, NULL), K, "hits");
		ask.flags = 0;
		CHECK_EQ(vx_index_search(o->index, searcher, &ask, distances, NULL, NULL), K, "hits");
		for (uint32_t j = 0; j < K; j++)
			found += bits_float(distances[j]) <= bits_float(nearest[K - 1]);
	}
	vx_host_release(query, vx_query_bytes(DIMS));
	vx_searcher_destroy(searcher);
	return 100 * found / (QUERIES * K);
}

/* `step`: rows of one call, each of which is a round of its own or several. */
static void test_growing(vx_u32 metric, uint32_t step, const char *title)
{
	struct ordered *o = ordered_new(metric);
	uint32_t percent;

	TEST(title);
	/* Not as many as four times those of the first generation. */
	while (o->puts < 1900)
		replace(o, o->puts, 1900 - o->puts < step ? 1900 - o->puts : step, 1);
	percent = recall(o);
	CHECK(percent >= 90, "%u %% found", percent);
	ordered_free(o);
}

static void test_window(vx_u32 metric, const char *title)
{
	struct ordered *o = ordered_new(metric);
	uint32_t percent;

	TEST(title);
	replace(o, 0, SLOTS, 1);
	for (uint32_t i = 0; i < 60; i++)
		replace(o, i % 10 * (SLOTS / 10), SLOTS / 10, 1);
	percent = recall(o);
	CHECK(percent >= 80, "%u %% found", percent);
	ordered_free(o);
}

static int append(void *context, const void *data, size_t bytes)
{
	vx_u32 *sum = context;

	*sum = vx_crc32c(vx_host_cpu(VX_ISA_BEST), *sum, data, bytes);
	return 0;
}

static vx_u32 sum_of(vx_u32 metric, vx_u32 threads)
{
	struct ordered *o = ordered_new(metric);
	vx_u32 sum = ~0u;

	replace(o, 0, 1900, threads);
	replace(o, 100, 700, threads);
	CHECK_EQ(vx_index_save(o->index, append, &sum), 0, "save");
	ordered_free(o);
	return sum;
}

static void test_bytes(void)
{
	TEST("new codes amid a round leave the same bytes whatever the number of threads");
	CHECK_EQ(sum_of(VX_EUCLIDEAN, 1), sum_of(VX_EUCLIDEAN, 3), "sum");
	CHECK_EQ(sum_of(VX_DOT_PRODUCT, 1), sum_of(VX_DOT_PRODUCT, 4), "sum");
}

static void test_outliers(void)
{
	struct ordered *o = ordered_new(VX_EUCLIDEAN);
	struct vx_index_info info;

	TEST("rows that lie far off now and then ask for no new codes each time");
	for (uint32_t i = 0; i < 1500; i++) {
		struct vx_change put = { .id = i, .slot = i, .op = VX_PUT };

		for (uint32_t d = 0; d < DIMS; d++)
			o->rows[i][d] = normal() * (i % 20 ? 1 : 50);
		CHECK_EQ(vx_index_apply(o->index, &o->source, &put, 1, NULL), 1, "put");
	}
	vx_index_info(o->index, &info);
	CHECK(info.generation <= 20, "generation %llu", (unsigned long long)info.generation);
	ordered_free(o);
}

int main(void)
{
	test_growing(VX_EUCLIDEAN, SLOTS, "rows that move away as they come");
	test_growing(VX_EUCLIDEAN, 1, "rows that move away, one at a time");
	test_growing(VX_DOT_PRODUCT, SLOTS, "rows that get longer as they come");
	test_window(VX_EUCLIDEAN, "old rows go as others come, further and further away");
	test_window(VX_DOT_PRODUCT, "old rows go as longer ones come");
	test_bytes();
	test_outliers();
	return 0;
}
