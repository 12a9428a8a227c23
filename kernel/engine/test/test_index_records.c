// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Indexes whose records stay in the snapshot answer as those in memory do, and take no more memory by their size. */
#include "index_model.h"

#define ROWS 1000u
#define QUERIES 40u

/* Where records are read from, and how that goes. */
struct reading {
	const struct snapshot *from;
	uint64_t calls, bytes;
	uint64_t fails_at; /* the call that fails; 0: none */
	int error;
};

static int read_snapshot(void *context, vx_u64 offset, void *data, size_t bytes)
{
	struct reading *reading = context;

	CHECK(offset <= reading->from->size && bytes <= reading->from->size - offset, "%zu bytes from %llu", bytes,
	      (unsigned long long)offset);
	reading->calls++;
	reading->bytes += bytes;
	if (reading->calls == reading->fails_at)
		return reading->error;
	memcpy(data, reading->from->bytes + offset, bytes);
	return 0;
}

static struct vx_index *open_by_record(struct reading *reading, const struct vx_cpu *cpu, int *error)
{
	const struct vx_index_source source = { .size = reading->from->size, .read = read_snapshot, .context = reading,
						.by_record = 1 };

	return vx_index_open(vx_host_allocator(), cpu, &source, error);
}

static void random_row(float *row, uint32_t dims)
{
	for (uint32_t d = 0; d < dims; d++)
		row[d] = random_float() * 8 - 4;
}

static struct model *filled(const struct vx_index_params *params, const struct vx_cpu *cpu)
{
	struct model *m = model_new(params, cpu);
	float *row = vx_host_allocate(4 * (size_t)params->dims);

	random_state = 11;
	for (uint32_t s = 0; s < ROWS; s++) {
		random_row(row, params->dims);
		model_put(m, s, s, row);
		if (m->queued == 200)
			CHECK_EQ(model_take(m, 1), 0, "take");
	}
	for (uint32_t s = 0; s < ROWS; s += 7)
		model_delete(m, s);
	CHECK_EQ(model_take(m, 1), 0, "take");
	m->slots = ROWS;
	vx_host_release(row, 4 * (size_t)params->dims);
	return m;
}

/* The same answers by the same way. */
static void compare(struct model *m, struct vx_index *other, const struct question *question, const char *what)
{
	struct vx_index *own = m->index;
	struct vx_search_info in_memory, by_record;
	uint32_t wanted;
	int good, same;

	good = model_search(m, question, &wanted);
	vx_searcher_info(m->searcher, &in_memory);
	m->index = other;
	same = model_search(m, question, &wanted);
	vx_searcher_info(m->searcher, &by_record);
	m->index = own;
	CHECK_EQ(same, good, what);
	CHECK_EQ(by_record.path, in_memory.path, what);
	CHECK_EQ(by_record.hops, in_memory.hops, what);
	CHECK_EQ(by_record.codes, in_memory.codes, what);
	CHECK_EQ(by_record.rows, in_memory.rows, what);
}

static void test_answers(const struct vx_index_params *params, const struct vx_cpu *cpu, const char *title)
{
	struct model *m = filled(params, cpu);
	struct snapshot s = snapshot_of(m->index);
	struct reading reading = { .from = &s };
	uint64_t some[MODEL_SLOTS / 64];
	struct vx_filter filter = { .slot_bits = some };
	float *query = vx_host_allocate(4 * (size_t)params->dims);
	struct vx_change change = { .id = 1, .slot = 1, .op = VX_PUT };
	struct vx_index_info info;
	struct vx_index *index;
	struct snapshot again;
	int error;

	TEST(title);
	for (uint32_t i = 0; i < MODEL_SLOTS / 64; i++)
		some[i] = 0x7777777777777777ull;
	index = open_by_record(&reading, cpu, &error);
	CHECK(index, "open: %d", error);
	CHECK(reading.bytes <= 65536, "%llu bytes were read to open it", (unsigned long long)reading.bytes);
	vx_index_info(m->index, &info);
	CHECK(info.memory_bytes > s.size, "the graph is in memory");
	for (uint32_t q = 0; q < QUERIES; q++) {
		struct question question = { .query = query, .k = 10, .ef = 40, .filter = q % 2 ? &filter : NULL };

		random_row(query, params->dims);
		compare(m, index, &question, title);
		/* Some rows of a tail, which it has not taken. */
		if (q == QUERIES / 2)
			model_put(m, 5, 5, query);
	}
	m->queued = 0;
	CHECK_EQ(vx_index_verify(index), 0, "verify");
	vx_index_info(index, &info);
	CHECK(info.memory_bytes < 65536, "%llu bytes of memory", (unsigned long long)info.memory_bytes);
	CHECK_EQ(info.graph_bytes, 0, "bytes of the graph");
	CHECK_EQ(vx_index_begin(index, &m->source, &change, 1, 1), -VX_EINVAL, "a change");
	again = snapshot_new(info.snapshot_bytes);
	CHECK_EQ(vx_index_save(index, snapshot_write, &again), -VX_EINVAL, "save");
	snapshot_free(&again);
	vx_index_destroy(index);
	vx_host_release(query, 4 * (size_t)params->dims);
	snapshot_free(&s);
	model_free(m);
}

/* Every call of read() fails in turn: the answer is right all the same. */
static void test_failing_reads(void)
{
	struct vx_index_params params = { .metric = VX_EUCLIDEAN, .element = VX_FLOAT32, .dims = 20, .m = 6,
					  .ef_construction = 30, .train_rows = 100, .seed = 5 };
	struct model *m = filled(&params, vx_host_cpu(VX_ISA_BEST));
	struct snapshot s = snapshot_of(m->index);
	struct vx_index *own = m->index;
	float query[20];
	uint64_t calls;
	int error;

	TEST("whichever read fails, the answer is right");
	random_row(query, params.dims);
	for (calls = 1;; calls += 1 + calls / 16) {
		struct question question = { .query = query, .k = 5, .ef = 10 };
		struct reading reading = { .from = &s, .fails_at = calls, .error = -VX_EIO };
		uint32_t wanted;
		int good;

		m->index = open_by_record(&reading, m->cpu, &error);
		if (!m->index) {
			CHECK_EQ(error, -VX_EIO, "open");
			continue;
		}
		good = model_search(m, &question, &wanted);
		if (reading.calls < calls) {
			vx_index_destroy(m->index);
			break;
		}
		/* All rows were compared. */
		CHECK_EQ(good, wanted, "near rows");
		reading.fails_at = reading.calls + 1;
		CHECK_EQ(vx_index_verify(m->index), -VX_EIO, "verify");
		vx_index_destroy(m->index);
	}
	CHECK(calls > 20, "only %llu calls", (unsigned long long)calls);
	m->index = own;
	snapshot_free(&s);
	model_free(m);
}

int main(void)
{
	static const char *const metrics[] = { "the same answers by the same way, Euclidean", "the same answers by the same way, cosine",
						"the same answers by the same way, dot product" };
	static const uint32_t isas[] = { VX_ISA_SCALAR, VX_ISA_BEST };
	printf("indexes whose records stay in the snapshot\n");
	struct vx_index_params params = { .element = VX_FLOAT32, .dims = 24, .m = 6, .ef_construction = 40,
					  .train_rows = 200, .seed = 2 };
	struct vx_index_params flat = { .metric = VX_COSINE, .element = VX_FLOAT32, .dims = MODEL_DIMS, .type = VX_FLAT };

	for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
		for (params.metric = 0; params.metric <= VX_DOT_PRODUCT; params.metric++)
			test_answers(&params, vx_host_cpu(isas[i]), metrics[params.metric]);
		test_answers(&flat, vx_host_cpu(isas[i]), "the same answers by the same way, without a graph");
	}
	params.metric = VX_EUCLIDEAN;
	params.dims = MODEL_DIMS;
	params.m = 64;
	test_answers(&params, vx_host_cpu(VX_ISA_BEST), "the same answers by the same way, with many links");
	test_failing_reads();
	return 0;
}
