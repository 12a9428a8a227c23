/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A vector set beside an index of it, whose every answer is compared with exact search over the rows. */
#ifndef VX_INDEX_MODEL_H
#define VX_INDEX_MODEL_H

#include "check.h"
#include "host_index.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define FORBID(address, bytes) __asan_poison_memory_region(address, bytes)
#define ALLOW(address, bytes) __asan_unpoison_memory_region(address, bytes)
#else
#define FORBID(address, bytes) ((void)(address), (void)(bytes))
#define ALLOW(address, bytes) ((void)(address), (void)(bytes))
#endif

#define MODEL_SLOTS 1024u
#define MODEL_DIMS 96u
#define MODEL_QUEUE 4096u

struct model {
	struct vx_index_params params;
	const struct vx_cpu *cpu;
	struct vx_index *index;
	struct vx_searcher *searcher;
	struct vx_rows source;
	uint32_t row_bytes, queued, slots;
	uint64_t ids[MODEL_SLOTS], live[MODEL_SLOTS / 64];
	/* What is live once the index has taken the queue stands in live; what it holds now, here. */
	uint64_t held[MODEL_SLOTS / 64];
	struct vx_change queue[MODEL_QUEUE];
	uint8_t rows[MODEL_SLOTS * MODEL_DIMS * 4] __attribute__((aligned(64)));
};

/* The rows and ids alone, for an index that comes later. */
static inline struct model *model_rows(const struct vx_index_params *params, const struct vx_cpu *cpu)
{
	struct model *m = vx_host_allocate(sizeof(*m));

	CHECK(m && params->dims <= MODEL_DIMS, "a model of %u dimensions", params->dims);
	m->params = *params;
	m->cpu = cpu;
	m->row_bytes = vx_row_bytes(params->element, params->dims);
	m->slots = MODEL_SLOTS;
	m->source.base = m->rows;
	m->source.stride = m->row_bytes;
	m->source.slots = MODEL_SLOTS;
	return m;
}

static inline struct model *model_new(const struct vx_index_params *params, const struct vx_cpu *cpu)
{
	struct model *m = model_rows(params, cpu);
	int error = 0;

	m->index = vx_index_create(vx_host_allocator(), cpu, params, &error);
	m->searcher = vx_searcher_create(vx_host_allocator());
	CHECK(m->index && m->searcher, "create: error %d", error);
	return m;
}

static inline void model_free(struct model *m)
{
	vx_searcher_destroy(m->searcher);
	vx_index_destroy(m->index);
	vx_host_release(m, sizeof(*m));
}

static inline int model_is_live(const struct model *m, uint32_t slot)
{
	return (int)(m->live[slot / 64] >> slot % 64 & 1);
}

static inline uint32_t model_live_rows(const struct model *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < MODEL_SLOTS / 64; i++)
		n += (uint32_t)__builtin_popcountll(m->live[i]);
	return n;
}

static inline void model_queue(struct model *m, uint32_t slot, uint64_t id, uint32_t op)
{
	CHECK(m->queued < MODEL_QUEUE, "%u changes wait", m->queued);
	m->queue[m->queued++] = (struct vx_change){ .id = id, .slot = slot, .op = op };
}

/* `values` that the element type cannot hold are a fault of the test. */
static inline void model_put(struct model *m, uint32_t slot, uint64_t id, const float *values)
{
	CHECK_EQ(vx_encode_rows(m->cpu, m->params.element, m->params.dims, values, 1, m->rows + slot * m->row_bytes,
				m->row_bytes),
		 1, "rows encoded");
	m->ids[slot] = id;
	m->live[slot / 64] |= 1ull << slot % 64;
	model_queue(m, slot, id, VX_PUT);
}

static inline void model_delete(struct model *m, uint32_t slot)
{
	m->live[slot / 64] &= ~(1ull << slot % 64);
	model_queue(m, slot, 0, VX_DEL);
}

static inline void model_taken(struct model *m, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct vx_change *change = &m->queue[i];
		uint64_t bit = 1ull << change->slot % 64;

		if (change->op == VX_PUT)
			m->held[change->slot / 64] |= bit;
		else
			m->held[change->slot / 64] &= ~bit;
	}
	memmove(m->queue, m->queue + n, (m->queued - n) * sizeof(m->queue[0]));
	m->queued -= n;
}

/* Lets the index take all that waits: 0, or what it said when it took less. */
static inline int model_take(struct model *m, uint32_t threads)
{
	while (m->queued) {
		vx_s64 taken = threads == 1 ? vx_index_apply(m->index, &m->source, m->queue, m->queued, NULL) :
					      vx_host_index_apply(m->index, &m->source, m->queue, m->queued, threads, NULL);

		if (taken < 0)
			return (int)taken;
		CHECK(taken > 0 && taken <= m->queued, "%lld of %u changes taken", (long long)taken, m->queued);
		model_taken(m, (uint32_t)taken);
	}
	return 0;
}

struct question {
	const float *query;
	uint32_t k, ef, rerank, flags;
	const struct vx_filter *filter;
	/* Without the live bitmap only what the index holds is live. */
	int without_live;
	/* How much farther than the k-th nearest a hit may be and still count as near: where rounding alone tells rows apart. */
	float within;
};

static inline int model_passes(const struct model *m, const struct vx_filter *filter, uint32_t slot)
{
	uint64_t id = m->ids[slot];

	if (!filter)
		return 1;
	if ((filter->id_min || filter->id_max) && (id < filter->id_min || id > filter->id_max))
		return 0;
	if (filter->slot_bits && !(filter->slot_bits[slot / 64] >> slot % 64 & 1))
		return 0;
	if (!filter->id_bits)
		return 1;
	if (id < filter->id_bits_first || id - filter->id_bits_first >= filter->id_bits_count)
		return 0;
	id -= filter->id_bits_first;
	return (int)(filter->id_bits[id / 64] >> id % 64 & 1);
}

/*
 * Searches and checks what holds of every answer: as many rows as match up to k, all of them matching, each once, with
 * their exact distances, in order. Returns how many are among the nearest, or the error of the search; *wanted is how
 * many there are.
 */
static inline int model_search(struct model *m, const struct question *ask, uint32_t *wanted)
{
	uint64_t matching[MODEL_SLOTS / 64] = { 0 };
	uint32_t *distances = vx_host_allocate(8 * (size_t)ask->k), *slots = distances + ask->k;
	uint64_t *ids = vx_host_allocate(8 * (size_t)ask->k);
	void *query = vx_host_allocate(vx_query_bytes(m->params.dims));
	void *topk = vx_host_allocate(vx_topk_bytes(MODEL_SLOTS)), *scratch = vx_host_allocate(VX_SCAN_SCRATCH_BYTES);
	uint32_t *exact = vx_host_allocate(4 * MODEL_SLOTS), *exact_slots = vx_host_allocate(4 * MODEL_SLOTS);
	uint32_t *by_slot = vx_host_allocate(4 * MODEL_SLOTS), tail[MODEL_QUEUE], tail_count = 0;
	uint8_t seen[MODEL_SLOTS] = { 0 };
	int good = 0;

	if (!slots || !ids) {
		fprintf(stderr, "no memory for k %u\n", ask->k);
		exit(1);
	}
	for (uint32_t i = 0; i < m->queued; i++)
		if (m->queue[i].op == VX_PUT)
			tail[tail_count++] = m->queue[i].slot;
	CHECK_EQ(vx_query_prepare(m->cpu, query, m->params.metric, m->params.element, m->params.dims, ask->query), 0,
		 "query");
	for (uint32_t s = 0; s < m->slots; s++)
		if (model_is_live(m, s) && model_passes(m, ask->filter, s))
			matching[s / 64] |= 1ull << s % 64;
	struct vx_scan scan = { .rows = m->rows, .stride = m->row_bytes, .ids = m->ids, .live = matching,
				.scratch = scratch, .n = m->slots };
	vx_s64 matches = vx_search_exact(m->cpu, query, &scan, MODEL_SLOTS, topk, exact, NULL, exact_slots);
	CHECK(matches >= 0, "exact search: %lld", (long long)matches);
	for (uint32_t s = 0; s < MODEL_SLOTS; s++)
		by_slot[s] = VX_NO_MATCH;
	for (vx_s64 i = 0; i < matches; i++)
		by_slot[exact_slots[i]] = exact[i];
	*wanted = matches < ask->k ? (uint32_t)matches : ask->k;

	struct vx_search search = { .query = query, .rows = &m->source, .ids = m->ids,
				    .live = ask->without_live ? NULL : m->live, .filter = ask->filter,
				    .tail = tail_count ? tail : NULL, .tail_count = tail_count, .slots = m->slots,
				    .k = ask->k, .ef = ask->ef, .rerank = ask->rerank, .flags = ask->flags };
	vx_s64 hits = vx_index_search(m->index, m->searcher, &search, distances, ids, slots);
	if (hits >= 0) {
		CHECK_EQ(hits, *wanted, "hits");
		for (uint32_t i = 0; i < *wanted; i++) {
			uint32_t slot = slots[i];

			CHECK(slot < m->slots && !seen[slot], "hit %u: slot %u", i, slot);
			seen[slot] = 1;
			CHECK(by_slot[slot] != VX_NO_MATCH, "hit %u: slot %u does not match", i, slot);
			CHECK(ids[i] == m->ids[slot], "hit %u: id %" PRIu64 " of slot %u", i, ids[i], slot);
			CHECK(distances[i] == by_slot[slot], "hit %u: distance %.9g, expected %.9g", i,
			      bits_float(distances[i]), bits_float(by_slot[slot]));
			if (i > 0) {
				float before = bits_float(distances[i - 1]), here = bits_float(distances[i]);

				CHECK(before < here || (before == here && ids[i - 1] <= ids[i]),
				      "hit %u is out of order", i);
			}
			good += bits_float(distances[i]) <= bits_float(exact[*wanted - 1]) + ask->within;
		}
	}
	vx_host_release(distances, 8 * (size_t)ask->k);
	vx_host_release(ids, 8 * (size_t)ask->k);
	vx_host_release(query, vx_query_bytes(m->params.dims));
	vx_host_release(topk, vx_topk_bytes(MODEL_SLOTS));
	vx_host_release(scratch, VX_SCAN_SCRATCH_BYTES);
	vx_host_release(exact, 4 * MODEL_SLOTS);
	vx_host_release(exact_slots, 4 * MODEL_SLOTS);
	vx_host_release(by_slot, 4 * MODEL_SLOTS);
	return hits < 0 ? (int)hits : good;
}

/* A snapshot in pages of its own; what lies behind its `size` may not be touched. */
struct snapshot {
	uint8_t *bytes;
	size_t size, used, room;
};

static inline int snapshot_write(void *context, const void *data, size_t bytes)
{
	struct snapshot *s = context;

	CHECK(bytes <= s->size - s->used, "%zu bytes more than were announced", bytes - (s->size - s->used));
	memcpy(s->bytes + s->used, data, bytes);
	s->used += bytes;
	return 0;
}

/* Cuts it off, or makes it longer again up to what it was made with. */
static inline void snapshot_cut(struct snapshot *s, size_t size)
{
	ALLOW(s->bytes, s->room);
	s->size = size;
	FORBID(s->bytes + size, s->room - size);
}

static inline struct snapshot snapshot_new(size_t size)
{
	struct snapshot s = { .room = (size + 4095) / 4096 * 4096 + 4096 };

	s.bytes = aligned_alloc(4096, s.room);
	CHECK(s.bytes, "a snapshot of %zu bytes", size);
	snapshot_cut(&s, size);
	return s;
}

static inline void snapshot_free(struct snapshot *s)
{
	ALLOW(s->bytes, s->room);
	free(s->bytes);
}

/* Saves: 0 with the snapshot, or what vx_index_save() said. */
static inline int snapshot_try(struct vx_index *index, struct snapshot *s)
{
	struct vx_index_info info;
	int status;

	vx_index_info(index, &info);
	*s = snapshot_new(info.snapshot_bytes);
	status = vx_index_save(index, snapshot_write, s);
	if (status == 0)
		CHECK_EQ(s->used, info.snapshot_bytes, "bytes of the snapshot");
	else
		snapshot_free(s);
	return status;
}

static inline struct snapshot snapshot_of(struct vx_index *index)
{
	struct snapshot s;

	CHECK_EQ(snapshot_try(index, &s), 0, "save");
	return s;
}

static inline struct vx_index *snapshot_open(const struct snapshot *s, const struct vx_alloc *alloc,
					     const struct vx_cpu *cpu, int *error)
{
	struct vx_index_source source = { .bytes = s->bytes, .size = s->size };

	return vx_index_open(alloc, cpu, &source, error);
}

#endif
