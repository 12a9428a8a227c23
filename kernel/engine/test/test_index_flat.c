// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The index without a graph: signs of rotated rows are compared, and the rows that they propose. */
#include "index_model.h"

#define DIMS 96u
#define ROWS 900u

static const struct vx_index_params flat = { .metric = VX_COSINE, .element = VX_FLOAT32, .dims = DIMS, .seed = 4,
					     .type = VX_FLAT };

static void random_row(float *row, uint32_t dims)
{
	for (uint32_t d = 0; d < dims; d++)
		row[d] = random_float();
}

static struct model *filled(const struct vx_cpu *cpu, uint32_t threads)
{
	struct model *m = model_new(&flat, cpu);
	float row[DIMS];

	random_state = 11;
	for (uint32_t s = 0; s < ROWS; s++) {
		random_row(row, DIMS);
		model_put(m, s, 3 * s, row);
	}
	CHECK_EQ(model_take(m, threads), 0, "take");
	return m;
}

/* Of the nearest rows of 30 queries, how many in a hundred are found; by which path, unless NULL. */
static uint32_t recall(struct model *m, struct question question, const uint64_t *path)
{
	uint32_t near = 0, all = 0;
	float query[DIMS];

	question.query = query;
	for (uint32_t q = 0; q < 30; q++) {
		struct vx_search_info info;
		uint32_t wanted;

		random_row(query, DIMS);
		int good = model_search(m, &question, &wanted);
		CHECK(good >= 0, "search: %d", good);
		vx_searcher_info(m->searcher, &info);
		CHECK(!path || info.path == *path, "path %" PRIu64, (uint64_t)info.path);
		near += (uint32_t)good;
		all += wanted;
	}
	return near * 100 / all;
}

static const uint64_t by_index = VX_PATH_GRAPH, by_rows = VX_PATH_EXACT;

static void test_recall(void)
{
	struct snapshot first = { 0 };

	TEST("every instruction set finds the same, more the more rows it compares, and leaves the same bytes");
	EACH_CPU(cpu) {
		struct model *m = filled(cpu, cpu->isa % 3 + 1);
		struct snapshot s = snapshot_of(m->index);
		/* Rows without any structure: nothing is harder. */
		uint32_t few = recall(m, (struct question){ .k = 10, .ef = 20 }, &by_index);
		uint32_t more = recall(m, (struct question){ .k = 10, .ef = 80 }, &by_index);
		uint32_t most = recall(m, (struct question){ .k = 10, .ef = 300 }, &by_index);

		CHECK(few < more && more < most && more >= 60 && most >= 93, "%s: recall %u, %u, %u %%", isa_names[cpu->isa],
		      few, more, most);
		if (first.bytes) {
			CHECK(first.size == s.size && memcmp(first.bytes, s.bytes, s.size) == 0, "%s leaves other bytes",
			      isa_names[cpu->isa]);
			snapshot_free(&s);
		} else {
			first = s;
		}
		model_free(m);
	}
	snapshot_free(&first);
}

static void test_changes(void)
{
	struct model *m = filled(vx_host_cpu(VX_ISA_BEST), 2);
	float row[DIMS];

	TEST("rows that go, come again or match nothing are answered as by comparing all");
	for (uint32_t s = 0; s < ROWS; s += 3)
		model_delete(m, s);
	CHECK_EQ(model_take(m, 2), 0, "take");
	CHECK(recall(m, (struct question){ .k = 10, .ef = 300, .without_live = 1 }, &by_index) >= 93, "after deletions");
	for (uint32_t s = 1; s < ROWS; s += 3) {
		random_row(row, DIMS);
		if (s % 2)
			row[s % DIMS] = bits_float(0x7fc00000u);
		memcpy(m->rows + s * m->row_bytes, row, sizeof(row));
		model_queue(m, s, m->ids[s], VX_PUT);
	}
	/* Those that are queued are the tail. */
	CHECK(recall(m, (struct question){ .k = 10, .ef = 300 }, NULL) >= 93, "beside a tail");
	CHECK_EQ(model_take(m, 1), 0, "take");
	CHECK(recall(m, (struct question){ .k = 10, .ef = 300 }, &by_index) >= 93, "after overwrites");
	CHECK_EQ(recall(m, (struct question){ .k = 1000, .ef = 0 }, NULL), 100, "all that match");
	model_free(m);
}

static void test_filters(void)
{
	struct model *m = filled(vx_host_cpu(VX_ISA_BEST), 1);
	uint64_t half[MODEL_SLOTS / 64], few[MODEL_SLOTS / 64] = { 0xff };
	struct vx_filter by_slot = { .slot_bits = half }, by_id = { .id_min = 3 * 100, .id_max = 3 * 600 };
	struct vx_filter by_few = { .slot_bits = few };

	TEST("a filter that keeps many rows is applied to bits, one that keeps few to rows");
	memset(half, 0x55, sizeof(half));
	CHECK(recall(m, (struct question){ .k = 10, .ef = 300, .filter = &by_slot }, &by_index) >= 93, "half of the slots");
	CHECK(recall(m, (struct question){ .k = 10, .ef = 300, .filter = &by_id }, &by_index) >= 93, "a range of ids");
	CHECK_EQ(recall(m, (struct question){ .k = 10, .ef = 20, .filter = &by_few }, &by_rows), 100, "eight rows");
	model_free(m);
}

static void test_snapshot(void)
{
	struct model *m = filled(vx_host_cpu(VX_ISA_BEST), 1);
	struct snapshot s = snapshot_of(m->index), again;
	float row[DIMS];
	int error = 0;

	TEST("a snapshot goes on where the index stood");
	vx_index_destroy(m->index);
	m->index = snapshot_open(&s, vx_host_allocator(), m->cpu, &error);
	CHECK(m->index, "open: %d", error);
	CHECK(recall(m, (struct question){ .k = 10, .ef = 300 }, &by_index) >= 93, "opened");
	CHECK_EQ(vx_index_verify(m->index), 0, "verify");
	random_state = 5;
	for (uint32_t i = ROWS; i < ROWS + 50; i++) {
		random_row(row, DIMS);
		model_put(m, i, 3 * i, row);
	}
	CHECK_EQ(model_take(m, 2), 0, "take");
	again = snapshot_of(m->index);
	snapshot_free(&s);
	model_free(m);

	m = filled(vx_host_cpu(VX_ISA_SCALAR), 1);
	random_state = 5;
	for (uint32_t i = ROWS; i < ROWS + 50; i++) {
		random_row(row, DIMS);
		model_put(m, i, 3 * i, row);
	}
	CHECK_EQ(model_take(m, 1), 0, "take");
	s = snapshot_of(m->index);
	CHECK(s.size == again.size && memcmp(s.bytes, again.bytes, s.size) == 0, "what was opened and grew is another");
	snapshot_free(&s);
	snapshot_free(&again);
	model_free(m);
}

/* Rows so wide that a chunk holds few of them. */
static void test_chunks(void)
{
	enum { WIDE = 65536, COUNT = 500 };
	struct vx_index_params params = { .metric = VX_COSINE, .element = VX_INT8, .dims = WIDE, .type = VX_FLAT };
	int8_t *rows = malloc((size_t)WIDE * COUNT);
	float *values = malloc(WIDE * sizeof(float));
	void *query = vx_host_allocate(vx_query_bytes(WIDE));
	uint64_t ids[COUNT];
	struct vx_change changes[COUNT];
	struct vx_rows source = { .base = rows, .stride = WIDE, .slots = COUNT };
	struct vx_searcher *searcher = vx_host_searcher_create();

	TEST("every chunk is searched");
	for (size_t i = 0; i < (size_t)WIDE * COUNT; i += 8) {
		uint64_t eight = random_u64();

		memcpy(rows + i, &eight, 8);
	}
	for (uint32_t s = 0; s < COUNT; s++) {
		ids[s] = s;
		changes[s] = (struct vx_change){ .id = s, .slot = s, .op = VX_PUT };
	}
	EACH_CPU(cpu) {
		struct vx_index *index = vx_index_create(vx_host_allocator(), cpu, &params, NULL);
		struct vx_index_info info;

		CHECK(index, "create");
		CHECK_EQ(vx_host_index_apply(index, &source, changes, COUNT, 2, NULL), COUNT, "changes taken");
		vx_index_info(index, &info);
		CHECK(info.graph_bytes >= 3u << 21, "%" PRIu64 " bytes are too few chunks", (uint64_t)info.graph_bytes);
		for (uint32_t s = 7; s < COUNT; s += 61) {
			struct vx_search search = { .query = query, .rows = &source, .ids = ids, .slots = COUNT, .k = 1, .ef = 5 };
			struct vx_search_info how;
			uint32_t slot = COUNT;

			/* A row and something more: the angle to it is far smaller than that to any other. */
			for (uint32_t d = 0; d < WIDE; d++)
				values[d] = (float)rows[(size_t)s * WIDE + d] + (float)(d % 7) * 4;
			CHECK_EQ(vx_query_prepare(cpu, query, VX_COSINE, VX_INT8, WIDE, values), 0, "query");
			CHECK_EQ(vx_index_search(index, searcher, &search, NULL, NULL, &slot), 1, "hits");
			CHECK_EQ(slot, s, "slot");
			vx_searcher_info(searcher, &how);
			CHECK(how.path == VX_PATH_GRAPH && how.rows == 5, "path %" PRIu64 ", %" PRIu64 " rows compared",
			      (uint64_t)how.path, (uint64_t)how.rows);
		}
		vx_index_destroy(index);
	}
	vx_searcher_destroy(searcher);
	vx_host_release(query, vx_query_bytes(WIDE));
	free(values);
	free(rows);
}

int main(void)
{
	printf("the index without a graph\n");
	test_recall();
	test_changes();
	test_filters();
	test_snapshot();
	test_chunks();
	return 0;
}
