// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Rows in tight groups far from each other, which come and go as groups: a search finds the group that its query belongs to. */
#include "index_model.h"

#define GROUPS 100u
#define SIZE 40u
#define ROWS (GROUPS * SIZE)
#define DIMS 32u
#define LATENT 12u
#define ROUNDS 2u
#define QUERIES 4u /* of a group */
#define K 10u

struct groups {
	struct vx_index *index;
	struct vx_searcher *searcher;
	const struct vx_cpu *cpu;
	vx_u32 metric;
	float spread;
	float map[LATENT][DIMS];
	float centres[GROUPS][DIMS];
	float rows[ROWS][DIMS] __attribute__((aligned(64)));
	vx_u64 ids[ROWS], live[(ROWS + 63) / 64];
};

static float normal(void)
{
	float sum = 0;

	for (int i = 0; i < 12; i++)
		sum += random_float();
	return sum / 2;
}

static void draw(const struct groups *g, uint32_t group, float *row)
{
	for (uint32_t d = 0; d < DIMS; d++)
		row[d] = g->centres[group][d] + g->spread * normal();
}

static void place(struct groups *g, uint32_t group)
{
	float point[LATENT];

	for (uint32_t j = 0; j < LATENT; j++)
		point[j] = normal() / 3.5f;
	for (uint32_t d = 0; d < DIMS; d++) {
		g->centres[group][d] = 0;
		for (uint32_t j = 0; j < LATENT; j++)
			g->centres[group][d] += point[j] * g->map[j][d];
	}
}

static void change(struct groups *g, uint32_t group, uint32_t op)
{
	const struct vx_rows rows = { .base = g->rows, .stride = sizeof(g->rows[0]), .slots = ROWS };
	struct vx_change changes[SIZE];

	for (uint32_t i = 0; i < SIZE; i++) {
		const uint32_t slot = group * SIZE + i;

		if (op == VX_PUT)
			draw(g, group, g->rows[slot]);
		changes[i] = (struct vx_change){ .id = slot, .slot = slot, .op = op };
	}
	CHECK_EQ(vx_index_apply(g->index, &rows, changes, SIZE, NULL), SIZE, "changes taken");
}

static void search(struct groups *g, struct vx_index *index, const float *values, uint32_t flags, uint32_t *slots)
{
	const struct vx_rows rows = { .base = g->rows, .stride = sizeof(g->rows[0]), .slots = ROWS };
	char query[4096] __attribute__((aligned(64)));
	struct vx_search ask = { .query = (const struct vx_query *)query, .rows = &rows, .ids = g->ids, .live = g->live,
				 .slots = ROWS, .k = K, .ef = 20, .flags = flags };

	CHECK(vx_query_bytes(DIMS) <= sizeof(query), "bytes of a query");
	CHECK_EQ(vx_query_prepare(g->cpu, query, g->metric, VX_FLOAT32, DIMS, values), 0, "query");
	CHECK_EQ(vx_index_search(index, g->searcher, &ask, NULL, NULL, slots), K, "hits");
}

/* Searches that found none of the nearest rows. Those by record have to find the same. */
static uint32_t lost(struct groups *g, struct vx_index *by_record)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < GROUPS * QUERIES; i++) {
		uint32_t nearest[K], slots[K], same[K], good = 0;
		float query[DIMS];

		draw(g, i % GROUPS, query);
		search(g, g->index, query, VX_SEARCH_EXACT, nearest);
		search(g, g->index, query, 0, slots);
		for (uint32_t j = 0; j < K * K; j++)
			good += slots[j / K] == nearest[j % K];
		count += good == 0;
		if (!by_record)
			continue;
		search(g, by_record, query, 0, same);
		CHECK(memcmp(slots, same, sizeof(slots)) == 0, "query %u: other rows by record", i);
	}
	return count;
}

static int read_snapshot(void *context, vx_u64 offset, void *data, size_t bytes)
{
	const struct snapshot *from = context;

	CHECK(offset <= from->size && bytes <= from->size - offset, "%zu bytes at the end", bytes);
	memcpy(data, from->bytes + offset, bytes);
	return 0;
}

/* `most`: searches of all rounds that may miss their group. */
static void test_groups(vx_u32 metric, float spread, int moves, uint32_t most, const char *title)
{
	const struct vx_index_params params = { .metric = metric, .element = VX_FLOAT32, .dims = DIMS, .m = 8,
						.ef_construction = 60, .train_rows = 400, .seed = 3 };
	struct groups *g = vx_host_allocate(sizeof(*g));
	struct snapshot s;
	struct vx_index_source source = { .read = read_snapshot, .context = &s, .by_record = 1 };
	struct vx_index *by_record;
	uint32_t missed = 0;
	int error = 0;

	TEST(title);
	CHECK(g, "memory");
	random_state = 21;
	g->cpu = vx_host_cpu(VX_ISA_BEST);
	g->metric = metric;
	g->spread = spread;
	g->index = vx_index_create(vx_host_allocator(), g->cpu, &params, &error);
	g->searcher = vx_searcher_create(vx_host_allocator());
	CHECK(g->index && g->searcher, "create: %d", error);
	for (uint32_t i = 0; i < ROWS; i++) {
		g->ids[i] = i;
		g->live[i / 64] |= 1ull << i % 64;
	}
	for (uint32_t j = 0; j < LATENT; j++)
		for (uint32_t d = 0; d < DIMS; d++)
			g->map[j][d] = normal();
	for (uint32_t i = 0; i < GROUPS; i++) {
		place(g, i);
		change(g, i, VX_PUT);
	}
	missed += lost(g, NULL);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < GROUPS; i++) {
			const uint32_t group = (i * 17 + round) % GROUPS;

			change(g, group, VX_DEL);
			if (moves)
				place(g, group);
			change(g, group, VX_PUT);
		}
		missed += lost(g, NULL);
	}
	s = snapshot_of(g->index);
	source.size = s.size;
	by_record = vx_index_open(vx_host_allocator(), g->cpu, &source, &error);
	CHECK(by_record, "open: %d", error);
	lost(g, by_record);
	CHECK(missed <= most, "%u of %u searches found none of the nearest rows", missed, (ROUNDS + 1) * GROUPS * QUERIES);
	vx_index_destroy(by_record);
	snapshot_free(&s);
	vx_searcher_destroy(g->searcher);
	vx_index_destroy(g->index);
	vx_host_release(g, sizeof(*g));
}

int main(void)
{
	test_groups(VX_EUCLIDEAN, 0.01f, 0, 15, "groups of nearly equal rows that are replaced");
	test_groups(VX_EUCLIDEAN, 0.1f, 1, 15, "groups that move");
	test_groups(VX_COSINE, 0.02f, 0, 5, "groups of directions that are replaced");
	return 0;
}
