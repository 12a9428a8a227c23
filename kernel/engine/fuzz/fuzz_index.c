// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the bytes say is done to an index and to a model of it: rows come and go, rounds are taken, searches compared,
 * snapshots saved, changed anywhere and opened again. Every answer has to be right; a damaged snapshot may only be
 * refused or cost recall.
 *
 * Checksums are constant here (vx_crc32c() below instead of crc32c.c), so that damage gets past them and meets the checks
 * of every link and bound. That damage is noticed is the matter of test_index_damage.c.
 */
#include "index_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

vx_u32 vx_crc32c(const struct vx_cpu *cpu, vx_u32 seed, const void *data, size_t bytes)
{
	(void)cpu, (void)data;
	/* In pieces it gives what it gives at once. */
	return seed + (vx_u32)bytes;
}

#define FUZZ_SLOTS 256u
#define MOST_STEPS 400u
#define MOST_WORKERS 3u

struct input {
	const uint8_t *at, *end;
};

static uint32_t byte_of(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint32_t word_of(struct input *in)
{
	uint32_t high = byte_of(in);

	return high << 8 | byte_of(in);
}

/* Mostly few distinct values, so that rows are equal and distances tie; sometimes far out. */
static void row_of(struct input *in, const struct model *m, float *row)
{
	uint32_t kind = byte_of(in), x = kind * 2654435761u;

	for (uint32_t d = 0; d < m->params.dims; d++) {
		x = x * 1664525u + 1013904223u;
		row[d] = (float)(x >> 28) - 7;
		if (m->params.element == VX_FLOAT32 && kind % 16 == 15)
			row[d] *= bits_float((x >> 8 & 0x7fu) << 23);
		if (kind % 16 == 14)
			row[d] = 0;
	}
	if (m->params.element == VX_FLOAT32)
		for (uint32_t d = 0; d < m->params.dims; d++)
			if (!(row[d] > -1e37f && row[d] < 1e37f))
				row[d] = 1e37f;
}

/* The threads of a round as one thread: what they do has no order. */
static int take_round(struct model *m, uint32_t workers)
{
	while (m->queued) {
		vx_s64 taken = vx_index_begin(m->index, &m->source, m->queue, m->queued, workers);
		int status;

		if (taken <= 0)
			return (int)taken;
		while ((status = vx_index_phase(m->index)) > 0)
			for (uint32_t worker = workers; worker-- > 0;)
				vx_index_work(m->index, worker);
		if (status < 0)
			return status;
		model_taken(m, (uint32_t)taken);
	}
	return 0;
}

static void build_anew(struct model *m)
{
	int error = 0;

	vx_index_destroy(m->index);
	m->index = vx_index_create(vx_host_allocator(), m->cpu, &m->params, &error);
	CHECK(m->index, "create: %d", error);
	m->queued = 0;
	for (uint32_t s = 0; s < m->slots; s++)
		if (model_is_live(m, s))
			model_queue(m, s, m->ids[s], VX_PUT);
	CHECK_EQ(take_round(m, 1), 0, "build anew");
}

/* Returns whether the index still is one of a damaged snapshot. */
static int take(struct model *m, struct input *in, int damaged)
{
	int status = take_round(m, 1 + byte_of(in) % MOST_WORKERS);

	if (status == 0)
		return damaged;
	CHECK(damaged && status == -VX_EUCLEAN, "take: %d", status);
	build_anew(m);
	return 0;
}

static void search(struct model *m, struct input *in)
{
	float query[MODEL_DIMS];
	uint64_t bits[FUZZ_SLOTS / 64], seed;
	struct vx_filter filter = { 0 };
	struct question ask = { .query = query };
	uint32_t how = byte_of(in), wanted;

	row_of(in, m, query);
	ask.k = 1 + byte_of(in) % 40;
	ask.ef = byte_of(in);
	ask.flags = how & 1 ? VX_SEARCH_EXACT : 0;
	if (how & 2) {
		filter.id_min = word_of(in);
		filter.id_max = filter.id_min + byte_of(in);
	}
	seed = how & 12 ? word_of(in) : 0;
	for (uint32_t i = 0; i < FUZZ_SLOTS / 64; i++)
		bits[i] = (seed + i) * 0x9e3779b97f4a7c15ull;
	if (how & 4)
		filter.slot_bits = bits;
	if (how & 8) {
		filter.id_bits = bits;
		filter.id_bits_first = byte_of(in);
		filter.id_bits_count = FUZZ_SLOTS;
	}
	ask.filter = how & 14 ? &filter : NULL;
	int good = model_search(m, &ask, &wanted);
	CHECK(good >= 0, "search: %d", good);
	if (how & 1)
		CHECK_EQ(good, wanted, "exact search");
}

static int same_params(const struct vx_index *opened, const struct model *m)
{
	struct vx_index_info theirs, ours;

	vx_index_info(opened, &theirs);
	vx_index_info(m->index, &ours);
	return memcmp(&theirs.params, &ours.params, sizeof(ours.params)) == 0;
}

/*
 * Saves, changes some bytes, cuts off, opens. The old index goes on when the snapshot is refused. Returns whether the
 * index is one of a damaged snapshot now, which it may have been before.
 */
static int reopen(struct model *m, struct input *in, struct snapshot *kept, int before)
{
	struct snapshot s;
	uint32_t edits = byte_of(in) % 8, how = byte_of(in);
	struct vx_index *opened;
	int error = 0, damaged = before || edits > 0, status = snapshot_try(m->index, &s);

	if (status != 0) {
		CHECK(before && status == -VX_EUCLEAN, "save: %d", status);
		return before;
	}
	for (uint32_t i = 0; i < edits; i++) {
		/* Headers and the ends of sections are near multiples of 4,096 bytes. */
		size_t at = how & 1 ? (size_t)byte_of(in) * 4096 + byte_of(in) : (size_t)word_of(in) * 16 + byte_of(in) % 16;

		s.bytes[at % s.size] ^= (uint8_t)byte_of(in);
	}
	if (how % 32 == 31) {
		snapshot_cut(&s, word_of(in) % s.size);
		damaged = 1;
	}
	opened = snapshot_open(&s, vx_host_allocator(), m->cpu, &error);
	if (!opened) {
		CHECK(damaged && (error == -VX_EUCLEAN || error == -VX_EINVAL), "open: %d", error);
		snapshot_free(&s);
		return before;
	}
	if (!same_params(opened, m)) {
		/* Whole, but not of these rows: a caller looks at that before searching. */
		CHECK(damaged, "opened with other parameters");
		vx_index_destroy(opened);
		snapshot_free(&s);
		return before;
	}
	vx_index_destroy(m->index);
	m->index = opened;
	if (kept->bytes)
		snapshot_free(kept);
	*kept = s;
	if (how & 2) {
		status = vx_index_verify(opened);
		CHECK(status == 0 || (damaged && status == -VX_EUCLEAN), "verify: %d", status);
	}
	return damaged;
}

/* The bytes as a snapshot by themselves. */
static void open_raw(struct model *m, struct input *in)
{
	struct snapshot s = snapshot_new((size_t)(in->end - in->at));
	int error = 0;
	struct vx_index *opened;

	memcpy(s.bytes, in->at, s.size);
	opened = snapshot_open(&s, vx_host_allocator(), m->cpu, &error);
	if (opened)
		(void)vx_index_verify(opened);
	else
		CHECK(error < 0, "refused without a reason");
	vx_index_destroy(opened);
	snapshot_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t shapes[] = { 1, 2, 3, 8, 16, 17, 40, 96 };
	struct input in = { data, data + size };
	struct snapshot kept = { 0 };
	uint32_t first = byte_of(&in), second = byte_of(&in);
	struct vx_index_params params = {
		.metric = first % 3, .element = 1 + (first >> 2) % 4, .dims = shapes[first >> 5], .m = 4 + second % 5,
		.ef_construction = 1 + (second >> 3), .train_rows = 1 + byte_of(&in) % 64, .seed = byte_of(&in),
	};
	/* Every other seed. */
	params.type = params.metric == VX_COSINE && params.seed % 2 ? VX_FLAT : VX_GRAPH;
	struct model *m = model_new(&params, vx_host_cpu(VX_ISA_BEST));
	float row[MODEL_DIMS];
	uint64_t next_id = 1;
	int damaged = 0;

	m->slots = FUZZ_SLOTS;
	if (second == 0xff)
		open_raw(m, &in);
	for (uint32_t step = 0; step < MOST_STEPS && in.at < in.end; step++) {
		uint32_t op = byte_of(&in);
		uint32_t slot = byte_of(&in);

		switch (op % 8) {
		case 0:
		case 1: /* several rows at once fill the graph quickly */
			for (uint32_t i = 0; i <= op >> 4; i++) {
				row_of(&in, m, row);
				model_put(m, (slot + i) % FUZZ_SLOTS, next_id++, row);
			}
			break;
		case 2:
			model_delete(m, slot);
			break;
		case 3:
		case 4:
			damaged = take(m, &in, damaged);
			break;
		case 5:
		case 6:
			search(m, &in);
			break;
		case 7:
			if (m->queued == 0)
				damaged = reopen(m, &in, &kept, damaged);
			break;
		}
		if (m->queued > MODEL_QUEUE - 32)
			damaged = take(m, &in, damaged);
	}
	damaged = take(m, &in, damaged);
	if (!damaged) {
		struct question all = { .query = row, .k = FUZZ_SLOTS };
		uint32_t wanted;

		memset(row, 0, sizeof(row));
		CHECK_EQ(model_search(m, &all, &wanted), wanted, "all rows");
	}
	model_free(m);
	if (kept.bytes)
		snapshot_free(&kept);
	return 0;
}
