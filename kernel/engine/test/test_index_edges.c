// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The index at its limits: parameters, few rows, equal rows, zero vectors, rows outside the range of the codes. */
#include "index_model.h"

static const struct vx_index_params plain = { .metric = VX_EUCLIDEAN, .element = VX_FLOAT32, .dims = 16, .m = 6,
					       .ef_construction = 40, .train_rows = 50, .seed = 9 };

static int created(struct vx_index_params params)
{
	int error = 1;
	struct vx_index *index = vx_index_create(vx_host_allocator(), vx_host_cpu(VX_ISA_BEST), &params, &error);

	if (!index)
		return error;
	vx_index_destroy(index);
	return 0;
}

static void test_parameters(void)
{
	struct vx_index_params p;

	TEST("parameters out of range are refused, those at the ends are taken");
#define PARAMETER(field, value, status)                                                 \
	do {                                                                            \
		p = plain;                                                              \
		p.field = (value);                                                      \
		CHECK_EQ(created(p), status, #field " " #value);                        \
	} while (0)
	PARAMETER(metric, 3, -VX_EINVAL);
	PARAMETER(metric, 0xffffffffu, -VX_EINVAL);
	PARAMETER(element, 0, -VX_EINVAL);
	PARAMETER(element, 5, -VX_EINVAL);
	PARAMETER(dims, 0, -VX_EINVAL);
	PARAMETER(dims, 1, 0);
	PARAMETER(dims, VX_MAX_DIMS, 0);
	PARAMETER(dims, VX_MAX_DIMS + 1, -VX_EINVAL);
	PARAMETER(m, VX_MIN_M - 1, -VX_EINVAL);
	PARAMETER(m, VX_MIN_M, 0);
	PARAMETER(m, VX_MAX_M, 0);
	PARAMETER(m, VX_MAX_M + 1, -VX_EINVAL);
	PARAMETER(m, 0xffffffffu, -VX_EINVAL);
	PARAMETER(ef_construction, 1, 0);
	PARAMETER(ef_construction, VX_MAX_EF, 0);
	PARAMETER(ef_construction, VX_MAX_EF + 1, -VX_EINVAL);
	PARAMETER(train_rows, 1, 0);
	PARAMETER(train_rows, VX_MAX_TRAIN_ROWS, 0);
	PARAMETER(train_rows, VX_MAX_TRAIN_ROWS + 1, -VX_EINVAL);
	PARAMETER(type, VX_FLAT + 1, -VX_EINVAL);
	PARAMETER(type, VX_FLAT, -VX_EINVAL);
	PARAMETER(reserved, 1, -VX_EINVAL);
#undef PARAMETER
}

static void random_row(float *row, uint32_t dims)
{
	for (uint32_t d = 0; d < dims; d++)
		row[d] = random_float() * 10;
}

static int asked(struct model *m, const float *query, uint32_t k, uint32_t ef)
{
	struct question question = { .query = query, .k = k, .ef = ef };
	uint32_t wanted;
	int good = model_search(m, &question, &wanted);

	return good < 0 ? good : (int)wanted - good;
}

static void test_search_limits(void)
{
	struct model *m = model_new(&plain, vx_host_cpu(VX_ISA_BEST));
	float row[16], query[16];
	struct question question = { .query = query, .k = 1 };
	uint32_t wanted;

	TEST("k, ef and flags out of range are refused, those at the ends answered");
	for (uint32_t s = 0; s < 200; s++) {
		random_row(row, 16);
		model_put(m, s, s, row);
	}
	CHECK_EQ(model_take(m, 1), 0, "take");
	random_row(query, 16);
	question.k = 0;
	CHECK_EQ(model_search(m, &question, &wanted), -VX_EINVAL, "k 0");
	question.k = VX_MAX_K + 1;
	CHECK_EQ(model_search(m, &question, &wanted), -VX_EINVAL, "k 10,001");
	question.k = VX_MAX_K;
	CHECK_EQ(model_search(m, &question, &wanted), 200, "k 10,000");
	question.k = 5;
	question.ef = VX_MAX_EF + 1;
	CHECK_EQ(model_search(m, &question, &wanted), -VX_EINVAL, "ef 10,001");
	question.ef = VX_MAX_EF;
	CHECK_EQ(model_search(m, &question, &wanted), 5, "ef 10,000");
	question.ef = 1;
	CHECK(model_search(m, &question, &wanted) >= 0, "ef 1 is raised to k");
	question.flags = 2;
	CHECK_EQ(model_search(m, &question, &wanted), -VX_EINVAL, "an unknown flag");
	question.flags = VX_SEARCH_EXACT;
	CHECK_EQ(model_search(m, &question, &wanted), 5, "exact");
	model_free(m);
}

static void test_changes_refused(void)
{
	struct model *m = model_new(&plain, vx_host_cpu(VX_ISA_BEST));
	struct vx_change bad[] = {
		{ .id = 1, .slot = MODEL_SLOTS, .op = VX_PUT },
		{ .id = 1, .slot = VX_MAX_INDEX_SLOTS, .op = VX_PUT },
		{ .id = 1, .slot = VX_NO_SLOT, .op = VX_PUT },
		{ .id = VX_NO_ID, .slot = 3, .op = VX_PUT },
		{ .id = 1, .slot = 3, .op = 0 },
		{ .id = 1, .slot = 3, .op = 3 },
	};
	struct vx_change nothing = { .slot = 77, .op = VX_DEL };
	struct vx_index_info info;
	float row[16];

	TEST("changes that cannot be are refused and change nothing");
	random_row(row, 16);
	model_put(m, 3, 30, row);
	CHECK_EQ(model_take(m, 1), 0, "take");
	struct snapshot before = snapshot_of(m->index);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(vx_index_apply(m->index, &m->source, &bad[i], 1, NULL) == -VX_EINVAL, "change %u was taken", i);
	CHECK_EQ(vx_index_begin(m->index, &m->source, &nothing, 0, 1), 0, "no changes");
	CHECK(vx_index_begin(m->index, &m->source, &nothing, 1, 0) == -VX_EINVAL, "no workers");
	CHECK(vx_index_begin(m->index, &m->source, &nothing, 1, VX_MAX_WORKERS + 1) == -VX_EINVAL, "65 workers");
	struct snapshot after = snapshot_of(m->index);
	CHECK(before.size == after.size && memcmp(before.bytes, after.bytes, before.size) == 0, "something changed");
	CHECK_EQ(vx_index_apply(m->index, &m->source, &nothing, 1, NULL), 1, "deleting what is not there");
	vx_index_info(m->index, &info);
	CHECK_EQ(info.rows, 1, "rows");
	snapshot_free(&before);
	snapshot_free(&after);
	model_free(m);
}

/* Grows from nothing, is emptied again, and grows anew; every answer on the way is right, small sets are complete. */
static void test_few_rows(uint32_t metric)
{
	struct vx_index_params params = plain;
	float row[16];

	params.metric = metric;
	for (uint32_t train = 1; train <= 9; train += 4) {
		params.train_rows = train;
		struct model *m = model_new(&params, vx_host_cpu(VX_ISA_BEST));

		for (int life = 0; life < 2; life++) {
			random_row(row, 16);
			CHECK_EQ(asked(m, row, 5, 0), 0, "empty");
			for (uint32_t s = 0; s < 12; s++) {
				random_row(row, 16);
				model_put(m, s * 7, 100 - s, row);
				CHECK_EQ(model_take(m, 1), 0, "take");
				CHECK_EQ(asked(m, row, 1, 0), 0, "itself");
				CHECK_EQ(asked(m, row, 20, 0), 0, "all");
				struct snapshot s2 = snapshot_of(m->index);
				int error = 0;
				struct vx_index *again = snapshot_open(&s2, vx_host_allocator(), m->cpu, &error);

				CHECK(again, "a snapshot of %u rows: %d", s + 1, error);
				CHECK_EQ(vx_index_verify(again), 0, "verify");
				vx_index_destroy(again);
				snapshot_free(&s2);
			}
			for (uint32_t s = 0; s < 12; s++) {
				model_delete(m, s * 7);
				CHECK_EQ(model_take(m, 1), 0, "take");
				CHECK_EQ(asked(m, row, 20, 0), 0, "those that are left");
			}
		}
		model_free(m);
	}
}

static void test_equal_rows(uint32_t metric, int zero)
{
	struct vx_index_params params = plain;
	float row[16] = { 0 }, other[16];

	params.metric = metric;
	struct model *m = model_new(&params, vx_host_cpu(VX_ISA_BEST));

	if (!zero)
		random_row(row, 16);
	for (uint32_t s = 0; s < 600; s++)
		model_put(m, s, 5000 - s, row);
	CHECK_EQ(model_take(m, 2), 0, "take");
	CHECK_EQ(asked(m, row, 10, 64), 0, "any of them is as near");
	CHECK_EQ(asked(m, row, 900, 0), 0, "all of them");
	random_row(other, 16);
	CHECK_EQ(asked(m, other, 10, 64), 0, "from elsewhere");
	/* One row that differs has to be found among them. */
	model_put(m, 700, 1, other);
	CHECK_EQ(model_take(m, 1), 0, "take");
	CHECK_EQ(asked(m, other, 1, 64), 0, "the one that differs");
	for (uint32_t s = 0; s < 599; s++)
		model_delete(m, s);
	CHECK_EQ(model_take(m, 1), 0, "take");
	CHECK_EQ(asked(m, other, 10, 0), 0, "two rows left");
	model_free(m);
}

/* Groups of equal rows, each larger than ef, that come one after the other or mixed: each is reached from every other. */
static void test_equal_groups(uint32_t metric, int mixed)
{
	enum { GROUPS = 12, EACH = 70, ROWS = GROUPS * EACH };
	struct vx_index_params params = plain;
	float rows[GROUPS][16];
	uint32_t misses = 0;

	params.metric = metric;
	params.m = VX_DEFAULT_M;
	params.ef_construction = VX_DEFAULT_EF_CONSTRUCTION;
	struct model *m = model_new(&params, vx_host_cpu(VX_ISA_BEST));

	for (uint32_t group = 0; group < GROUPS; group++)
		random_row(rows[group], 16);
	for (uint32_t s = 0; s < ROWS; s++)
		model_put(m, s, s, rows[mixed ? s % GROUPS : s / EACH]);
	CHECK_EQ(model_take(m, 2), 0, "take");
	for (uint32_t group = 0; group < GROUPS; group++)
		misses += (uint32_t)asked(m, rows[group], 10, 64);
	for (uint32_t s = 0; s < ROWS; s++)
		if (s % 10)
			model_delete(m, s);
	CHECK_EQ(model_take(m, 2), 0, "take");
	for (uint32_t group = 0; group < GROUPS; group++)
		misses += (uint32_t)asked(m, rows[group], 3, 64);
	CHECK(misses == 0, "%u rows missed by metric %u, %s", misses, metric, mixed ? "mixed" : "group by group");
	model_free(m);
}

/* Recall is not at stake, answers are: rows far outside of what the codes were trained on. */
static void test_clipping(uint32_t metric)
{
	static const float scales[] = { 1, 1e-30f, 1e-42f, 1e6f, 1e15f, 3e18f, 1e30f, 3e38f };
	struct vx_index_params params = plain;
	float row[16];
	uint32_t misses = 0, searches = 0;

	params.metric = metric;
	struct model *m = model_new(&params, vx_host_cpu(VX_ISA_BEST));

	for (uint32_t s = 0; s < 900; s++) {
		float scale = s < 100 ? 1 : scales[s % 8];

		for (uint32_t d = 0; d < 16; d++)
			row[d] = random_float() * scale;
		model_put(m, s, s, row);
	}
	CHECK_EQ(model_take(m, 1), 0, "take");
	for (uint32_t i = 0; i < 64; i++) {
		struct question question = { .query = row, .k = 10, .ef = 100, .without_live = i & 1 };
		uint32_t wanted;
		int good;

		for (uint32_t d = 0; d < 16; d++)
			row[d] = random_float() * scales[i % 8];
		good = model_search(m, &question, &wanted);
		CHECK(good >= 0, "search at scale %g: %d", (double)scales[i % 8], good);
		misses += wanted - (uint32_t)good;
		searches += wanted;
	}
	CHECK(misses < searches, "nothing was found at all");
	model_free(m);
}

static void test_not_finite(uint32_t metric)
{
	static const uint32_t bits[] = { 0x7fc00000u, 0x7f800000u, 0xff800000u, 0xffffffffu };
	struct vx_index_params params = plain;
	struct vx_index_info info;
	float row[16];

	params.metric = metric;
	struct model *m = model_new(&params, vx_host_cpu(VX_ISA_BEST));

	for (uint32_t s = 0; s < 300; s++) {
		random_row(row, 16);
		model_put(m, s, s, row);
		if (s % 5 == 0)
			memcpy(m->rows + s * m->row_bytes + (s / 5 % 16) * 4, &bits[s / 5 % 4], 4);
	}
	CHECK_EQ(model_take(m, 2), 0, "take");
	vx_index_info(m->index, &info);
	CHECK_EQ(info.unmatched, 60, "rows that match nothing");
	random_row(row, 16);
	CHECK(asked(m, row, 10, 64) >= 0, "search");
	CHECK_EQ(asked(m, row, 400, 0), 0, "the finite ones");
	for (uint32_t s = 0; s < 300; s += 5) {
		if (s % 2) {
			model_delete(m, s);
		} else {
			random_row(row, 16);
			model_put(m, s, s, row);
		}
	}
	CHECK_EQ(model_take(m, 1), 0, "take");
	vx_index_info(m->index, &info);
	CHECK_EQ(info.unmatched, 0, "rows that match nothing");
	CHECK_EQ(info.rows, 270, "rows");
	CHECK_EQ(asked(m, row, 400, 0), 0, "all");
	model_free(m);
}

/* Every element type in dimensions around the widths of vectors and of rotation blocks. */
static void test_shapes(uint32_t element)
{
	static const uint32_t shapes[] = { 1, 2, 3, 15, 17, 31, 33, 63, 64, 65, 96 };
	struct vx_index_params params = plain;
	float row[MODEL_DIMS];

	params.element = element;
	for (uint32_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		for (params.metric = 0; params.metric < 3; params.metric++) {
			/* On a line all angles are 0 or 180 degrees. */
			const float within = params.metric == VX_COSINE && shapes[i] == 1 ? 1e-6f : 0;
			uint32_t near = 0, all = 0;

			params.dims = shapes[i];
			struct model *m = model_new(&params, vx_host_cpu(VX_ISA_BEST));

			for (uint32_t s = 0; s < 200; s++) {
				random_row(row, params.dims);
				model_put(m, s, s, row);
			}
			CHECK_EQ(model_take(m, 1), 0, "take");
			for (uint32_t q = 0; q < 8; q++) {
				struct question question = { .query = row, .k = 10, .ef = 100, .within = within };
				uint32_t wanted;
				int good;

				random_row(row, params.dims);
				/* Codes have the range of the rows: a query far outside of it is mostly reranking. */
				for (uint32_t d = 0; element == VX_BINARY && d < params.dims; d++)
					row[d] = row[d] > 0;
				good = model_search(m, &question, &wanted);
				CHECK(good >= 0, "dims %u metric %u: %d", params.dims, params.metric, good);
				near += (uint32_t)good;
				all += wanted;
			}
			CHECK(near * 10 >= all * 9, "dims %u, metric %u, element %u: %u of %u near rows found", params.dims,
			      params.metric, element, near, all);
			model_free(m);
		}
	}
}

int main(void)
{
	printf("the index at its limits\n");
	test_parameters();
	test_search_limits();
	test_changes_refused();
	for (uint32_t metric = 0; metric < 3; metric++) {
		TEST("few rows are complete, from none to none");
		test_few_rows(metric);
		TEST("rows that are all equal");
		test_equal_rows(metric, 0);
		TEST("rows that are all zero");
		test_equal_rows(metric, 1);
		TEST("groups of equal rows");
		test_equal_groups(metric, 0);
		test_equal_groups(metric, 1);
		TEST("rows outside the range of the codes");
		test_clipping(metric);
		TEST("rows that are not finite match nothing until they are replaced");
		test_not_finite(metric);
	}
	TEST("every element type in every shape");
	for (uint32_t element = VX_FLOAT32; element <= VX_BINARY; element++)
		test_shapes(element);
	return 0;
}
