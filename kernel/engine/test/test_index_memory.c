// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Every allocation of the index fails in turn: the call says so, nothing is lost, and it works once there is memory. */
#include "index_model.h"

#define DIMS 12u
#define FIRST 300u
#define SECOND 420u

static struct {
	int64_t until_failure; /* allocations that go well first; negative: all */
	int for_good;          /* every one after that fails too */
	int failed;
	int64_t bytes, count;
} memory;

static void *counted_alloc(void *context, size_t bytes)
{
	void *block;

	(void)context;
	memory.count++;
	if (memory.until_failure == 0 || (memory.failed && memory.for_good)) {
		memory.failed = 1;
		memory.until_failure = -1;
		return NULL;
	}
	if (memory.until_failure > 0)
		memory.until_failure--;
	block = vx_host_allocate(bytes);
	if (block)
		memory.bytes += (int64_t)bytes;
	return block;
}

static void counted_free(void *context, void *block, size_t bytes)
{
	(void)context;
	if (block)
		memory.bytes -= (int64_t)bytes;
	vx_host_release(block, bytes);
}

static const struct vx_alloc counted = { .alloc = counted_alloc, .free = counted_free };

static void there_is_memory_again(void)
{
	memory.until_failure = -1;
	memory.failed = 0;
}

/* The call failed for want of memory, and memory did fail: from now on there is enough. */
static void excused(int64_t status, const char *what)
{
	CHECK(status == -VX_ENOMEM && memory.failed, "%s: %lld", what, (long long)status);
	there_is_memory_again();
}

static void take(struct model *m, uint32_t threads)
{
	int status = model_take(m, threads);

	if (status != 0) {
		excused(status, "take");
		CHECK_EQ(model_take(m, threads), 0, "take again");
	}
}

static void search(struct model *m, uint32_t k, const struct vx_filter *filter)
{
	float query[DIMS];
	uint32_t wanted;
	struct question question = { .query = query, .k = k, .filter = filter };

	for (uint32_t d = 0; d < DIMS; d++)
		query[d] = (float)d;
	if (!m->searcher) {
		m->searcher = vx_searcher_create(&counted);
		if (!m->searcher) {
			excused(-VX_ENOMEM, "searcher");
			m->searcher = vx_searcher_create(&counted);
			CHECK(m->searcher, "searcher again");
		}
	}
	int status = model_search(m, &question, &wanted);
	if (status < 0) {
		excused(status, "search");
		status = model_search(m, &question, &wanted);
	}
	CHECK(status >= 0, "search: %d", status);
}

static struct vx_index *reopened(struct model *m, const struct snapshot *s)
{
	int error = 0;
	struct vx_index *index = snapshot_open(s, &counted, m->cpu, &error);

	if (!index) {
		excused(error, "open");
		index = snapshot_open(s, &counted, m->cpu, &error);
	}
	CHECK(index, "open: %d", error);
	return index;
}

static void put_rows(struct model *m, uint32_t from, uint32_t to)
{
	float row[DIMS];

	for (uint32_t s = from; s < to; s++) {
		for (uint32_t d = 0; d < DIMS; d++)
			row[d] = random_float() * 20;
		model_put(m, s, s, row);
	}
}

/* A life of an index: built, searched, saved, opened, changed. Returns what it saves at the end. */
static struct snapshot live(uint32_t metric, uint32_t type)
{
	struct vx_index_params params = { .metric = metric, .element = VX_FLOAT32, .dims = DIMS, .m = 5,
					  .ef_construction = 30, .train_rows = 100, .seed = 1, .type = type };
	uint64_t some[MODEL_SLOTS / 64] = { 0x1111 };
	struct vx_filter filter = { .slot_bits = some };
	struct model *m = model_rows(&params, vx_host_cpu(VX_ISA_BEST));
	struct snapshot first, last;
	int error = 0;

	random_state = 7;
	m->index = vx_index_create(&counted, m->cpu, &params, &error);
	if (!m->index) {
		excused(error, "create");
		m->index = vx_index_create(&counted, m->cpu, &params, &error);
		CHECK(m->index, "create again: %d", error);
	}
	put_rows(m, 0, FIRST);
	take(m, 1);
	search(m, 10, NULL);
	for (uint32_t s = 0; s < FIRST; s += 3)
		model_delete(m, s);
	take(m, 2);
	search(m, 400, NULL);
	first = snapshot_of(m->index);
	vx_index_destroy(m->index);
	m->index = reopened(m, &first);
	search(m, 10, &filter);
	error = vx_index_verify(m->index);
	if (error != 0) {
		excused(error, "verify");
		CHECK_EQ(vx_index_verify(m->index), 0, "verify again");
	}
	put_rows(m, FIRST, SECOND);
	take(m, 1);
	put_rows(m, 10, 20);
	take(m, 1);
	search(m, 10, NULL);
	last = snapshot_of(m->index);
	vx_searcher_destroy(m->searcher);
	vx_index_destroy(m->index);
	snapshot_free(&first);
	vx_host_release(m, sizeof(*m));
	CHECK_EQ(memory.bytes, 0, "bytes that were not freed");
	return last;
}

static void test_failures(uint32_t metric, uint32_t type, int for_good, const char *title)
{
	struct snapshot undisturbed, s;
	int64_t sites, failures = 0;

	TEST(title);
	memory.for_good = 0;
	there_is_memory_again();
	memory.count = 0;
	undisturbed = live(metric, type);
	sites = memory.count;
	for (int64_t site = 0; site < sites; site++) {
		memory.for_good = for_good;
		there_is_memory_again();
		memory.until_failure = site;
		s = live(metric, type);
		failures += memory.until_failure < 0;
		CHECK(s.size == undisturbed.size && memcmp(s.bytes, undisturbed.bytes, s.size) == 0,
		      "after allocation %lld failed the index is another", (long long)site);
		snapshot_free(&s);
	}
	CHECK(sites >= 20 && failures == sites, "%lld of %lld allocations failed", (long long)failures,
	      (long long)sites);
	snapshot_free(&undisturbed);
}

int main(void)
{
	printf("memory that runs out in the index\n");
	test_failures(VX_EUCLIDEAN, VX_GRAPH, 0, "an allocation that fails once is reported and changes nothing");
	test_failures(VX_EUCLIDEAN, VX_GRAPH, 1, "memory that is gone until the call has failed changes nothing");
	test_failures(VX_COSINE, VX_GRAPH, 1, "the same without training");
	test_failures(VX_COSINE, VX_FLAT, 1, "the same without a graph");
	return 0;
}
