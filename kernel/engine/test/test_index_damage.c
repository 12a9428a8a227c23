// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Snapshots with any byte changed, and cut off anywhere: an error, or the right answers. */
#include "index_model.h"

#define ROWS 40u
#define MOST_DIMS 64u
#define QUERIES 2u

static float queries[QUERIES][MOST_DIMS];
static int undamaged[QUERIES];

static void random_row(float *row, uint32_t dims)
{
	for (uint32_t d = 0; d < dims; d++)
		row[d] = (float)(int)random_below(9) - 4 + random_float() / 8;
}

/* Over few dimensions comparing bits would take longer than comparing rows. */
static struct model *small_set(uint32_t metric, uint32_t type)
{
	struct vx_index_params params = { .metric = metric, .element = VX_FLOAT32, .dims = type == VX_FLAT ? MOST_DIMS : 8,
					  .m = 4, .ef_construction = 20, .train_rows = 16, .seed = 3, .type = type };
	struct model *m = model_new(&params, vx_host_cpu(VX_ISA_BEST));
	float row[MOST_DIMS];

	for (uint32_t s = 0; s < ROWS; s++) {
		random_row(row, params.dims);
		model_put(m, s, 1000 + s, row);
	}
	for (uint32_t s = 0; s < ROWS; s += 9)
		model_delete(m, s);
	CHECK_EQ(model_take(m, 1), 0, "take");
	m->slots = ROWS;
	for (uint32_t q = 0; q < QUERIES; q++)
		random_row(queries[q], params.dims);
	return m;
}

/* k 5 with the live bitmap, and, unless it is needed, without it. */
static void ask_with(struct model *m, int needs_live, int *good)
{
	uint32_t wanted;

	for (uint32_t q = 0; q < QUERIES; q++) {
		struct question question = { .query = queries[q], .k = 5, .ef = 16, .without_live = q == 1 && !needs_live };

		good[q] = model_search(m, &question, &wanted);
		/* Without a bitmap only the index knows which rows there are: when that is lost it says so. */
		if (good[q] == -VX_EUCLEAN && question.without_live)
			good[q] = undamaged[q];
		CHECK(good[q] >= 0, "search: %d", good[q]);
	}
}

static void ask(struct model *m, int *good)
{
	ask_with(m, 0, good);
}

/* Opens what is there and uses it in every way. Returns whether it could be opened. */
static int survive(struct model *m, const struct snapshot *s, int change)
{
	struct vx_index *good_index = m->index;
	struct vx_index_info info;
	int error = 0, good[QUERIES], status;

	m->index = snapshot_open(s, vx_host_allocator(), m->cpu, &error);
	if (!m->index) {
		CHECK(error == -VX_EUCLEAN || error == -VX_EINVAL, "open: %d", error);
		m->index = good_index;
		return 0;
	}
	ask(m, good);
	for (uint32_t q = 0; q < QUERIES; q++)
		CHECK(good[q] >= undamaged[q], "query %u: %d near rows, %d from the whole snapshot", q, good[q],
		      undamaged[q]);
	status = vx_index_verify(m->index);
	CHECK(status == 0 || status == -VX_EUCLEAN, "verify: %d", status);
	if (change) {
		struct vx_change again = { .id = 1001, .slot = 1, .op = VX_PUT };
		vx_s64 taken = vx_index_apply(m->index, &m->source, &again, 1, NULL);

		vx_index_info(m->index, &info);
		CHECK(taken == (status ? -VX_EUCLEAN : 1), "%lld changes taken after verify said %d", (long long)taken,
		      status);
		CHECK_EQ(info.damaged != 0, status != 0, "damaged");
		ask(m, good);
	}
	vx_index_destroy(m->index);
	m->index = good_index;
	return 1;
}

static int failing_read(void *context, vx_u64 offset, void *data, size_t bytes)
{
	struct snapshot *s = context;

	/* `used` says how many reads go well. */
	if (s->used == 0)
		return -VX_EIO;
	s->used--;
	CHECK(offset <= s->size && bytes <= s->size - offset, "read of %zu bytes at %" PRIu64 " of %zu", bytes, offset,
	      s->size);
	memcpy(data, s->bytes + offset, bytes);
	return 0;
}

/* The same where records stay in the snapshot. `at`: a byte that is damaged after its chunk was found to be right. */
static void survive_by_record(struct model *m, struct snapshot *s, size_t at)
{
	const struct vx_index_source source = { .size = s->size, .read = failing_read, .context = s, .by_record = 1 };
	struct vx_index *whole = m->index;
	int error = 0, good[QUERIES];

	s->used = ~(size_t)0;
	m->index = vx_index_open(vx_host_allocator(), m->cpu, &source, &error);
	if (m->index) {
		ask_with(m, 1, good);
		for (uint32_t q = 0; q < QUERIES; q++)
			CHECK(good[q] >= undamaged[q], "query %u: %d near rows, %d from the whole snapshot", q, good[q],
			      undamaged[q]);
		error = vx_index_verify(m->index);
		CHECK(error == 0 || error == -VX_EUCLEAN, "verify: %d", error);
		s->bytes[at] ^= 0xff;
		/* Whatever it leads to. */
		ask_with(m, 1, good);
		s->bytes[at] ^= 0xff;
		vx_index_destroy(m->index);
	} else {
		CHECK(error == -VX_EUCLEAN, "open: %d", error);
	}
	m->index = whole;
}

static void test_flips(uint32_t metric, uint32_t type, const char *title)
{
	struct model *m;
	struct snapshot s;
	uint32_t opened = 0;

	TEST(title);
	m = small_set(metric, type);
	ask(m, undamaged);
	s = snapshot_of(m->index);
	CHECK(survive(m, &s, 1), "the whole snapshot cannot be opened");
	for (size_t at = 0; at < s.size; at++) {
		uint8_t was = s.bytes[at];

		s.bytes[at] = was ^ (at % 3 == 0 ? 0xff : (uint8_t)(1u << at % 8));
		opened += (uint32_t)survive(m, &s, 1);
		survive_by_record(m, &s, at);
		s.bytes[at] = was;
		if (at % 8 == 1)
			survive_by_record(m, &s, at);
	}
	CHECK(opened < s.size, "no damage was noticed");
	CHECK(survive(m, &s, 1), "the whole snapshot cannot be opened any more");
	snapshot_free(&s);
	model_free(m);
}

static void test_cuts(void)
{
	struct model *m;
	struct snapshot s;
	size_t whole;

	TEST("a snapshot that is cut off anywhere is refused");
	m = small_set(VX_EUCLIDEAN, VX_GRAPH);
	ask(m, undamaged);
	s = snapshot_of(m->index);
	whole = s.size;
	for (size_t size = 0; size < whole; size++) {
		snapshot_cut(&s, size);
		CHECK(!survive(m, &s, 0), "%zu of %zu bytes were taken for a snapshot", size, whole);
	}
	snapshot_cut(&s, whole);
	CHECK(survive(m, &s, 1), "the whole snapshot cannot be opened");
	snapshot_free(&s);
	model_free(m);
}

static void test_failing_reads(uint32_t type)
{
	struct model *m;
	struct snapshot s;

	TEST("a snapshot whose reading fails at any point gives the error or the right answers");
	m = small_set(VX_COSINE, type);
	ask(m, undamaged);
	s = snapshot_of(m->index);
	for (size_t reads = 0;; reads++) {
		struct vx_index_source source = { .size = s.size, .read = failing_read, .context = &s };
		struct vx_index *whole = m->index, *opened;
		int error = 0, good[QUERIES], done = 0;

		CHECK(reads < 1000, "it never ends");
		s.used = reads;
		opened = vx_index_open(vx_host_allocator(), m->cpu, &source, &error);
		if (!opened) {
			CHECK_EQ(error, -VX_EIO, "open");
			continue;
		}
		m->index = opened;
		ask(m, good);
		error = vx_index_verify(opened);
		if (error == 0) {
			done = s.used > 0;
			ask(m, good);
			for (uint32_t q = 0; q < QUERIES; q++)
				CHECK_EQ(good[q], undamaged[q], "near rows");
		} else {
			CHECK(error == -VX_EIO || error == -VX_EUCLEAN, "verify: %d", error);
		}
		vx_index_destroy(opened);
		m->index = whole;
		if (done)
			break;
	}
	snapshot_free(&s);
	model_free(m);
}

int main(void)
{
	printf("snapshots of the index that are damaged\n");
	test_cuts();
	test_failing_reads(VX_GRAPH);
	test_failing_reads(VX_FLAT);
	test_flips(VX_EUCLIDEAN, VX_GRAPH, "a snapshot with any byte changed gives an error or the right answers, Euclidean");
	test_flips(VX_COSINE, VX_GRAPH, "a snapshot with any byte changed gives an error or the right answers, cosine");
	test_flips(VX_COSINE, VX_FLAT, "a snapshot with any byte changed gives an error or the right answers, without a graph");
	return 0;
}
