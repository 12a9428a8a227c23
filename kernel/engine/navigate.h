/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Walking the graph: how nodes lie in memory, what one walk carries, and the functions that each ISA provides for it.
 *
 *   chunk    | norms: u32 a node (not DOT_PRODUCT), to a multiple of 64 | record | record | ...    2 MiB
 *   record   | header u32 | 2 M - 1 links u32 | to a multiple of 64 | code: dims bytes, to a multiple of 64 |
 *   block    | count u32 | M - 1 links u32 | to a multiple of 64 |     links of one node on one level above 0
 *
 * A node is numbered chunk << shift | place in the chunk; slots are numbered through, so slot = chunk * per_chunk + place.
 * The blocks of a node of level L are L neighbouring ones, for the levels 1..L; the number of the first stands in the
 * last link word of its record, which therefore holds one link less.
 *
 *   VX_FLAT  | group of 8 nodes: lines of 64 signs of each, a line of headers, u64 each | group | ...    2 MiB
 *
 * A code byte is the quantised coordinate plus 128, a query's is signed, so that u8 x s8 instructions serve both. With
 * dot = sum q x, the key of a node is |q|^2 + |x|^2 - 2 dot or (DOT_PRODUCT) 2^31 - dot: integers, the same on every CPU.
 * COSINE compares unit rows by their difference too: rounding changes the length of a code, and among rows that lie
 * close together that would outweigh what their products tell. A zero row counts as a unit row at a right angle to all.
 *
 * A builder may write what a walk reads. Headers, links and block words are atomic; codes and norms are not, and any
 * bytes are a valid code: what a walk finds is only a suggestion which rows to compare.
 */
#ifndef VX_NAVIGATE_H
#define VX_NAVIGATE_H

#include "vexfs_index.h"

#define VX_CHUNK_BYTES (2u << 20)
#define VX_UPPER_BYTES (256u << 10) /* a chunk of blocks */
#define VX_MAX_LEVEL 15u
#define VX_NO_NODE 0xffffffffu

/* Header of a record. */
#define VX_NODE_LINKS 0xffu
#define VX_NODE_LEVEL(header) ((header) >> 8 & 15u)
#define VX_NODE_LEVEL_SHIFT 8
#define VX_NODE_HELD 0x1000u      /* the index holds this slot */
#define VX_NODE_LINKED 0x2000u    /* and it is in the graph */
#define VX_NODE_UNMATCHED 0x4000u /* and its row is not finite */

struct vx_shape {
	vx_u32 dims, metric, element;
	vx_u32 m;
	vx_u32 links;       /* on level 0 */
	vx_u32 upper_links; /* above */
	vx_u32 code_at;     /* in the record */
	vx_u32 code_bytes;
	vx_u32 record_bytes;
	vx_u32 records_at; /* in the chunk */
	vx_u32 per_chunk;
	vx_u32 shift, mask;
	vx_u32 block_bytes;
	vx_u32 upper_shift; /* blocks in a chunk of them: 1 << upper_shift */
	vx_u32 words;       /* VX_FLAT: of 64 coordinates, a multiple of 4; else 0 */
	vx_u32 normed;      /* keys need norms, and chunks hold them */
};

/* What a walk sees of the graph from its beginning to its end. Chunks may be missing (NULL) until they are touched. */
struct vx_view {
	struct vx_shape shape;
	vx_u8 *const *chunks;
	vx_u8 *const *uppers;
	vx_u32 limit;       /* every node is below */
	vx_u32 upper_limit; /* every block is below */
};

/* A query: signed code bytes behind this header, 64-byte aligned. */
struct vx_code {
	vx_u32 norm; /* sum of squares; of a zero row by COSINE, that of a unit row */
	vx_s32 sum;
	vx_u32 clipped; /* coordinates that did not fit */
	vx_u32 reserved[13];
	signed char values[];
};

/* Candidates are key << 32 | node << 1 | "its links were followed". */
#define VX_CANDIDATE(key, node) ((vx_u64)(key) << 32 | (vx_u64)(node) << 1)
#define VX_CANDIDATE_NODE(candidate) ((vx_u32)(candidate) >> 1)
#define VX_CANDIDATE_KEY(candidate) ((vx_u32)((candidate) >> 32))

/* Which nodes are results of a filtered walk. */
struct vx_predicate {
	const vx_u64 *allowed; /* by slot, or NULL */
	const vx_u64 *ids;     /* by slot; set when ids are restricted */
	const vx_u64 *id_bits; /* or NULL */
	vx_u64 id_min, id_max;
	vx_u64 id_bits_first, id_bits_count;
	const vx_u64 *tail; /* by slot: not these; or NULL */
	vx_u32 slots;       /* the arrays hold so many */
};

#define VX_WALK_DONE 0
#define VX_WALK_PAUSE 1   /* the budget is spent */
#define VX_WALK_MISSING 2 /* walk->missing has to be loaded */

#define VX_MISSING_UPPER 0x80000000u

struct vx_walk {
	struct vx_view view;
	struct vx_code *code; /* of the query */
	struct vx_code *other;
	vx_u64 *pool; /* ascending, the best `pool_capacity` found */
	vx_u64 *results;
	vx_u64 *visited;    /* by node; the bit of `limit` is set: links out of range end there */
	vx_u32 *trail;      /* nodes whose bits are set, to clear them */
	const vx_u8 **at;   /* codes of one batch */
	vx_u32 *keys;
	vx_u32 *nodes;
	vx_u64 *found, *better; /* candidates of one hop */
	const struct vx_predicate *predicate;
	vx_u32 pool_count, pool_capacity, cursor;
	vx_u32 result_count, result_capacity;
	vx_u32 trail_count, trail_capacity;
	vx_u32 trail_lost; /* the trail is not complete */
	vx_u32 level;
	vx_u32 breadth; /* candidates above level 0; 0: greedy steps */
	vx_u32 base; /* the node that neighbours are selected for */
	vx_u32 budget; /* hops until the next pause */
	vx_u32 missing;
	vx_u32 visited_words;
	vx_u64 hops, codes;
};

/* How rows become codes. The centre follows, `padded` floats. */
struct vx_generation {
	vx_u32 number;
	vx_u32 factor_bits; /* float32: code units a unit of the rotated row */
	vx_u64 rows;        /* behind its statistics */
	struct vx_generation *retired; /* the one before: searches may still use it */
	vx_u32 reserved[10];
	float centre[];
};

struct vx_coder {
	const vx_u32 *signs; /* passes x padded: 0 or 0x80000000 */
	vx_u32 dims;
	vx_u32 padded; /* to a multiple of 16 */
	vx_u32 passes;
	vx_u32 span; /* the largest power of two <= dims */
	vx_u32 metric;
};

struct vx_kernels;

/* All of these use SIMD registers. */
struct vx_navigation {
	/* Rotates `padded` floats in place; COSINE makes them a unit vector first. */
	void (*rotate)(const struct vx_kernels *kernels, const struct vx_coder *coder, float *values);
	/*
	 * Rotated floats to code bytes with `offset` (128 for a node, 0 for a query) added; padding is zero coordinates. Sets
	 * norm, sum and clipped of `code`.
	 */
	void (*quantise)(const struct vx_coder *coder, const struct vx_generation *generation, const float *rotated,
			 vx_u32 is_query, vx_u8 *out, struct vx_code *code);
	/* The code of a node as a query. */
	void (*take_code)(const struct vx_view *view, vx_u32 node, struct vx_code *code);
	/* Keys of n nodes (padded room for 3 more in nodes and keys; their chunks are there). */
	void (*keys)(struct vx_walk *walk, const struct vx_code *code, vx_u32 *nodes, vx_u32 n, vx_u32 *keys);
	/* Greedy walk from pool[0] on walk->level; the nearest node found replaces it. */
	int (*descend)(struct vx_walk *walk);
	/* The beam search of the paper (algorithm 2) on walk->level with pool_capacity candidates. */
	int (*beam)(struct vx_walk *walk);
	/* The same, keeping candidates that pass the predicate in results as well. Level 0. */
	int (*beam_filtered)(struct vx_walk *walk);
	/*
	 * The heuristic of the paper (algorithm 4): of ascending candidates, those that are nearer to the base than to every
	 * one chosen before; `out` may begin with `kept` nodes already chosen. Returns how many stand in out, at most max.
	 */
	vx_u32 (*select)(struct vx_walk *walk, const vx_u64 *candidates, vx_u32 n, vx_u32 *out, vx_u32 kept, vx_u32 max);
	/* Signs of rotated floats: bit d % 64 of out[d / 64 * stride] says that coordinate d is above zero. */
	void (*signs)(const float *rotated, vx_u32 dims, vx_u32 words, vx_u64 *out, vx_u32 stride);
	/*
	 * Which nodes of `groups` of eight differ from the query in fewer than `limit` signs: how many they are, in `found` (room
	 * for all) the number of these signs << 32 | the node's number here, in their order.
	 */
	vx_u32 (*nearer)(const vx_u64 *rows, vx_u32 groups, const vx_u64 *query, vx_u32 words, vx_u32 limit, vx_u64 *found);
	/* Nonzero when one of the `count` links behind the first of `words` (a multiple of 16) is no node. */
	vx_u32 (*bad_links)(const vx_u32 *list, vx_u32 words, vx_u32 count, const struct vx_view *view);
};

extern const struct vx_navigation vx_navigation_scalar;
#if defined(__x86_64__)
extern const struct vx_navigation vx_navigation_avx2;
extern const struct vx_navigation vx_navigation_avx512;
extern const struct vx_navigation vx_navigation_vnni;
#elif defined(__aarch64__)
extern const struct vx_navigation vx_navigation_neon;
#endif

#define VX_INLINE static inline __attribute__((always_inline))

VX_INLINE vx_u32 vx_word(const vx_u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

VX_INLINE void vx_set_word(vx_u32 *word, vx_u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

VX_INLINE vx_u8 *vx_chunk(const struct vx_view *view, vx_u32 chunk)
{
	return __atomic_load_n(&view->chunks[chunk], __ATOMIC_ACQUIRE);
}

VX_INLINE vx_u32 *vx_record(const struct vx_view *view, vx_u32 node)
{
	const struct vx_shape *shape = &view->shape;

	return (vx_u32 *)(vx_chunk(view, node >> shape->shift) + shape->records_at +
			  (size_t)(node & shape->mask) * shape->record_bytes);
}

/* VX_FLAT: the first word of a node's signs, the next ones eight words apart; the header is the last. */
VX_INLINE vx_u64 *vx_signs_in(const struct vx_shape *shape, const vx_u8 *chunk, vx_u32 place)
{
	return (vx_u64 *)chunk + (size_t)(place / 8) * 8 * (shape->words + 1) + place % 8;
}

/* The header of a node in its chunk, whatever the index is. */
VX_INLINE vx_u32 *vx_header_in(const struct vx_shape *shape, const vx_u8 *chunk, vx_u32 place)
{
	if (shape->words)
		return (vx_u32 *)(vx_signs_in(shape, chunk, place) + 8 * (size_t)shape->words);
	return (vx_u32 *)(chunk + shape->records_at + (size_t)place * shape->record_bytes);
}

VX_INLINE vx_u32 *vx_header_of(const struct vx_view *view, vx_u32 node)
{
	return vx_header_in(&view->shape, vx_chunk(view, node >> view->shape.shift), node & view->shape.mask);
}

VX_INLINE vx_u32 *vx_upper_block(const struct vx_view *view, vx_u32 block)
{
	const struct vx_shape *shape = &view->shape;
	vx_u8 *chunk = __atomic_load_n(&view->uppers[block >> shape->upper_shift], __ATOMIC_ACQUIRE);

	return (vx_u32 *)(chunk + (size_t)(block & ((1u << shape->upper_shift) - 1)) * shape->block_bytes);
}

VX_INLINE vx_u32 vx_node_of(const struct vx_shape *shape, vx_u32 slot)
{
	return slot / shape->per_chunk << shape->shift | slot % shape->per_chunk;
}

VX_INLINE vx_u32 vx_slot_of(const struct vx_shape *shape, vx_u32 node)
{
	return (node >> shape->shift) * shape->per_chunk + (node & shape->mask);
}

/* Links that a record of this header may hold. */
VX_INLINE vx_u32 vx_link_capacity(const struct vx_shape *shape, vx_u32 header)
{
	return shape->links - (VX_NODE_LEVEL(header) != 0);
}

VX_INLINE int vx_bit(const vx_u64 *words, vx_u32 bit)
{
	return (int)(__atomic_load_n(&words[bit / 64], __ATOMIC_RELAXED) >> (bit % 64) & 1);
}

VX_INLINE int vx_passes(const struct vx_predicate *p, vx_u32 slot)
{
	vx_u64 id;

	if (slot >= p->slots || (p->allowed && !vx_bit(p->allowed, slot)) || (p->tail && vx_bit(p->tail, slot)))
		return 0;
	if (!p->ids)
		return 1;
	id = __atomic_load_n(&p->ids[slot], __ATOMIC_RELAXED);
	if (id < p->id_min || id > p->id_max)
		return 0;
	if (!p->id_bits)
		return 1;
	id -= p->id_bits_first;
	return id < p->id_bits_count && (p->id_bits[id / 64] >> (id % 64) & 1);
}

VX_INLINE vx_u64 vx_square_root(vx_u64 square)
{
	vx_u64 root = 0, bit = 1ull << 62;

	for (; bit; bit >>= 2) {
		const vx_u64 next = root + bit;

		root >>= 1;
		if (square >= next) {
			square -= next;
			root += bit;
		}
	}
	return root;
}

/* Puts a candidate into an ascending array; the last falls out of a full one. Returns its place, `capacity` when none. */
VX_INLINE vx_u32 vx_insert(vx_u64 *pool, vx_u32 *count, vx_u32 capacity, vx_u64 candidate)
{
	vx_u32 at = *count;

	if (at == capacity) {
		if (capacity == 0 || pool[at - 1] < candidate)
			return capacity;
		at--;
	} else {
		*count = at + 1;
	}
	for (; at > 0 && pool[at - 1] > candidate; at--)
		pool[at] = pool[at - 1];
	pool[at] = candidate;
	return at;
}

#endif
