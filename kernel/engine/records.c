// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Walks over a graph whose records stay in the snapshot: each is read when the walk comes by, and forgotten. They follow the
 * same links in the same order as walks over memory do and propose the same rows. A chunk is summed before the first of its
 * records is used; links are checked each time, because the bytes may be others by then.
 */
#include "kernels.h"
#include "searcher.h"
#include "snapshot.h"

/* Bytes that are summed, or checked, at once. */
#define VX_SUMMED_AT_ONCE 65536u
/* Codes that are read before they are compared. */
#define VX_CODES_AT_ONCE 16u

/* Memory of one walk. */
struct vx_reader {
	struct vx_plan *plan;
	vx_u8 *sum;   /* VX_SUMMED_AT_ONCE */
	vx_u32 *list; /* header and links of one record, or one block */
	vx_u8 *codes; /* norms, then codes: a chunk of its own shape */
	vx_u32 most;  /* codes in it */
	struct vx_walk near; /* shows that chunk */
};

static int vx_damaged(struct vx_index *index)
{
	__atomic_store_n(&index->damaged, 1, __ATOMIC_RELAXED);
	return -VX_EUCLEAN;
}

static int vx_source_get(const struct vx_index *index, vx_u64 at, void *data, size_t bytes)
{
	return index->source.read(index->source.context, at, data, bytes);
}

/* Two searches may sum the same chunk; both come to the same. */
static int vx_chunk_sum(struct vx_index *index, struct vx_chunks *chunks, vx_u32 chunk, vx_u8 *buffer)
{
	const vx_u64 at = chunks->at + (vx_u64)chunk * chunks->bytes;
	const vx_u32 bytes = vx_mapped_bytes(chunks, chunk);
	vx_u32 sum = ~0u, done, piece;

	for (done = 0; done < bytes; done += piece) {
		int error;

		piece = bytes - done < VX_SUMMED_AT_ONCE ? bytes - done : VX_SUMMED_AT_ONCE;
		error = vx_source_get(index, at + done, buffer, piece);
		if (error)
			return error;
		sum = vx_crc32c(&index->cpu, sum, buffer, piece);
	}
	if (sum != chunks->sums[chunk])
		return vx_damaged(index);
	vx_own(chunks, chunk);
	return 0;
}

/* Bytes of a chunk whose sum was right. */
static int vx_chunk_get(struct vx_index *index, struct vx_chunks *chunks, vx_u32 chunk, vx_u64 within, void *data,
			size_t bytes, vx_u8 *buffer)
{
	int error = vx_bit(chunks->owned, chunk) ? 0 : vx_chunk_sum(index, chunks, chunk, buffer);

	return error ? error : vx_source_get(index, chunks->at + (vx_u64)chunk * chunks->bytes + within, data, bytes);
}

static vx_u64 vx_record_at(const struct vx_shape *shape, vx_u32 node)
{
	return shape->records_at + (vx_u64)(node & shape->mask) * shape->record_bytes;
}

/* Header and links of a node into reader->list. */
static int vx_read_record(struct vx_reader *reader, vx_u32 node)
{
	struct vx_index *index = reader->plan->index;
	const struct vx_view *view = &reader->plan->searcher->walk.view;
	int error = vx_chunk_get(index, &index->nodes, node >> view->shape.shift, vx_record_at(&view->shape, node),
				 reader->list, view->shape.code_at, reader->sum);
	int bad;

	if (error)
		return error;
	vx_section_begin(&index->cpu);
	bad = vx_bad_record(&index->cpu, view, reader->list);
	vx_section_end(&index->cpu);
	return bad ? vx_damaged(index) : 0;
}

static int vx_read_block(struct vx_reader *reader, vx_u32 block)
{
	struct vx_index *index = reader->plan->index;
	const struct vx_view *view = &reader->plan->searcher->walk.view;
	const struct vx_shape *shape = &view->shape;
	const vx_u64 within = (vx_u64)(block & ((1u << shape->upper_shift) - 1)) * shape->block_bytes;
	int error = vx_chunk_get(index, &index->uppers, block >> shape->upper_shift, within, reader->list,
				 shape->block_bytes, reader->sum);
	int bad;

	if (error)
		return error;
	vx_section_begin(&index->cpu);
	bad = vx_bad_block(&index->cpu, view, reader->list);
	vx_section_end(&index->cpu);
	return bad ? vx_damaged(index) : 0;
}

/* The links of a node on a level stand behind the first word of reader->list then: how many, or a negative errno. */
static int vx_read_links(struct vx_reader *reader, vx_u32 node, vx_u32 level)
{
	const struct vx_shape *shape = &reader->plan->searcher->walk.view.shape;
	int error = vx_read_record(reader, node);

	if (error)
		return error;
	if (level == 0)
		return (int)(reader->list[0] & VX_NODE_LINKS);
	if (!(reader->list[0] & VX_NODE_LINKED) || VX_NODE_LEVEL(reader->list[0]) < level)
		return 0;
	error = vx_read_block(reader, reader->list[shape->links] + level - 1);
	return error ? error : (int)reader->list[0];
}

/* Candidates of n nodes into walk->found, by their codes. */
static int vx_read_keys(struct vx_reader *reader, const vx_u32 *nodes, vx_u32 n)
{
	struct vx_index *index = reader->plan->index;
	struct vx_walk *walk = &reader->plan->searcher->walk;
	const struct vx_shape *shape = &walk->view.shape, *near = &reader->near.view.shape;
	vx_u32 done, part, i;

	for (done = 0; done < n; done += part) {
		part = n - done < reader->most ? n - done : reader->most;
		for (i = 0; i < part; i++) {
			const vx_u32 node = nodes[done + i], chunk = node >> shape->shift;
			int error = vx_chunk_get(index, &index->nodes, chunk, vx_record_at(shape, node) + shape->code_at,
						 reader->codes + near->records_at + (size_t)i * near->record_bytes,
						 near->record_bytes, reader->sum);

			if (!error && shape->normed)
				error = vx_chunk_get(index, &index->nodes, chunk, 4 * (vx_u64)(node & shape->mask),
						     reader->codes + 4 * i, 4, reader->sum);
			if (error)
				return error;
			walk->nodes[i] = i;
		}
		vx_section_begin(&index->cpu);
		index->cpu.navigation->keys(&reader->near, walk->code, walk->nodes, part, walk->keys);
		vx_section_end(&index->cpu);
		for (i = 0; i < part; i++)
			walk->found[done + i] = VX_CANDIDATE(walk->keys[i], nodes[done + i]);
	}
	walk->codes += n;
	return 0;
}

static int vx_reader_reserve(struct vx_reader *reader)
{
	struct vx_searcher *searcher = reader->plan->searcher;
	const struct vx_shape *shape = &searcher->walk.view.shape;
	struct vx_shape *near = &reader->near.view.shape;
	const size_t list = shape->code_at > shape->block_bytes ? shape->code_at : shape->block_bytes;
	vx_u8 *memory;
	int error;

	reader->most = VX_SECTION_BYTES / shape->code_bytes;
	reader->most = reader->most == 0 ? 1 : reader->most < VX_CODES_AT_ONCE ? reader->most : VX_CODES_AT_ONCE;
	*near = *shape;
	near->record_bytes = shape->code_bytes;
	near->code_at = 0;
	near->records_at = 4 * VX_CODES_AT_ONCE;
	near->shift = 31;
	near->mask = 0x7fffffffu;
	error = vx_searcher_reserve(searcher, &searcher->records, &searcher->record_bytes,
				    VX_SUMMED_AT_ONCE + list + near->records_at + (size_t)reader->most * near->record_bytes);
	if (error)
		return error;
	memory = searcher->records;
	reader->sum = memory;
	reader->list = (vx_u32 *)(memory + VX_SUMMED_AT_ONCE);
	reader->codes = memory + VX_SUMMED_AT_ONCE + list;
	reader->near.view.chunks = &reader->codes;
	reader->near.view.limit = VX_CODES_AT_ONCE;
	return 0;
}

/* Sets plan->astray by the codes of two proposals of the walk. */
static int vx_records_judge(struct vx_reader *reader)
{
	struct vx_plan *plan = reader->plan;
	struct vx_walk *walk = &plan->searcher->walk;
	const struct vx_navigation *navigation = plan->index->cpu.navigation;
	const vx_u64 codes = walk->codes;
	vx_u32 node;
	int error;

	if (!vx_may_be_astray(walk))
		return 0;
	node = VX_CANDIDATE_NODE(walk->pool[0]);
	error = vx_read_keys(reader, &node, 1);
	if (error)
		return error;
	vx_section_begin(&plan->index->cpu);
	navigation->take_code(&reader->near.view, 0, walk->other);
	vx_section_end(&plan->index->cpu);
	node = VX_CANDIDATE_NODE(walk->pool[VX_NEIGHBOUR_TO_JUDGE]);
	error = vx_read_keys(reader, &node, 1);
	if (error)
		return error;
	walk->nodes[0] = 0;
	vx_section_begin(&plan->index->cpu);
	navigation->keys(&reader->near, walk->other, walk->nodes, 1, walk->keys);
	vx_section_end(&plan->index->cpu);
	walk->codes = codes + 1;
	plan->astray = vx_is_far_off(walk, walk->keys[0]);
	return 0;
}

/* pool[0] on walk->level, the nearest node that greedy steps lead to. */
static int vx_records_descend(struct vx_reader *reader)
{
	struct vx_walk *walk = &reader->plan->searcher->walk;

	for (;;) {
		vx_u64 best = walk->pool[0];
		int n = vx_read_links(reader, VX_CANDIDATE_NODE(best), walk->level), i, error;

		if (n < 0)
			return n;
		error = vx_read_keys(reader, reader->list + 1, (vx_u32)n);
		if (error)
			return error;
		walk->hops++;
		for (i = 0; i < n; i++)
			best = walk->found[i] < best ? walk->found[i] : best;
		if (best == walk->pool[0])
			return 0;
		walk->pool[0] = best;
	}
}

/* The unvisited ones of the links in reader->list, marked and put behind the trail. */
static vx_u32 vx_records_collect(struct vx_reader *reader, vx_u32 n, vx_u32 *fresh)
{
	struct vx_walk *walk = &reader->plan->searcher->walk;
	vx_u32 count = 0, i;

	for (i = 0; i < n; i++) {
		const vx_u32 node = reader->list[1 + i];
		const vx_u64 bit = 1ull << (node % 64);

		fresh[count] = node;
		count += !(walk->visited[node / 64] & bit);
		walk->visited[node / 64] |= bit;
	}
	return count;
}

static void vx_records_admit(struct vx_walk *walk, vx_u32 count, int filtered)
{
	vx_u32 i;

	for (i = 0; i < count; i++) {
		const vx_u64 candidate = walk->found[i];
		vx_u32 place;

		if (filtered) {
			if (walk->result_count == walk->result_capacity &&
			    candidate > walk->results[walk->result_count - 1])
				continue;
			if (vx_passes(walk->predicate, vx_slot_of(&walk->view.shape, VX_CANDIDATE_NODE(candidate))))
				vx_insert(walk->results, &walk->result_count, walk->result_capacity, candidate);
		}
		place = vx_insert(walk->pool, &walk->pool_count, walk->pool_capacity, candidate);
		walk->cursor = place < walk->cursor ? place : walk->cursor;
	}
}

/* Follows the links of pool[cursor]. */
static int vx_records_hop(struct vx_reader *reader, int filtered)
{
	struct vx_walk *walk = &reader->plan->searcher->walk;
	vx_u32 *fresh, count;
	int n, error;

	if (walk->trail_count + walk->view.shape.links + 4 > walk->trail_capacity) {
		walk->trail_count = 0;
		walk->trail_lost = 1;
	}
	fresh = walk->trail + walk->trail_count;
	n = vx_read_links(reader, VX_CANDIDATE_NODE(walk->pool[walk->cursor]), walk->level);
	if (n < 0)
		return n;
	walk->pool[walk->cursor] |= 1;
	walk->hops++;
	count = vx_records_collect(reader, (vx_u32)n, fresh);
	walk->trail_count += count;
	error = vx_read_keys(reader, fresh, count);
	if (!error)
		vx_records_admit(walk, count, filtered);
	return error;
}

/* The beam search of vx_walk_beam() on walk->level, from pool[0]. */
static int vx_records_beam(struct vx_reader *reader, int filtered)
{
	const volatile vx_u32 *interrupt = reader->plan->search->interrupt;
	struct vx_walk *walk = &reader->plan->searcher->walk;
	const vx_u32 node = VX_CANDIDATE_NODE(walk->pool[0]);
	int error = 0;

	walk->pool_count = 1;
	walk->cursor = 0;
	walk->result_count = 0;
	walk->visited[node / 64] |= 1ull << (node % 64);
	walk->trail[walk->trail_count++] = node;
	if (filtered && vx_passes(walk->predicate, vx_slot_of(&walk->view.shape, node)))
		vx_insert(walk->results, &walk->result_count, walk->result_capacity, walk->pool[0]);
	while (!error) {
		while (walk->cursor < walk->pool_count && walk->pool[walk->cursor] & 1)
			walk->cursor++;
		if (walk->cursor == walk->pool_count)
			break;
		if (filtered && walk->result_count == walk->result_capacity &&
		    walk->pool[walk->cursor] > walk->results[walk->result_count - 1])
			break;
		error = interrupt && *interrupt ? -VX_EINTR : vx_records_hop(reader, filtered);
	}
	return error;
}

/* pool[0] on walk->level by a beam of walk->breadth. */
static int vx_records_broadly(struct vx_reader *reader)
{
	struct vx_walk *walk = &reader->plan->searcher->walk;
	const vx_u32 capacity = walk->pool_capacity;
	int error;

	walk->pool_capacity = walk->breadth;
	error = vx_records_beam(reader, 0);
	vx_walk_clear(walk);
	walk->pool_capacity = capacity;
	walk->pool[0] &= ~1ull;
	return error;
}

static int vx_records_begin(struct vx_reader *reader, vx_u64 entry)
{
	struct vx_walk *walk = &reader->plan->searcher->walk;
	const vx_u32 node = (vx_u32)entry;
	int error = vx_read_keys(reader, &node, 1);

	if (error)
		return error;
	walk->pool[0] = walk->found[0];
	for (walk->level = (vx_u32)(entry >> 32); walk->level > 0 && !error; walk->level--)
		error = walk->breadth ? vx_records_broadly(reader) : vx_records_descend(reader);
	return error;
}

int vx_records_walk(struct vx_plan *plan, vx_u64 entry, int filtered)
{
	struct vx_walk *walk = &plan->searcher->walk;
	struct vx_reader reader = { .plan = plan };
	int error;

	walk->pool_count = 0;
	walk->result_count = 0;
	if (entry == VX_NO_ENTRY || (vx_u32)entry >= walk->view.limit)
		return 0;
	error = vx_reader_reserve(&reader);
	if (!error)
		error = vx_records_begin(&reader, entry);
	if (!error) {
		error = vx_records_beam(&reader, filtered);
		vx_walk_clear(walk);
	}
	return error ? error : vx_records_judge(&reader);
}

int vx_records_groups(struct vx_plan *plan, vx_u32 chunk, vx_u32 group, vx_u32 count, const vx_u8 **groups)
{
	struct vx_searcher *searcher = plan->searcher;
	struct vx_index *index = plan->index;
	const size_t one = 8 * (size_t)index->shape.record_bytes;
	int error = vx_searcher_reserve(searcher, &searcher->records, &searcher->record_bytes,
					VX_SUMMED_AT_ONCE + count * one);
	vx_u8 *memory = searcher->records;

	if (error)
		return error;
	*groups = memory + VX_SUMMED_AT_ONCE;
	return vx_chunk_get(index, &index->nodes, chunk, group * one, memory + VX_SUMMED_AT_ONCE, count * one, memory);
}

/* ---- verifying ---------------------------------------------------------------------------------------------------- */

static int vx_bad_records(const struct vx_index *index, const struct vx_view *view, const vx_u8 *bytes, vx_u32 n)
{
	struct vx_shape packed = view->shape;
	vx_u32 bad = 0, i;

	packed.records_at = 0;
	vx_section_begin(&index->cpu);
	for (i = 0; i < n; i++)
		bad |= vx_bad_record(&index->cpu, view, vx_header_in(&packed, bytes, i));
	vx_section_end(&index->cpu);
	return bad;
}

static int vx_bad_blocks(const struct vx_index *index, const struct vx_view *view, const vx_u8 *bytes, vx_u32 n)
{
	vx_u32 bad = 0, i;

	vx_section_begin(&index->cpu);
	for (i = 0; i < n; i++)
		bad |= vx_bad_block(&index->cpu, view, (const vx_u32 *)(bytes + (size_t)i * view->shape.block_bytes));
	vx_section_end(&index->cpu);
	return bad;
}

/* What chunks consist of. */
struct vx_unit {
	vx_u32 first; /* byte of the first one in a chunk */
	vx_u32 bytes;
	vx_u32 nodes; /* records, or blocks, in one */
	int (*bad)(const struct vx_index *index, const struct vx_view *view, const vx_u8 *bytes, vx_u32 n);
};

/* The first `n` records or blocks of a chunk. */
static int vx_units_check(struct vx_index *index, const struct vx_chunks *chunks, vx_u32 chunk, vx_u32 n,
			  const struct vx_unit *unit, vx_u8 *memory)
{
	const vx_u32 most = VX_SUMMED_AT_ONCE / unit->bytes ? VX_SUMMED_AT_ONCE / unit->bytes : 1;
	vx_u64 at = chunks->at + (vx_u64)chunk * chunks->bytes + unit->first;
	struct vx_view view;

	vx_index_view(index, &view);
	while (n) {
		const vx_u32 count = n < most * unit->nodes ? n : most * unit->nodes;
		const vx_u32 units = (count + unit->nodes - 1) / unit->nodes;
		int error = vx_source_get(index, at, memory, (size_t)units * unit->bytes);

		if (error)
			return error;
		if (unit->bad(index, &view, memory, count))
			return vx_damaged(index);
		at += (vx_u64)units * unit->bytes;
		n -= count;
	}
	return 0;
}

static int vx_chunks_verify(struct vx_index *index, struct vx_chunks *chunks, vx_u32 in_chunk, vx_u32 last,
			    const struct vx_unit *unit, vx_u8 *memory)
{
	int error = 0;
	vx_u32 i;

	for (i = 0; i < chunks->mapped && !error; i++) {
		error = vx_chunk_sum(index, chunks, i, memory);
		if (!error)
			error = vx_units_check(index, chunks, i, i + 1 < chunks->mapped ? in_chunk : last, unit, memory);
	}
	return error;
}

int vx_records_verify(struct vx_index *index)
{
	const struct vx_shape *shape = &index->shape;
	const vx_u32 together = shape->words ? 8 : 1, in_chunk = 1u << shape->upper_shift;
	const struct vx_unit records = { .first = shape->records_at, .bytes = together * shape->record_bytes,
					 .nodes = together, .bad = vx_bad_records };
	const struct vx_unit blocks = { .bytes = shape->block_bytes, .nodes = 1, .bad = vx_bad_blocks };
	const size_t bytes = VX_SUMMED_AT_ONCE + records.bytes;
	vx_u8 *memory = vx_index_alloc(index, bytes);
	int error = 0;

	if (!memory)
		return -VX_ENOMEM;
	if (index->nodes.mapped)
		error = vx_chunks_verify(index, &index->nodes, shape->per_chunk, ((index->limit - 1) & shape->mask) + 1,
					 &records, memory);
	if (!error && index->uppers.mapped)
		error = vx_chunks_verify(index, &index->uppers, in_chunk, (index->upper_limit - 1) % in_chunk + 1, &blocks,
					 memory);
	vx_index_free(index, memory, bytes);
	return error;
}
