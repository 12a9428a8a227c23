// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Searches beside a builder and beside each other. Made to be run with the thread sanitizer. */
#include <pthread.h>
#include <stdatomic.h>

#include "index_model.h"

#define DIMS 24u
#define K 8u
#define SEARCHERS 2u
/* Searches of one thread beside one builder, at least and at most. */
#define LEAST_SEARCHES 20u
#define MOST_SEARCHES 300u

static struct vx_index_params params = { .element = VX_FLOAT32, .dims = DIMS, .m = 6, .ef_construction = 40,
					  .train_rows = 128, .seed = 2 };

struct shared {
	struct model *m;
	/* Changes that the index has taken: those after it are the searchers' tail. */
	atomic_uint taken;
	atomic_int over;
	atomic_uint searches;
	uint32_t changes;
};

/* All rows are there from the beginning; slots below `taken` are in the index, the others come through the tail. */
static void *search_all_the_time(void *argument)
{
	struct shared *shared = argument;
	struct model *m = shared->m;
	struct vx_searcher *searcher = vx_searcher_create(vx_host_allocator());
	void *query = vx_host_allocate(vx_query_bytes(DIMS));
	uint32_t tail[MODEL_SLOTS], distances[K], slots[K], own, at = 0;
	uint64_t ids[K];

	CHECK(searcher && query, "memory");
	while (at < LEAST_SEARCHES || (at < MOST_SEARCHES && !atomic_load(&shared->over))) {
		uint32_t taken = atomic_load(&shared->taken), n = 0;

		for (uint32_t s = taken; s < shared->changes; s++)
			tail[n++] = s;
		own = (at++ * 37) % shared->changes;
		CHECK_EQ(vx_query_prepare(m->cpu, query, params.metric, VX_FLOAT32, DIMS, m->rows + own * m->row_bytes), 0,
			 "query");
		struct vx_search search = { .query = query, .rows = &m->source, .ids = m->ids, .live = m->live,
					    .tail = tail, .tail_count = n, .slots = MODEL_SLOTS, .k = K, .ef = 64 };
		vx_s64 hits = vx_index_search(m->index, searcher, &search, distances, ids, slots);

		CHECK_EQ(hits, K, "hits");
		for (uint32_t i = 0; i < K; i++) {
			uint32_t expected;

			CHECK(slots[i] < shared->changes && ids[i] == m->ids[slots[i]], "hit %u: slot %u", i, slots[i]);
			vx_distances(m->cpu, query, m->rows, m->row_bytes, &slots[i], 1, &expected);
			CHECK(distances[i] == expected, "hit %u has a wrong distance", i);
			for (uint32_t j = 0; j < i; j++)
				CHECK(slots[j] != slots[i], "slot %u twice", slots[i]);
		}
		atomic_fetch_add(&shared->searches, 1);
	}
	vx_searcher_destroy(searcher);
	vx_host_release(query, vx_query_bytes(DIMS));
	return NULL;
}

static struct model *rows_of(uint32_t metric, uint32_t type, uint32_t n)
{
	float row[DIMS];

	params.metric = metric;
	params.type = type;
	struct model *m = model_new(&params, vx_host_cpu(VX_ISA_BEST));

	for (uint32_t s = 0; s < n; s++) {
		for (uint32_t d = 0; d < DIMS; d++)
			row[d] = random_float() + (float)(s % 5);
		model_put(m, s, s, row);
	}
	return m;
}

/* Puts all rows round by round while others search, with `threads` at the work of each round. */
static void build_beside_searches(uint32_t metric, uint32_t type, uint32_t threads)
{
	struct model *m = rows_of(metric, type, 900);
	struct shared shared = { .m = m, .changes = m->queued };
	pthread_t searchers[SEARCHERS];

	for (uint32_t i = 0; i < SEARCHERS; i++)
		CHECK(pthread_create(&searchers[i], NULL, search_all_the_time, &shared) == 0, "thread");
	/* Small bites, so that searches meet many states. */
	for (uint32_t at = 0; at < shared.changes;) {
		uint32_t n = shared.changes - at < 50 ? shared.changes - at : 50;
		vx_s64 taken = vx_host_index_apply(m->index, &m->source, m->queue + at, n, threads, NULL);

		CHECK(taken > 0, "apply: %lld", (long long)taken);
		at += (uint32_t)taken;
		atomic_store(&shared.taken, at);
	}
	atomic_store(&shared.over, 1);
	for (uint32_t i = 0; i < SEARCHERS; i++)
		pthread_join(searchers[i], NULL);
	CHECK(atomic_load(&shared.searches) >= SEARCHERS * LEAST_SEARCHES, "%u searches", atomic_load(&shared.searches));
	model_taken(m, m->queued);

	struct model *alone = rows_of(metric, type, 0);

	memcpy(alone->rows, m->rows, sizeof(m->rows));
	memcpy(alone->ids, m->ids, sizeof(m->ids));
	for (uint32_t at = 0; at < shared.changes; at += 50)
		for (uint32_t s = at; s < shared.changes && s < at + 50; s++)
			model_queue(alone, s, m->ids[s], VX_PUT);
	for (uint32_t at = 0; at < shared.changes;) {
		uint32_t n = shared.changes - at < 50 ? shared.changes - at : 50;
		vx_s64 taken = vx_index_apply(alone->index, &alone->source, alone->queue + at, n, NULL);

		CHECK(taken > 0, "apply alone: %lld", (long long)taken);
		at += (uint32_t)taken;
	}
	struct snapshot a = snapshot_of(m->index), b = snapshot_of(alone->index);
	CHECK(a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0, "searches and threads changed the graph");
	snapshot_free(&a);
	snapshot_free(&b);
	model_free(alone);
	model_free(m);
}

/* Searches of rows that stay, while others are deleted and put again. */
static void *search_what_stays(void *argument)
{
	struct shared *shared = argument;
	struct model *m = shared->m;
	struct vx_searcher *searcher = vx_searcher_create(vx_host_allocator());
	void *query = vx_host_allocate(vx_query_bytes(DIMS));
	uint32_t slots[K], at = 0;
	/* Those that stay are live for this searcher, whatever the builder does with the others. */
	uint64_t stays[MODEL_SLOTS / 64] = { 0 };

	CHECK(searcher && query, "memory");
	for (uint32_t s = 0; s < shared->changes; s += 2)
		stays[s / 64] |= 1ull << s % 64;
	while (at < LEAST_SEARCHES || (at < MOST_SEARCHES && !atomic_load(&shared->over))) {
		uint32_t own = at++ * 38 % shared->changes / 2 * 2;

		CHECK_EQ(vx_query_prepare(m->cpu, query, params.metric, VX_FLOAT32, DIMS, m->rows + own * m->row_bytes), 0,
			 "query");
		struct vx_search search = { .query = query, .rows = &m->source, .ids = m->ids, .live = stays,
					    .slots = MODEL_SLOTS, .k = K, .ef = 64 };
		vx_s64 hits = vx_index_search(m->index, searcher, &search, NULL, NULL, slots);

		CHECK_EQ(hits, K, "hits");
		for (uint32_t i = 0; i < K; i++)
			CHECK(slots[i] % 2 == 0 && slots[i] < shared->changes, "slot %u is not live", slots[i]);
		atomic_fetch_add(&shared->searches, 1);
	}
	vx_searcher_destroy(searcher);
	vx_host_release(query, vx_query_bytes(DIMS));
	return NULL;
}

static void churn_beside_searches(uint32_t metric, uint32_t type)
{
	struct model *m = rows_of(metric, type, 600);
	struct shared shared = { .m = m, .changes = m->queued };
	pthread_t searchers[SEARCHERS];

	CHECK_EQ(model_take(m, 2), 0, "take");
	for (uint32_t i = 0; i < SEARCHERS; i++)
		CHECK(pthread_create(&searchers[i], NULL, search_what_stays, &shared) == 0, "thread");
	for (uint32_t round = 0; round < 6; round++) {
		for (uint32_t s = 1; s < shared.changes; s += 2)
			model_queue(m, s, s, round % 2 ? VX_PUT : VX_DEL);
		CHECK_EQ(model_take(m, 2), 0, "take");
	}
	atomic_store(&shared.over, 1);
	for (uint32_t i = 0; i < SEARCHERS; i++)
		pthread_join(searchers[i], NULL);
	model_free(m);
}

int main(void)
{
	printf("the index among threads\n");
	TEST("searches beside a builder are right, and leave the graph as it would be");
	build_beside_searches(VX_EUCLIDEAN, VX_GRAPH, 1);
	build_beside_searches(VX_COSINE, VX_GRAPH, 2);
	build_beside_searches(VX_DOT_PRODUCT, VX_GRAPH, 3);
	build_beside_searches(VX_COSINE, VX_FLAT, 3);
	TEST("rows that stay are found while others come and go");
	churn_beside_searches(VX_EUCLIDEAN, VX_GRAPH);
	churn_beside_searches(VX_COSINE, VX_GRAPH);
	churn_beside_searches(VX_COSINE, VX_FLAT);
	return 0;
}
