/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Walking the graph, one text for every ISA. The including file defines, besides VX_VECTOR_BYTES,
 *   vx_dot4(at, code, blocks, dots)  dots[i] = sum of (at[i][j] - 128) * code->values[j] over blocks of 64 bytes, i < 4
 * Nothing here waits, allocates or leaves the graph: a walk that meets a chunk which is not there says so and is called
 * again when it is.
 */
#include "rotate_body.h"
#include "flat_body.h"

/* Of a code, the lines that are fetched ahead; the hardware follows what is longer. */
#define VX_CODE_LINES_AHEAD 4u

VX_INLINE vx_u32 vx_code_key(const struct vx_shape *shape, vx_u32 query_norm, vx_u32 norm, vx_s32 dot)
{
	return shape->normed ? query_norm + norm - 2u * (vx_u32)dot : 0x80000000u - (vx_u32)dot;
}

VX_INLINE vx_u32 vx_node_norm(const struct vx_shape *shape, const vx_u8 *chunk, vx_u32 node)
{
	return shape->normed ? ((const vx_u32 *)chunk)[node & shape->mask] : 0;
}

static void vx_take_code(const struct vx_view *view, vx_u32 node, struct vx_code *code)
{
	const struct vx_shape *shape = &view->shape;
	const vx_u8 *chunk = vx_chunk(view, node >> shape->shift);
	const vx_u8 *from = (const vx_u8 *)vx_record(view, node) + shape->code_at;
	vx_s32 sum = 0;
	vx_u32 i;

	for (i = 0; i < shape->code_bytes; i++) {
		code->values[i] = (signed char)(from[i] ^ 0x80);
		sum += code->values[i];
	}
	code->sum = sum;
	code->norm = vx_node_norm(shape, chunk, node);
	code->clipped = 0;
}

VX_INLINE void vx_keys_of(struct vx_walk *walk, const struct vx_shape *shape, const struct vx_code *code, vx_u32 *nodes,
			  vx_u32 n, vx_u32 *keys)
{
	const vx_u32 padded = (n + 3) & ~3u;
	vx_u32 i, j;

	if (n == 0)
		return;
	for (i = n; i < padded; i++)
		nodes[i] = nodes[n - 1];
	for (i = 0; i < padded; i += 4) {
		const vx_u8 *at[4];
		vx_s32 dots[4];

		for (j = 0; j < 4; j++)
			at[j] = (const vx_u8 *)vx_record(&walk->view, nodes[i + j]) + shape->code_at;
		vx_dot4(at, code, shape->code_bytes / 64, dots);
		for (j = 0; j < 4; j++) {
			const vx_u8 *chunk = vx_chunk(&walk->view, nodes[i + j] >> shape->shift);

			keys[i + j] = vx_code_key(shape, code->norm, vx_node_norm(shape, chunk, nodes[i + j]), dots[j]);
		}
	}
}

static void vx_keys(struct vx_walk *walk, const struct vx_code *code, vx_u32 *nodes, vx_u32 n, vx_u32 *keys)
{
	vx_keys_of(walk, &walk->view.shape, code, nodes, n, keys);
}

/*
 * The links of a node on walk->level: where they stand, and how many. NULL when a chunk is missing. Everything read is
 * bounded, because a builder may be writing it and a snapshot may be damaged.
 */
VX_INLINE const vx_u32 *vx_links_of(struct vx_walk *walk, const struct vx_shape *shape, vx_u32 node, vx_u32 level,
				    vx_u32 *count)
{
	const vx_u32 *record = vx_record(&walk->view, node);
	const vx_u32 header = vx_word(record);
	vx_u32 capacity = vx_link_capacity(shape, header), block, n;

	if (__builtin_expect(level == 0, 1)) {
		n = header & VX_NODE_LINKS;
		*count = n < capacity ? n : capacity;
		return record + 1;
	}
	*count = 0;
	block = vx_word(record + shape->links) + level - 1;
	if (VX_NODE_LEVEL(header) < level || block >= walk->view.upper_limit)
		return record + 1;
	if (__builtin_expect(!__atomic_load_n(&walk->view.uppers[block >> shape->upper_shift], __ATOMIC_ACQUIRE), 0)) {
		walk->missing = VX_MISSING_UPPER | block >> shape->upper_shift;
		return NULL;
	}
	record = vx_upper_block(&walk->view, block);
	n = vx_word(record);
	*count = n < shape->upper_links ? n : shape->upper_links;
	return record + 1;
}

VX_INLINE void vx_prefetch_code(const vx_u8 *code, vx_u32 bytes)
{
	vx_u32 i;

	for (i = 0; i < bytes && i < 64 * VX_CODE_LINES_AHEAD; i += 64)
		__builtin_prefetch(code + i);
}

/*
 * Lists the unvisited ones of n links behind the trail and marks them. Without branches: which links are new is not to be
 * predicted. Every slot of the trail behind the new ones may be overwritten.
 */
VX_INLINE vx_u32 vx_collect(struct vx_walk *walk, const vx_u32 *links, vx_u32 n, vx_u32 *fresh)
{
	const vx_u32 limit = walk->view.limit;
	vx_u64 *visited = walk->visited;
	vx_u32 count = 0, i;

	for (i = 0; i < n; i++) {
		vx_u32 node = vx_word(links + i);
		vx_u64 word, bit;

		node = node < limit ? node : limit;
		word = visited[node / 64];
		bit = 1ull << (node % 64);
		fresh[count] = node;
		count += !(word & bit);
		visited[node / 64] = word | bit;
	}
	return count;
}

static void vx_unmark(struct vx_walk *walk, const vx_u32 *nodes, vx_u32 n)
{
	vx_u32 i;

	for (i = 0; i < n; i++)
		walk->visited[nodes[i] / 64] &= ~(1ull << (nodes[i] % 64));
}

/* Where the codes of the fresh nodes lie. Returns 0 when one is in a missing chunk. */
VX_INLINE int vx_locate(struct vx_walk *walk, const struct vx_shape *shape, const vx_u32 *fresh, vx_u32 count,
			const vx_u8 **at)
{
	vx_u32 i;

	for (i = 0; i < count; i++) {
		const vx_u32 node = fresh[i];
		const vx_u8 *chunk = vx_chunk(&walk->view, node >> shape->shift);

		if (__builtin_expect(!chunk, 0)) {
			walk->missing = node >> shape->shift;
			return 0;
		}
		if (shape->normed)
			__builtin_prefetch(chunk + 4 * (size_t)(node & shape->mask));
		at[i] = chunk + shape->records_at + (size_t)(node & shape->mask) * shape->record_bytes + shape->code_at;
		vx_prefetch_code(at[i], shape->code_bytes);
	}
	return 1;
}

/* The same for the n nodes of walk->nodes, which are marked nowhere. */
VX_INLINE int vx_locate_all(struct vx_walk *walk, const struct vx_shape *shape, vx_u32 n)
{
	vx_u32 i;

	for (i = 0; i < n; i++) {
		const vx_u32 node = walk->nodes[i];

		if (__builtin_expect(!vx_chunk(&walk->view, node >> shape->shift), 0)) {
			walk->missing = node >> shape->shift;
			return 0;
		}
		vx_prefetch_code((const vx_u8 *)vx_record(&walk->view, node) + shape->code_at, shape->code_bytes);
	}
	return 1;
}

/*
 * Follows the links of the best candidate whose links were not followed yet: lists its unvisited neighbours behind the
 * trail and where their codes lie in walk->at, filled up to four. Returns how many, or -1 when a chunk is missing.
 */
VX_INLINE vx_s32 vx_follow(struct vx_walk *walk, const struct vx_shape *shape, vx_u32 *fresh)
{
	const vx_u32 cursor = walk->cursor, pool_count = walk->pool_count;
	const vx_u8 **at = walk->at;
	const vx_u32 *links;
	vx_u32 n, count, i, j;

	links = vx_links_of(walk, shape, VX_CANDIDATE_NODE(walk->pool[cursor]), walk->level, &n);
	if (!links)
		return -1;
	count = vx_collect(walk, links, n, fresh);
	if (!vx_locate(walk, shape, fresh, count, at)) {
		vx_unmark(walk, fresh, count);
		return -1;
	}
	walk->pool[cursor] |= 1;
	for (i = cursor + 1, j = 0; i < pool_count && j < 2; i++) {
		if (!(walk->pool[i] & 1)) {
			const vx_u8 *next = (const vx_u8 *)vx_record(&walk->view, VX_CANDIDATE_NODE(walk->pool[i]));

			__builtin_prefetch(next);
			__builtin_prefetch(next + 64);
			j++;
		}
	}
	for (i = count; i & 3; i++)
		at[i] = at[count - 1];
	return (vx_s32)count;
}

/* Candidates of the fresh nodes; `found` has room for three more. */
VX_INLINE void vx_measure(struct vx_walk *walk, const struct vx_shape *shape, const vx_u32 *fresh, vx_u32 count,
			  vx_u64 *found)
{
	const struct vx_code *code = walk->code;
	const vx_u8 *const *at = walk->at;
	vx_u8 *const *chunks = walk->view.chunks;
	const vx_u32 norm = code->norm;
	vx_u32 i, j;

	for (i = 0; i < count; i += 4) {
		vx_s32 dots[4];

		vx_dot4(at + i, code, shape->code_bytes / 64, dots);
		for (j = 0; j < 4; j++) {
			const vx_u32 node = fresh[i + j < count ? i + j : count - 1];
			const vx_u8 *chunk = shape->normed ? chunks[node >> shape->shift] : NULL;

			found[i + j] = VX_CANDIDATE(vx_code_key(shape, norm, vx_node_norm(shape, chunk, node), dots[j]),
						    node);
		}
	}
}

/* Puts the candidates that are good enough where they belong. */
static __attribute__((noinline)) void vx_admit(struct vx_walk *walk, const vx_u64 *found, vx_u32 count)
{
	const vx_u32 capacity = walk->pool_capacity;
	vx_u64 *pool = walk->pool, *better = walk->better;
	vx_u32 pool_count = walk->pool_count, cursor = walk->cursor, n = 0, i;
	vx_u64 worst = pool_count == capacity ? pool[capacity - 1] : ~0ull;

	for (i = 0; i < count; i++) {
		better[n] = found[i];
		n += found[i] < worst;
	}
	for (i = 0; i < n; i++) {
		vx_u32 place = vx_insert(pool, &pool_count, capacity, better[i]);

		cursor = place < cursor ? place : cursor;
	}
	walk->pool_count = pool_count;
	walk->cursor = cursor;
}

/* The same where only some nodes are results: those bound what is worth following. */
static __attribute__((noinline)) void vx_admit_filtered(struct vx_walk *walk, const vx_u64 *found, vx_u32 count)
{
	vx_u32 i;

	for (i = 0; i < count; i++) {
		vx_u32 place;

		if (walk->result_count == walk->result_capacity && found[i] > walk->results[walk->result_count - 1])
			continue;
		if (vx_passes(walk->predicate, vx_slot_of(&walk->view.shape, VX_CANDIDATE_NODE(found[i]))))
			vx_insert(walk->results, &walk->result_count, walk->result_capacity, found[i]);
		place = vx_insert(walk->pool, &walk->pool_count, walk->pool_capacity, found[i]);
		walk->cursor = place < walk->cursor ? place : walk->cursor;
	}
}

VX_INLINE int vx_beam_walk(struct vx_walk *walk, const struct vx_shape *shape, const int filtered)
{
	for (;;) {
		vx_u32 *fresh;
		vx_s32 count;

		while (walk->cursor < walk->pool_count && walk->pool[walk->cursor] & 1)
			walk->cursor++;
		if (walk->cursor == walk->pool_count)
			return VX_WALK_DONE;
		if (filtered && walk->result_count == walk->result_capacity &&
		    walk->pool[walk->cursor] > walk->results[walk->result_count - 1])
			return VX_WALK_DONE;
		if (walk->budget == 0)
			return VX_WALK_PAUSE;
		if (walk->trail_count + shape->links + 4 > walk->trail_capacity) {
			walk->trail_count = 0;
			walk->trail_lost = 1;
		}
		fresh = walk->trail + walk->trail_count;
		count = vx_follow(walk, shape, fresh);
		if (count < 0)
			return VX_WALK_MISSING;
		walk->budget--;
		walk->hops++;
		walk->codes += (vx_u32)count;
		walk->trail_count += (vx_u32)count;
		vx_measure(walk, shape, fresh, (vx_u32)count, walk->found);
		if (filtered)
			vx_admit_filtered(walk, walk->found, (vx_u32)count);
		else
			vx_admit(walk, walk->found, (vx_u32)count);
	}
}

/* The pool's shape as constants where rows are of a common size, so that loops over it are unrolled. */
#define VX_BEAM(filtered)                                                                          \
	do {                                                                                       \
		struct vx_shape shape = walk->view.shape;                                          \
		if (shape.code_bytes == 128 && shape.record_bytes == 256 && shape.normed) {        \
			shape.code_bytes = 128;                                                    \
			shape.record_bytes = 256;                                                  \
			shape.normed = 1;                                                          \
			return vx_beam_walk(walk, &shape, filtered);                               \
		}                                                                                  \
		return vx_beam_walk(walk, &shape, filtered);                                       \
	} while (0)

static int vx_beam(struct vx_walk *walk)
{
	VX_BEAM(0);
}

static int vx_beam_filtered(struct vx_walk *walk)
{
	VX_BEAM(1);
}

static int vx_descend(struct vx_walk *walk)
{
	const struct vx_shape shape = walk->view.shape;

	for (;;) {
		const vx_u32 *links;
		vx_u64 best = walk->pool[0];
		vx_u32 n, i, count = 0;

		links = vx_links_of(walk, &shape, VX_CANDIDATE_NODE(best), walk->level, &n);
		if (!links)
			return VX_WALK_MISSING;
		for (i = 0; i < n; i++) {
			vx_u32 node = vx_word(links + i);

			walk->nodes[count] = node;
			count += node < walk->view.limit;
		}
		if (!vx_locate_all(walk, &shape, count))
			return VX_WALK_MISSING;
		vx_keys_of(walk, &shape, walk->code, walk->nodes, count, walk->keys);
		walk->hops++;
		walk->codes += count;
		for (i = 0; i < count; i++) {
			vx_u64 candidate = VX_CANDIDATE(walk->keys[i], walk->nodes[i]);

			best = candidate < best ? candidate : best;
		}
		if (best == walk->pool[0])
			return VX_WALK_DONE;
		walk->pool[0] = best;
	}
}

#include "select_body.h"

static vx_u32 vx_bad_links(const vx_u32 *list, vx_u32 words, vx_u32 count, const struct vx_view *view)
{
	const vx_u32 limit = view->limit, mask = view->shape.mask, per_chunk = view->shape.per_chunk;
	vx_u32 bad = 0, i;

	for (i = 0; i < words; i++) {
		const vx_u32 node = list[i];

		/* Word 0 is no link. */
		bad |= (vx_u32)(i - 1u < count) & ((vx_u32)(node >= limit) | (vx_u32)((node & mask) >= per_chunk));
	}
	return bad;
}

#define VX_NAVIGATION                                   \
	{                                               \
		.rotate = vx_rotate,                    \
		.quantise = vx_quantise,                \
		.take_code = vx_take_code,              \
		.keys = vx_keys,                        \
		.descend = vx_descend,                  \
		.beam = vx_beam,                        \
		.beam_filtered = vx_beam_filtered,      \
		.select = vx_select,                    \
		.signs = vx_signs,                      \
		.nearer = vx_nearer,                    \
		.bad_links = vx_bad_links,              \
	}
