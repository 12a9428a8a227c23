// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The index against exact search, and its parts: codes, levels, determinism, rows by callback, sections, snapshots. */
#include "check.h"
#include "host_index.h"
#include "index.h"

#define ROWS 3000u
#define DIMS 72u
#define QUERIES 100u
#define K 10u

/* Rows around few centres in a space of few dimensions, as embeddings are. */
struct set {
	float rows[ROWS][DIMS], queries[QUERIES][DIMS];
	uint64_t ids[ROWS];
	struct vx_change puts[ROWS];
	struct vx_rows source;
};

static void set_row(float basis[12][DIMS], float *row)
{
	float at[12];

	for (int i = 0; i < 12; i++)
		at[i] = random_float() + (float)random_below(3);
	for (uint32_t d = 0; d < DIMS; d++) {
		row[d] = 0.05f * random_float();
		for (int i = 0; i < 12; i++)
			row[d] += at[i] * basis[i][d];
	}
}

static struct set *set_new(void)
{
	struct set *set = vx_host_allocate(sizeof(*set));
	float basis[12][DIMS];

	for (int i = 0; i < 12; i++)
		for (uint32_t d = 0; d < DIMS; d++)
			basis[i][d] = random_float();
	for (uint32_t s = 0; s < ROWS; s++) {
		set_row(basis, set->rows[s]);
		set->ids[s] = 1000000u - 7 * s;
		set->puts[s] = (struct vx_change){ .id = set->ids[s], .slot = s, .op = VX_PUT };
	}
	for (uint32_t q = 0; q < QUERIES; q++)
		set_row(basis, set->queries[q]);
	set->source = (struct vx_rows){ .base = set->rows, .stride = DIMS * 4, .slots = ROWS };
	return set;
}

static const struct vx_index_params plain = { .element = VX_FLOAT32, .dims = DIMS, .m = 8, .ef_construction = 64,
					      .train_rows = 500, .seed = 3 };

static struct vx_index *built(struct set *set, const struct vx_cpu *cpu, uint32_t metric, uint32_t threads)
{
	struct vx_index_params params = plain;
	int error = 0;

	params.metric = metric;
	struct vx_index *index = vx_index_create(vx_host_allocator(), cpu, &params, &error);

	CHECK(index, "create: %d", error);
	CHECK_EQ(vx_host_index_apply(index, &set->source, set->puts, ROWS, threads, NULL), ROWS, "puts");
	return index;
}

static struct vx_search search_of(struct set *set, const void *query, uint32_t ef)
{
	return (struct vx_search){ .query = query, .rows = &set->source, .ids = set->ids, .slots = ROWS, .k = K, .ef = ef };
}

/* Hits of all queries that exact search has too, in percent; each answer is checked to be in order. */
static uint32_t recall(struct set *set, struct vx_index *index, const struct vx_cpu *cpu, uint32_t metric, uint32_t ef,
		       const struct vx_filter *filter)
{
	struct vx_searcher *searcher = vx_host_searcher_create();
	uint8_t *query = vx_host_allocate(vx_query_bytes(DIMS));
	uint32_t found = 0, distances[K], slots[K], exact[K];

	for (uint32_t q = 0; q < QUERIES; q++) {
		struct vx_search search = search_of(set, query, ef);

		search.filter = filter;
		CHECK_EQ(vx_query_prepare(cpu, query, metric, VX_FLOAT32, DIMS, set->queries[q]), 0, "query");
		CHECK_EQ(vx_index_search(index, searcher, &search, distances, NULL, slots), K, "hits");
		search.flags = VX_SEARCH_EXACT;
		CHECK_EQ(vx_index_search(index, searcher, &search, NULL, NULL, exact), K, "exact hits");
		for (uint32_t i = 0; i < K; i++) {
			CHECK(i == 0 || bits_float(distances[i - 1]) <= bits_float(distances[i]), "hit %u of %u", i, q);
			for (uint32_t j = 0; j < K; j++)
				found += slots[i] == exact[j];
		}
	}
	vx_searcher_destroy(searcher);
	vx_host_release(query, vx_query_bytes(DIMS));
	return found * 100 / (QUERIES * K);
}

struct bytes {
	uint8_t *at;
	size_t used, size;
};

static int append(void *context, const void *data, size_t n)
{
	struct bytes *bytes = context;

	CHECK(n <= bytes->size - bytes->used, "the snapshot is longer than announced");
	memcpy(bytes->at + bytes->used, data, n);
	bytes->used += n;
	return 0;
}

static struct bytes saved(struct vx_index *index)
{
	struct vx_index_info info;
	struct bytes bytes;

	vx_index_info(index, &info);
	bytes = (struct bytes){ .at = aligned_alloc(4096, info.snapshot_bytes), .size = info.snapshot_bytes };
	CHECK_EQ(vx_index_save(index, append, &bytes), 0, "save");
	CHECK_EQ(bytes.used, bytes.size, "bytes saved");
	return bytes;
}

static void same_bytes(struct bytes a, struct bytes b, const char *what)
{
	CHECK_EQ(a.size, b.size, what);
	for (size_t i = 0; i < a.size; i++)
		CHECK(a.at[i] == b.at[i], "%s: byte %zu", what, i);
	free(b.at);
}

static void test_recall(struct set *set)
{
	static const char *const names[] = { "euclidean", "cosine", "dot" };

	TEST("what navigation finds is what exact search finds");
	for (uint32_t metric = 0; metric < 3; metric++) {
		EACH_CPU(cpu) {
			struct vx_index *index = built(set, cpu, metric, 1);
			uint32_t narrow = recall(set, index, cpu, metric, 16, NULL);
			uint32_t wide = recall(set, index, cpu, metric, 128, NULL);

			/* Inner product is no metric: fewer links lead to where many rows point. */
			CHECK(narrow >= (metric == VX_DOT_PRODUCT ? 40 : 80), "%s %s: recall %u %% at ef 16", names[metric],
			      isa_names[cpu->isa], narrow);
			CHECK(wide >= (metric == VX_DOT_PRODUCT ? 70 : 98), "%s %s: recall %u %% at ef 128", names[metric],
			      isa_names[cpu->isa], wide);
			vx_index_destroy(index);
		}
	}
}

static void replace(struct set *set, struct vx_index *index, uint32_t threads)
{
	struct vx_change changes[600];

	for (uint32_t i = 0; i < 600; i++)
		changes[i] = (struct vx_change){ .id = 5000000 + i, .slot = i * 3 % ROWS, .op = i % 3 ? VX_PUT : VX_DEL };
	CHECK_EQ(vx_host_index_apply(index, &set->source, changes, 600, threads, NULL), 600, "changes");
}

static void test_determinism(struct set *set)
{
	TEST("the same changes leave the same bytes on every CPU and with any number of threads");
	for (uint32_t metric = 0; metric < 2; metric++) {
		struct vx_index *first = built(set, vx_host_cpu(VX_ISA_SCALAR), metric, 1);
		struct bytes expected;

		replace(set, first, 1);
		expected = saved(first);
		EACH_CPU(cpu) {
			for (uint32_t threads = 1; threads <= 3; threads += 2) {
				struct vx_index *index = built(set, cpu, metric, threads);

				replace(set, index, threads);
				same_bytes(expected, saved(index), isa_names[cpu->isa]);
				vx_index_destroy(index);
			}
		}
		free(expected.at);
		vx_index_destroy(first);
	}
}

static void test_levels(void)
{
	const struct vx_index_params params = { .element = VX_FLOAT32, .dims = 4, .m = 16 };
	struct vx_index *index = vx_host_index_create(&params, VX_ISA_SCALAR, NULL);
	uint32_t counts[VX_MAX_LEVEL + 1] = { 0 };

	TEST("one node in M reaches the next level, whatever the ids");
	for (uint32_t i = 0; i < 400000; i++)
		counts[vx_level_of(index, i % 2 ? i : (uint64_t)i << 32)]++;
	for (uint32_t level = 0, above = 400000; level < 3; level++) {
		above -= counts[level];
		/* Within a tenth and five: the standard deviation of the last is eight. */
		uint32_t share = 400000u >> 4 * (level + 1);

		CHECK(above < share + share / 10 + 40 && above + share / 10 + 40 > share, "%u above level %u, expected %u",
		      above, level, share);
	}
	vx_index_destroy(index);
}

static void test_rotation(void)
{
	static const uint32_t shapes[] = { 1, 2, 3, 5, 16, 17, 48, 63, 64, 100, 129, 255, 256, 300, 768, 1000 };

	TEST("a rotation keeps lengths and has the same bits on every CPU");
	for (uint32_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct vx_index_params params = { .element = VX_FLOAT32, .dims = shapes[i], .m = 4, .seed = i };
		struct vx_index *index = vx_host_index_create(&params, VX_ISA_SCALAR, NULL);
		size_t bytes = (size_t)index->coder.padded * 4;
		float *row = vx_host_allocate(bytes), *first = vx_host_allocate(bytes), *turned = vx_host_allocate(bytes);
		double before = 0, after = 0;

		for (uint32_t d = 0; d < shapes[i]; d++) {
			row[d] = random_float();
			before += (double)row[d] * (double)row[d];
		}
		memcpy(first, row, bytes);
		vx_navigation_scalar.rotate(index->cpu.kernels, &index->coder, first);
		for (uint32_t d = 0; d < shapes[i]; d++)
			after += (double)first[d] * (double)first[d];
		CHECK(after > before * 0.9999 && after < before * 1.0001, "%u dimensions: %g became %g", shapes[i], before,
		      after);
		EACH_CPU(cpu) {
			memcpy(turned, row, bytes);
			cpu->navigation->rotate(cpu->kernels, &index->coder, turned);
			CHECK(memcmp(turned, first, bytes) == 0, "%s differs in %u dimensions", isa_names[cpu->isa],
			      shapes[i]);
		}
		vx_host_release(row, bytes);
		vx_host_release(first, bytes);
		vx_host_release(turned, bytes);
		vx_index_destroy(index);
	}
}

/* Rows by callback, as from pages; sections must be left before. */
static __thread int in_section, pinned;
static uint32_t sections, fetched;

static void section_begin(void)
{
	CHECK(!in_section, "sections do not nest");
	in_section = 1;
	sections++;
}

static void section_end(void)
{
	CHECK(in_section, "a section that was not begun");
	in_section = 0;
}

static int get_rows(void *context, const uint32_t *slots, uint32_t n, const void **rows)
{
	struct set *set = context;

	CHECK(!in_section && !pinned && n > 0 && n <= VX_ROWS_AT_ONCE, "%u rows, %d pinned", n, pinned);
	pinned = 1;
	fetched += n;
	for (uint32_t i = 0; i < n; i++)
		rows[i] = set->rows[slots[i]];
	return 0;
}

static void put_rows(void *context, const void *const *rows, uint32_t n)
{
	(void)context;
	CHECK(!in_section && pinned && rows[0] && n, "put without get");
	pinned = 0;
}

static void *alloc_outside(void *context, size_t bytes)
{
	(void)context;
	CHECK(!in_section, "an allocation of %zu bytes inside a section", bytes);
	return vx_host_allocate(bytes);
}

static void free_outside(void *context, void *memory, size_t bytes)
{
	(void)context;
	CHECK(!in_section, "memory is freed inside a section");
	vx_host_release(memory, bytes);
}

static void test_callbacks(struct set *set)
{
	const struct vx_alloc alloc = { .alloc = alloc_outside, .free = free_outside };
	struct vx_cpu cpu = *vx_host_cpu(VX_ISA_BEST);
	struct vx_rows paged = { .get = get_rows, .put = put_rows, .context = set, .slots = ROWS }, plain_rows = set->source;
	struct vx_index *by_range = built(set, &cpu, VX_EUCLIDEAN, 1), *index;
	struct vx_index_params params = plain;

	TEST("rows by callback give the same graph and answers, and nothing is called or allocated inside a section");
	cpu.simd_begin = section_begin;
	cpu.simd_end = section_end;
	index = vx_index_create(&alloc, &cpu, &params, NULL);
	set->source = paged;
	CHECK_EQ(vx_index_apply(index, &set->source, set->puts, ROWS, NULL), ROWS, "puts");
	CHECK(recall(set, index, &cpu, VX_EUCLIDEAN, 128, NULL) >= 98, "recall");
	CHECK(sections > ROWS && fetched > ROWS, "%u sections, %u rows", sections, fetched);
	set->source = plain_rows;
	{
		struct bytes expected = saved(by_range);

		same_bytes(expected, saved(index), "rows by callback");
		free(expected.at);
	}
	vx_index_destroy(by_range);
	vx_index_destroy(index);
}

static int failing_rows(void *context, const uint32_t *slots, uint32_t n, const void **rows)
{
	struct set *set = context;

	for (uint32_t i = 0; i < n; i++) {
		if (slots[i] == 700)
			return -VX_EIO;
		rows[i] = set->rows[slots[i]];
	}
	return 0;
}

static void test_unreadable(struct set *set)
{
	struct vx_rows broken = { .get = failing_rows, .context = set, .slots = ROWS };
	struct vx_index_params params = plain;
	struct vx_index *index = vx_host_index_create(&params, VX_ISA_BEST, NULL);
	struct vx_index_info info;
	vx_s64 taken;

	TEST("a row that cannot be read undoes its round, which succeeds later");
	taken = vx_index_apply(index, &broken, set->puts, ROWS, NULL);
	CHECK(taken >= 500 && taken <= 700, "%lld changes were taken before the one that fails", (long long)taken);
	CHECK_EQ(vx_index_apply(index, &broken, set->puts + taken, ROWS - (size_t)taken, NULL), -VX_EIO, "once more");
	vx_index_info(index, &info);
	CHECK_EQ(info.rows, taken, "rows held");
	CHECK_EQ(vx_index_apply(index, &set->source, set->puts + taken, ROWS - (size_t)taken, NULL), ROWS - taken, "rest");
	CHECK(recall(set, index, vx_host_cpu(VX_ISA_BEST), VX_EUCLIDEAN, 128, NULL) >= 98, "recall");
	vx_index_destroy(index);
}

static void test_filters(struct set *set)
{
	const struct vx_cpu *cpu = vx_host_cpu(VX_ISA_BEST);
	struct vx_index *index = built(set, cpu, VX_EUCLIDEAN, 1);
	static uint64_t bits[ROWS / 64 + 1];

	TEST("filters that keep most, some or few rows");
	for (uint32_t keep = 1; keep <= 100; keep = keep < 10 ? keep + 9 : keep + 30) {
		struct vx_filter by_slot = { .slot_bits = bits };
		struct vx_filter by_id = { .id_min = 1000000u - 7 * (ROWS * keep / 100), .id_max = 1000000 };

		memset(bits, 0, sizeof(bits));
		for (uint32_t s = 0; s < ROWS; s++)
			if (random_below(100) < keep)
				bits[s / 64] |= 1ull << s % 64;
		CHECK(recall(set, index, cpu, VX_EUCLIDEAN, 64, &by_slot) >= 95, "slots, %u %%", keep);
		CHECK(recall(set, index, cpu, VX_EUCLIDEAN, 64, &by_id) >= 95, "ids, %u %%", keep);
	}
	vx_index_destroy(index);
}

static int read_bytes(void *context, vx_u64 offset, void *data, size_t n)
{
	struct bytes *bytes = context;

	CHECK(!in_section && offset + n <= bytes->size, "read %zu at %llu", n, (unsigned long long)offset);
	memcpy(data, bytes->at + offset, n);
	return 0;
}

static void test_snapshots(struct set *set)
{
	const struct vx_cpu *cpu = vx_host_cpu(VX_ISA_BEST);

	TEST("a snapshot goes on where the index was, mapped or read, before and after training");
	for (uint32_t rows = 300; rows <= ROWS; rows += 2100) {
		struct vx_index_params params = plain;
		struct vx_index *index = vx_index_create(vx_host_allocator(), cpu, &params, NULL);
		struct bytes at_rest, later;

		CHECK_EQ(vx_index_apply(index, &set->source, set->puts, rows, NULL), rows, "puts");
		vx_index_set_position(index, 77 + rows);
		at_rest = saved(index);
		replace(set, index, 2);
		later = saved(index);
		vx_index_destroy(index);
		for (int mapped = 0; mapped < 2; mapped++) {
			struct vx_index_source source = { .bytes = mapped ? at_rest.at : NULL, .size = at_rest.size,
							  .read = read_bytes, .context = &at_rest };
			struct vx_index_info info;
			int error = 0;

			index = vx_index_open(vx_host_allocator(), cpu, &source, &error);
			CHECK(index, "open: %d", error);
			vx_index_info(index, &info);
			CHECK_EQ(info.position, 77 + rows, "position");
			CHECK_EQ(info.rows, rows, "rows");
			CHECK(recall(set, index, cpu, VX_EUCLIDEAN, 128, NULL) >= 98, "recall of %u", rows);
			same_bytes(at_rest, saved(index), "saved again");
			replace(set, index, 1);
			same_bytes(later, saved(index), "changed and saved");
			vx_index_destroy(index);
		}
		free(at_rest.at);
		free(later.at);
	}
}

static void test_churn(struct set *set)
{
	const struct vx_cpu *cpu = vx_host_cpu(VX_ISA_BEST);
	struct vx_index *index = built(set, cpu, VX_EUCLIDEAN, 1), *fresh;
	struct vx_index_info before, after;
	uint32_t aged, young;

	TEST("rows replaced many times over cost neither recall nor memory");
	vx_index_info(index, &before);
	for (uint32_t round = 0; round < 60; round++) {
		struct vx_change changes[200];

		for (uint32_t i = 0; i < 100; i++) {
			const uint32_t slot = (round * 100 + i) * 17 % ROWS, other = random_below(ROWS);
			float row[DIMS];

			/* Rows change places, so that the set stays what it is. */
			memcpy(row, set->rows[slot], sizeof(row));
			memcpy(set->rows[slot], set->rows[other], sizeof(row));
			memcpy(set->rows[other], row, sizeof(row));
			changes[2 * i] = (struct vx_change){ .id = set->ids[slot], .slot = slot, .op = VX_PUT };
			changes[2 * i + 1] = (struct vx_change){ .id = set->ids[other], .slot = other, .op = VX_PUT };
		}
		CHECK_EQ(vx_host_index_apply(index, &set->source, changes, 200, 2, NULL), 200, "changes");
	}
	fresh = built(set, cpu, VX_EUCLIDEAN, 1);
	vx_index_info(index, &after);
	aged = recall(set, index, cpu, VX_EUCLIDEAN, 24, NULL);
	young = recall(set, fresh, cpu, VX_EUCLIDEAN, 24, NULL);
	CHECK(aged + 2 >= young, "recall %u %%, of a fresh index %u %%", aged, young);
	CHECK(after.graph_bytes == before.graph_bytes && after.rows == before.rows, "%llu bytes became %llu",
	      (unsigned long long)before.graph_bytes, (unsigned long long)after.graph_bytes);
	vx_index_destroy(index);
	vx_index_destroy(fresh);
}

static void test_generations(struct set *set)
{
	struct vx_index *index = built(set, vx_host_cpu(VX_ISA_BEST), VX_EUCLIDEAN, 2);
	struct vx_index_info info;

	TEST("codes are made anew when there are four times as many rows");
	vx_index_info(index, &info);
	CHECK_EQ(info.generation, 2, "generation after 3000 rows, trained on 500");
	CHECK_EQ(info.waiting, 0, "rows that wait");
	vx_index_destroy(index);
}

static void test_tail(struct set *set)
{
	const struct vx_cpu *cpu = vx_host_cpu(VX_ISA_BEST);
	struct vx_index *index = built(set, cpu, VX_COSINE, 1);
	struct vx_searcher *searcher = vx_host_searcher_create();
	uint8_t *query = vx_host_allocate(vx_query_bytes(DIMS));
	uint32_t tail[] = { 5, 9, 5, 2999, 9 }, slots[K];
	static uint64_t live[ROWS / 64 + 1];

	TEST("a slot of the tail is found by what its row is now, once");
	memset(live, 0xff, sizeof(live));
	for (uint32_t i = 0; i < sizeof(tail) / sizeof(tail[0]); i++) {
		struct vx_search search = search_of(set, query, 64);
		uint32_t seen = 0;

		search.live = live;
		search.tail = tail;
		search.tail_count = sizeof(tail) / sizeof(tail[0]);
		memcpy(set->rows[tail[i]], set->queries[i], sizeof(set->rows[0]));
		CHECK_EQ(vx_query_prepare(cpu, query, VX_COSINE, VX_FLOAT32, DIMS, set->queries[i]), 0, "query");
		CHECK_EQ(vx_index_search(index, searcher, &search, NULL, NULL, slots), K, "hits");
		CHECK_EQ(slots[0], tail[i], "the nearest");
		for (uint32_t j = 0; j < K; j++)
			seen += slots[j] == tail[i];
		CHECK_EQ(seen, 1, "how often it is found");
	}
	vx_searcher_destroy(searcher);
	vx_host_release(query, vx_query_bytes(DIMS));
	vx_index_destroy(index);
}

int main(void)
{
	struct set *set = set_new();

	puts("the index");
	test_levels();
	test_rotation();
	test_recall(set);
	test_determinism(set);
	test_generations(set);
	test_callbacks(set);
	test_unreadable(set);
	test_filters(set);
	test_snapshots(set);
	test_churn(set);
	test_tail(set);
	vx_host_release(set, sizeof(*set));
	return 0;
}
