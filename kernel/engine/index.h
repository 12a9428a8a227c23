/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The index inside: who owns which memory, and the functions that its files offer each other. */
#ifndef VX_INDEX_H
#define VX_INDEX_H

#include "navigate.h"
#include "sections.h"

/* An array of chunk addresses. Searches may hold the ones before it, which are kept until the index is destroyed. */
struct vx_directory {
	struct vx_directory *retired;
	vx_u32 capacity;
	vx_u32 count; /* of chunks */
	vx_u32 *sums; /* room for a checksum a chunk: saving allocates nothing */
	vx_u8 *chunks[];
};

struct vx_chunks {
	struct vx_directory *directory; /* published with release; NULL when there are no chunks */
	vx_u32 bytes;                   /* of one chunk */
	vx_u32 mapped;                  /* chunks below this belong to the snapshot unless `owned` says otherwise */
	vx_u64 *owned;                  /* one bit a mapped chunk that was copied or read, or, by record, whose sum was right; NULL without a snapshot */
	const vx_u32 *sums;             /* CRC-32C of the mapped chunks */
	vx_u64 at;                      /* of the first one in the snapshot */
	vx_u64 used;                    /* bytes of all mapped ones there; the last may be shorter than a chunk */
};

/* level, node to be changed, item of the round: 43 bits */
#define VX_EDGE(level, node, item) ((vx_u64)(level) << 39 | (vx_u64)(node) << 8 | (item))
#define VX_EDGE_LEVEL(edge) ((vx_u32)((edge) >> 39))
#define VX_EDGE_NODE(edge) ((vx_u32)((edge) >> 8) & 0x7fffffffu)
#define VX_EDGE_ITEM(edge) ((vx_u32)(edge) & 0xffu)
#define VX_EDGE_TARGET(edge) ((edge) >> 8)
#define VX_NO_EDGE (~0ull)
/* Nodes found linking to one that goes, all levels together; on average so many fit when every list is read. */
#define VX_LINKS_IN 256u

enum vx_stage {
	VX_IDLE,
	VX_CODING,    /* rows of the round become codes */
	VX_FINDING,   /* who links to the deleted nodes */
	VX_REPAIRING, /* and whom they link to instead */
	VX_SEARCHING, /* candidates and links of new nodes */
	VX_LINKING,   /* links back to them */
	VX_COUNTING,  /* statistics of a new generation */
	VX_RECODING,
};

/* A new node of a round, or one that goes. */
struct vx_item {
	vx_u32 node;
	vx_u32 level;
	vx_u32 block; /* of levels above 0 */
	vx_u32 flags; /* VX_ITEM_* */
	vx_u32 first_edge; /* where its edges begin; each level has room for M */
	vx_u32 before;     /* header that the node had */
};

#define VX_ITEM_INSERT 1u
#define VX_ITEM_DELETE 2u /* both: a row taken anew */
#define VX_ITEM_UNMATCHED 4u
#define VX_ITEM_CLIPPED 8u /* its code says little: too many coordinates lie outside of the scale */

struct vx_worker {
	struct vx_walk walk;
	size_t walk_bytes;
	float *floats; /* one rotated row */
	vx_s64 *sums;  /* VX_TRAIN_NUMBERS of a new generation */
	vx_u64 *candidates;
	vx_u32 *chosen;
	vx_u64 counted; /* rows in sums */
};

struct vx_builder {
	enum vx_stage stage;
	vx_u32 workers; /* with memory */
	struct vx_worker *worker;
	const struct vx_rows *rows;
	vx_s64 taken;
	int error;   /* atomic */
	int started; /* the first phase was announced */
	vx_u32 next;  /* work item to be claimed; atomic */
	vx_u32 total; /* work items of the stage */

	struct vx_item *items; /* of the round; when training, of every waiting row too */
	vx_u32 item_count, item_capacity;
	vx_u32 first, last; /* items of the part being inserted */

	/*
	 * Edges of the stage: VX_EDGE of level, node and item. While searching each item has room for M of each of its
	 * levels, while finding for VX_LINKS_IN; sorted before linking or repairing.
	 */
	vx_u64 *edges, *edge_space;
	vx_u32 edge_count, edge_capacity; /* count: atomic while finding */
	vx_u32 scanning;                  /* every list is read for links to what goes */
	vx_u32 *groups; /* edges of one target begin here */
	vx_u32 group_count;
	vx_u32 digits[256];
	vx_u64 *doomed; /* bits by node: goes in this round */
	vx_u32 doomed_words;
	struct vx_generation *generation; /* the next one, until its codes are there */
	vx_u32 outgrown; /* that one is made before the new nodes are linked, and from their rows too */
};

struct vx_index {
	struct vx_alloc alloc;
	struct vx_cpu cpu;
	struct vx_index_params params;
	struct vx_shape shape;
	struct vx_coder coder;
	vx_u32 *signs;
	vx_u64 memory; /* bytes taken from alloc; atomic */

	struct vx_chunks nodes, uppers;
	vx_u32 limit;        /* one past the highest node; atomic */
	vx_u32 upper_limit;  /* one past the highest block; atomic */
	vx_u64 entry;        /* level << 32 | node, or VX_NO_ENTRY; atomic */
	vx_u32 free_blocks[VX_MAX_LEVEL + 1]; /* lists of freed runs by length, linked through their second word */
	vx_u64 slots;        /* one past the highest slot held */
	vx_u64 held, linked, unmatched;
	vx_u32 *waiting; /* slots in the order of the log; NULL when trained */
	vx_u32 waiting_count, waiting_capacity;
	vx_u64 position;
	struct vx_generation *generation; /* atomic; NULL: not trained */
	struct vx_generation *retired;
	vx_u32 damaged; /* atomic */

	struct vx_index_source source; /* size 0: none */
	vx_u32 verified;               /* every chunk of it is loaded and may be changed */
	vx_u32 *sums;
	vx_u64 sum_bytes;

	struct vx_builder builder;
};

#define VX_NO_ENTRY (~0ull)

/* ---- memory: index_memory.c --------------------------------------------------------------------------------------- */

void *vx_index_alloc(struct vx_index *index, size_t bytes);
void vx_index_free(struct vx_index *index, void *memory, size_t bytes);
/* Grows an array of the builder; the old content is kept. -ENOMEM leaves it. */
int vx_index_grow(struct vx_index *index, void **memory, size_t old_bytes, size_t bytes);

/* Room for nodes below `nodes` resp. `more` further blocks, all chunks present. */
int vx_nodes_reserve(struct vx_index *index, vx_u32 nodes);
int vx_blocks_reserve(struct vx_index *index, vx_u32 more);
/* A directory of chunks that are not there yet. */
int vx_directory_map(struct vx_index *index, struct vx_chunks *chunks, vx_u32 count);
/* A run of `level` blocks; vx_blocks_reserve() has made room. */
vx_u32 vx_block_take(struct vx_index *index, vx_u32 level);
void vx_block_give(struct vx_index *index, vx_u32 block, vx_u32 level);
void vx_chunks_free(struct vx_index *index, struct vx_chunks *chunks);
void vx_index_view(const struct vx_index *index, struct vx_view *view);

/* ---- walks: walk.c ------------------------------------------------------------------------------------------------ */

/* What the arrays of a walk are made for. */
struct vx_walk_needs {
	vx_u32 limit, pool, results, dims, links;
};

size_t vx_walk_bytes(const struct vx_walk_needs *needs);
/* Lays the arrays out in `memory`, zeroed, of vx_walk_bytes(). */
void vx_walk_place(struct vx_walk *walk, const struct vx_walk_needs *needs, void *memory);
/* Begins at the entry point and descends to `level`: pool[0] is the nearest node found there. 1: yes; 0: no graph. */
int vx_walk_begin(struct vx_index *index, struct vx_walk *walk, vx_u64 entry, vx_u32 level);
/* Runs the beam on walk->level from pool[0]. */
int vx_walk_beam(struct vx_index *index, struct vx_walk *walk, int filtered, const volatile vx_u32 *interrupt);
void vx_walk_clear(struct vx_walk *walk);

/* ---- codes: coder.c ----------------------------------------------------------------------------------------------- */

int vx_coder_create(struct vx_index *index);
struct vx_generation *vx_generation_new(struct vx_index *index);
size_t vx_generation_bytes(const struct vx_index *index);
/* The row of a slot, rotated, into `floats`: 0 or a negative errno. *unmatched: it is not finite. */
int vx_rotated_row(const struct vx_index *index, const struct vx_rows *rows, vx_u32 slot, float *floats, vx_u32 *unmatched);
/* Writes code and norm of a node. Returns how many coordinates were clipped. */
vx_u32 vx_write_code(const struct vx_index *index, const struct vx_generation *generation, vx_u32 node, const float *rotated);
void vx_query_code(const struct vx_index *index, const struct vx_generation *generation, const float *values,
		   float *floats, struct vx_code *code);
/* The first generation, from the rows of the waiting slots. */
int vx_generation_train(struct vx_index *index, const struct vx_rows *rows);

/* ---- generation.c: recoding --------------------------------------------------------------------------------------- */

int vx_generation_due(const struct vx_index *index);
/* Do the codes of the round's rows ask for another scale, before anything is linked by them? */
int vx_generation_outgrown(const struct vx_index *index);
/* Work items of counting and recoding. */
vx_u32 vx_generation_items(const struct vx_index *index);
int vx_generation_begin(struct vx_index *index);
void vx_generation_count(struct vx_index *index, struct vx_worker *worker, vx_u32 item);
void vx_generation_fold(struct vx_index *index);
void vx_generation_recode(struct vx_index *index, struct vx_worker *worker, vx_u32 item);
/* Do so many coordinates that were clipped keep a code from telling where its row is? */
static inline int vx_is_clipped(const struct vx_index *index, vx_u32 clipped)
{
	return clipped > index->params.dims / 32;
}
void vx_generation_publish(struct vx_index *index, struct vx_generation *generation);

/* ---- building: build.c, build_memory.c, build_insert.c, build_delete.c -------------------------------------------- */

vx_u32 vx_level_of(const struct vx_index *index, vx_u64 id);

/* Links that a new node chooses at most: one more than M makes up for lists that hold one less than 2 M. */
static inline vx_u32 vx_links_chosen(const struct vx_index *index)
{
	return index->params.m + 1;
}

/* Memory for nodes below `limit`, for `count` items, and for edges and blocks of the items listed: 0 or -ENOMEM. */
int vx_workers_reserve(struct vx_index *index, vx_u32 workers, vx_u32 limit);
int vx_items_reserve(struct vx_index *index, vx_u32 count);
int vx_links_reserve(struct vx_index *index);
void vx_builder_free(struct vx_index *index);

/* Slots of one work item when all of them are walked over. */
#define VX_SLOTS_A_ITEM 256u

void vx_insert_search(struct vx_index *index, struct vx_worker *worker, vx_u32 item);

void vx_insert_group(struct vx_index *index);
void vx_insert_finish(struct vx_index *index);
void vx_insert_link(struct vx_index *index, struct vx_worker *worker, vx_u32 group);
/* Chooses how to find them; returns the work items of that. */
vx_u32 vx_delete_begin(struct vx_index *index, vx_u32 deletes);
void vx_delete_find(struct vx_index *index, struct vx_worker *worker, vx_u32 item);
void vx_delete_group(struct vx_index *index);
void vx_delete_repair(struct vx_index *index, struct vx_worker *worker, vx_u32 group);
void vx_delete_finish(struct vx_index *index);
/* Sorts the edges of the stage, drops VX_NO_EDGE, and finds where each target begins. */
void vx_group_edges(struct vx_index *index);

/* Links of a node on a level, in memory; capacity is how many fit. */
static inline vx_u32 *vx_list_of(const struct vx_view *view, vx_u32 node, vx_u32 level, vx_u32 *capacity)
{
	vx_u32 *record = vx_record(view, node);

	if (level == 0) {
		*capacity = vx_link_capacity(&view->shape, vx_word(record));
		return record;
	}
	*capacity = view->shape.upper_links;
	return vx_upper_block(view, vx_word(record + view->shape.links) + level - 1);
}

static inline vx_u32 vx_list_count(const vx_u32 *list, vx_u32 capacity)
{
	vx_u32 count = vx_word(list) & VX_NODE_LINKS;

	return count < capacity ? count : capacity;
}

/* A search may read the list between the words; every state in between is a list of nodes. */
static inline void vx_list_store(vx_u32 *list, const vx_u32 *links, vx_u32 count)
{
	vx_u32 i;

	for (i = 0; i < count; i++)
		vx_set_word(list + 1 + i, links[i]);
	__atomic_store_n(list, (vx_word(list) & ~VX_NODE_LINKS) | count, __ATOMIC_RELEASE);
}

/* ---- VX_FLAT: flat.c ---------------------------------------------------------------------------------------------- */

/* The signs of a rotated row. */
void vx_flat_write(const struct vx_index *index, vx_u32 node, const float *rotated);
/* The round's rows are written: they come and go at once. */
void vx_flat_commit(struct vx_index *index);

/* ---- snapshots: snapshot_open.c ----------------------------------------------------------------------------------- */

/* Makes a chunk of the snapshot usable for searches: 0, -EUCLEAN, -ENOMEM, -EIO. `missing` as in struct vx_walk. */
int vx_chunk_touch(struct vx_index *index, vx_u32 missing);
vx_u64 vx_snapshot_bytes(const struct vx_index *index);
/* All of them, checked and writable. */
int vx_snapshot_load(struct vx_index *index);

/* ---- records that stay in the snapshot: records.c ----------------------------------------------------------------- */

/* Is every chunk as it was written, and every record and block within bounds? Memory for that is taken meanwhile. */
int vx_records_verify(struct vx_index *index);

#endif
