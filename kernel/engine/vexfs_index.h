/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The index of one vector set: a hierarchical navigable small world graph after Y. A. Malkov and D. A. Yashunin,
 * "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World graphs", IEEE
 * TPAMI 42(4), 2020; its parameter names are used here (M, ef_construction, ef, levels, the neighbour selection
 * heuristic). The graph is navigated by int8 codes of rotated rows; what a search returns are exact distances of the
 * rows themselves, in the order and with the bits of vx_search_exact().
 *
 * The rows are the truth and the index is a hint. A search never returns fewer than min(k, matching rows): where the
 * graph cannot give them (too few rows, k or the filter ask for too much, a damaged snapshot) it compares rows exactly.
 *
 * Nodes are slots. The index owns codes and links; rows, ids and the live bitmap stay with the caller.
 *
 * Threads
 *   - One builder changes an index at a time (vx_index_begin() to the end of its round); only the builder saves it. The threads that help it are the caller's and do nothing outside vx_index_work().
 *   - Any number of threads may search at any time, each with a searcher of its own, also while a round is built.
 *     Links, headers and the entry point are single atomic words; memory that a search may have seen is not freed
 *     before vx_index_destroy(). A search beside a builder meets each node as it was before or after the round, or
 *     between; it may miss rows of that round, never return a wrong distance.
 *   - What a round leaves depends on the parameters, the changes and the rows alone: not on the number of threads, not
 *     on the CPU, not on searches. Two indexes that took the same changes in the same rounds save the same bytes.
 *
 * Memory: arrays of 2 MiB (records) and smaller ones through the allocator of struct vx_alloc; a failure leaves the
 * index as it was. Nothing recurses; no function needs 1 KiB of stack.
 *
 * In the kernel, SIMD sections are entered as vexfs_engine.h says. Inside them nothing is allocated, no row is fetched
 * by callback and nothing sleeps.
 */
#ifndef VEXFS_INDEX_H
#define VEXFS_INDEX_H

#include "vexfs_engine.h"

#define VX_EIO 5

/* ---- parameters --------------------------------------------------------------------------------------------------- */

#define VX_MIN_M 4u
#define VX_MAX_M 64u
#define VX_DEFAULT_M 16u
#define VX_MAX_EF 10000u /* of ef and ef_construction; at least 1 */
#define VX_DEFAULT_EF_CONSTRUCTION 200u
#define VX_DEFAULT_EF 64u
/* Rows behind the first code generation; until an index has so many, it is searched exactly. */
#define VX_DEFAULT_TRAIN_ROWS 4096u
#define VX_MAX_TRAIN_ROWS 65536u
/* Slots of an index lie below this; its node numbers have 31 bits. */
#define VX_MAX_INDEX_SLOTS 0x40000000u
#define VX_MAX_WORKERS 64u
/* The largest number of changes that one round takes. */
#define VX_ROUND_CHANGES 256u

/*
 * VX_GRAPH is the graph. VX_FLAT, of VX_COSINE alone, keeps one bit a coordinate instead, the sign after the rotation:
 * a search compares the bits of every row and then the `ef` nearest rows themselves. It needs no building and an eighth of
 * the memory; its searches take time as the rows are many, and over rows of many dimensions find more than a graph does in
 * the same time.
 */
#define VX_GRAPH 0u
#define VX_FLAT 1u

struct vx_index_params {
	vx_u32 metric;          /* VX_EUCLIDEAN, VX_COSINE, VX_DOT_PRODUCT */
	vx_u32 element;         /* VX_FLOAT32 ... VX_BINARY: of the rows */
	vx_u32 dims;            /* 1..VX_MAX_DIMS */
	vx_u32 m;               /* M: links of a node above level 0 are M - 1, on level 0 they are 2 M - 1; 0: the default */
	vx_u32 ef_construction; /* candidates an insert looks at; 0: the default */
	vx_u32 train_rows;      /* 1..VX_MAX_TRAIN_ROWS; 0: the default. COSINE needs no training and ignores it */
	vx_u64 seed;            /* of levels and of the rotation */
	vx_u32 type;            /* VX_GRAPH, VX_FLAT; the latter ignores m, ef_construction and train_rows */
	vx_u32 reserved;        /* 0 */
};

/* ---- rows --------------------------------------------------------------------------------------------------------- */

/* Rows asked for by one call of get(). */
#define VX_ROWS_AT_ONCE 16u

/*
 * Where rows lie. Either all of them in one range of addresses (get NULL): slot s at base + s * stride. Or wherever
 * get() says, for callers that hold rows page by page: get() makes n <= VX_ROWS_AT_ONCE rows readable and stores their
 * addresses, returning 0 or a negative errno, which the calling function then returns; put() ends that (not called when
 * get() failed). Both are called outside SIMD sections, may sleep, and never overlap within one thread. Several threads
 * may be inside at the same time when they share one vx_rows.
 */
struct vx_rows {
	const void *base;
	vx_u64 stride; /* bytes, at least the row's */
	int (*get)(void *context, const vx_u32 *slots, vx_u32 n, const void **rows);
	void (*put)(void *context, const void *const *rows, vx_u32 n);
	void *context;
	vx_u32 slots; /* rows lie in slots below this */
	vx_u32 reserved;
};

/* ---- life --------------------------------------------------------------------------------------------------------- */

struct vx_index;

/*
 * An empty index. `alloc` and `cpu` are copied. *error (may be NULL) says why NULL is returned: -EINVAL parameters,
 * -ENOMEM.
 */
struct vx_index *vx_index_create(const struct vx_alloc *alloc, const struct vx_cpu *cpu,
				 const struct vx_index_params *params, int *error);
/* No search and no builder may be left. NULL is allowed. */
void vx_index_destroy(struct vx_index *index);

struct vx_index_info {
	struct vx_index_params params; /* defaults filled in */
	vx_u64 rows;                   /* slots the index holds: in the graph, waiting for training, or unmatched */
	vx_u64 waiting;                /* of these, rows that wait for training */
	vx_u64 unmatched;              /* of these, rows with a value that is not finite; they match no query */
	vx_u64 slots;                  /* one past the highest slot ever held */
	vx_u64 position;               /* of vx_index_set_position() */
	vx_u64 generation;             /* of codes; 0: none yet */
	vx_u64 memory_bytes;           /* all that the index holds from its allocator, builder's memory included */
	vx_u64 graph_bytes;            /* of these, records (links and codes) and upper levels */
	vx_u64 record_bytes;           /* of one node: links and code of level 0 */
	vx_u64 snapshot_bytes;         /* what vx_index_save() would write now */
	vx_u32 top_level;
	vx_u32 damaged; /* a chunk of the snapshot failed its check: searches are exact, changes fail; build it anew */
};

void vx_index_info(const struct vx_index *index, struct vx_index_info *out);

/* Any number of the caller's, kept in snapshots: up to where the row log has been applied. Builder only. */
void vx_index_set_position(struct vx_index *index, vx_u64 position);

/* ---- changes ------------------------------------------------------------------------------------------------------ */

#define VX_PUT 1 /* the slot now holds this id; if the index holds the slot, its row is taken anew */
#define VX_DEL 2 /* the slot holds nothing any more; nothing happens when the index does not hold it. id is ignored */

struct vx_change {
	vx_u64 id;
	vx_u32 slot;
	vx_u32 op;
};

/*
 * A round, by a builder with `workers` threads (1..VX_MAX_WORKERS):
 *
 *	taken = vx_index_begin(index, rows, changes, n, workers);
 *	while ((status = vx_index_phase(index)) > 0)
 *		in each of the threads 0..workers-1, and wait for all: vx_index_work(index, thread);
 *
 * vx_index_begin() takes the first changes of the log, at most VX_ROUND_CHANGES and at most up to the second change
 * of one slot, and returns how many (n 0: 0, and there is no round). Everything that the round needs is allocated here.
 * -EINVAL: a slot past VX_MAX_INDEX_SLOTS or rows->slots, an unknown op, VX_NO_ID; -ENOMEM; -EUCLEAN: damaged snapshot;
 * -EIO. The index is then as before. `rows` and `changes` must stay until the round ends.
 *
 * vx_index_phase() (one thread) returns 1: there is work; 0: the round is done; negative: a row could not be read, the
 * round is undone and no change was taken. vx_index_work() may be called by fewer threads than announced.
 *
 * A row keeps its bytes from its PUT until the DEL of its slot has been taken; where the caller breaks that, the bytes
 * of the graph depend on timing, answers do not.
 */
vx_s64 vx_index_begin(struct vx_index *index, const struct vx_rows *rows, const struct vx_change *changes, size_t n,
		      vx_u32 workers);
int vx_index_phase(struct vx_index *index);
void vx_index_work(struct vx_index *index, vx_u32 worker);

/*
 * Rounds by the calling thread alone until all n changes are taken: n. When a round fails after others succeeded, how
 * many were taken until then; the next call returns the error. *interrupt (may be NULL) is polled between rounds.
 */
vx_s64 vx_index_apply(struct vx_index *index, const struct vx_rows *rows, const struct vx_change *changes, size_t n,
		      const volatile vx_u32 *interrupt);

/* ---- search ------------------------------------------------------------------------------------------------------- */

/* Memory of one searching thread: visited bits, candidates, the query's code. Grows with the indexes it meets. */
struct vx_searcher;

struct vx_searcher *vx_searcher_create(const struct vx_alloc *alloc);
void vx_searcher_destroy(struct vx_searcher *searcher);

/* Which rows may be returned; a row must pass every part that is given. All zero: every row. */
struct vx_filter {
	vx_u64 id_min; /* ids id_min..id_max; both 0: every id */
	vx_u64 id_max;
	const vx_u64 *slot_bits; /* bit s % 64 of word s / 64, for the slots of struct vx_search; NULL: every slot */
	const vx_u64 *id_bits;   /* bit i for id id_bits_first + i, ids outside do not pass; NULL: every id */
	vx_u64 id_bits_first;
	vx_u64 id_bits_count;
};

struct vx_search {
	const struct vx_query *query; /* of the metric, element and dimensions of the index */
	const struct vx_rows *rows;
	const vx_u64 *ids;  /* by slot */
	/* Bitmap by slot: rows that are dead do not match. NULL: what the index holds is live; not with by_record. */
	const vx_u64 *live;
	const struct vx_filter *filter; /* NULL: every row */
	/*
	 * Slots whose PUT the index has not taken yet: they are compared exactly, and what the graph knows of them is not
	 * used. Slots that are dead or fail the filter may be among them.
	 */
	const vx_u32 *tail;
	const volatile vx_u32 *interrupt; /* polled at least every VX_SECTION_BYTES of codes or rows; NULL: never */
	vx_u32 tail_count;
	vx_u32 slots;  /* ids, live and slot_bits hold so many */
	vx_u32 k;      /* 1..VX_MAX_K */
	vx_u32 ef;     /* 1..VX_MAX_EF, raised to k and, where rerank is 0, to what that chooses; 0: VX_DEFAULT_EF */
	/*
	 * Candidates compared exactly, at least k, at most ef. 0: chosen by k (with VX_FLAT all of them), and those that the codes
	 * cannot tell from the k-th; when they cannot tell any apart, more candidates are looked at than ef, at last all rows.
	 */
	vx_u32 rerank;
	vx_u32 flags;  /* VX_SEARCH_* */
};

#define VX_SEARCH_EXACT 1u /* do not use the graph */

/*
 * The nearest matching rows, nearest first: distance, then id. Returns how many, min(k, matching rows) whatever the
 * filter. Matching rows are live (or, with live NULL, held by the index), pass the filter, and have a finite distance.
 * distances (float32 as bits), ids and slots have room for k, or are NULL. -EINVAL, -ENOMEM, -EINTR, what rows->get()
 * returned.
 */
vx_s64 vx_index_search(struct vx_index *index, struct vx_searcher *searcher, const struct vx_search *search,
		       vx_u32 *distances, vx_u64 *ids, vx_u32 *slots);

/* Neighbours by which recall is measured, and what stands for all of them. */
#define VX_RECALL_NEAR 10u
#define VX_RECALL_UNIT 1000000

/*
 * Of the ten nearest other rows of `sample` live rows (1 or more), spread evenly over the slots, the share that a search by the index
 * finds: 0..VX_RECALL_UNIT, of no rows that. `search` is as for vx_index_search(), its query and k are filled in; `query` is
 * memory of vx_query_bytes(), `values` room for a row of float32. Twice `sample` searches, half of them of every row. Errors are
 * those of vx_index_search().
 */
vx_s64 vx_index_recall(struct vx_index *index, struct vx_searcher *searcher, const struct vx_search *search, void *query,
		       float *values, vx_u32 sample);

#define VX_PATH_GRAPH 0    /* answered by navigation, or by the bits of VX_FLAT */
#define VX_PATH_EXACT 1    /* few rows match, or the graph has none: rows were compared exactly */
#define VX_PATH_FALLBACK 2 /* navigation found too little, or nothing but ties; then rows were compared exactly */

/* How the last search of a searcher went. */
struct vx_search_info {
	vx_u64 hops;      /* nodes whose links were followed */
	vx_u64 codes;     /* codes compared */
	vx_u64 rows;      /* rows compared exactly */
	vx_u64 path;      /* VX_PATH_* */
	vx_u64 memory_bytes; /* of the searcher */
};

void vx_searcher_info(const struct vx_searcher *searcher, struct vx_search_info *out);

/* ---- snapshots ---------------------------------------------------------------------------------------------------- */

/*
 * Writes the index as vx_index_info().snapshot_bytes bytes, in order, through `write`, which returns 0 or a negative
 * errno that ends the saving and is returned. Called by the builder between rounds; searches may go on. Allocates nothing
 * unless a snapshot was opened and not loaded yet (then also -ENOMEM, -EUCLEAN). Little-endian, sections begin at
 * multiples of 4096 bytes from the start, each chunk carries a CRC-32C.
 */
int vx_index_save(struct vx_index *index, int (*write)(void *context, const void *data, size_t bytes),
		  void *context);

/*
 * Where a snapshot lies: at `bytes`, page-aligned, which stay mapped and unchanged until the index is destroyed; or
 * (bytes NULL) wherever read() finds it, which returns 0 or a negative errno. `size` is that of the snapshot or more.
 */
struct vx_index_source {
	const void *bytes;
	vx_u64 size;
	int (*read)(void *context, vx_u64 offset, void *data, size_t bytes);
	void *context;
	/*
	 * Nonzero (with bytes NULL): the graph is more than there is memory for. Nothing of it is kept; searches read each record
	 * that they come by, and answer what they would from memory. read() may then be called by several searches at once.
	 * Such an index takes no changes and is not saved (-EINVAL), and needs the live bitmap to be searched.
	 */
	vx_u32 by_record;
	vx_u32 reserved;
};

/*
 * Opens a snapshot. Only its first and last pages are read and checked now; each chunk is checked when it is touched
 * first, all of them before the first round. Whether it is of the caller's rows is the caller's to see: metric, element
 * and dims stand in vx_index_info(), and a search with another query is -EINVAL. NULL and *error: -EUCLEAN damaged,
 * truncated or of another version,
 * -EINVAL, -ENOMEM, what read() returned. A search that meets a damaged chunk compares rows exactly and marks the index
 * damaged; vx_index_begin() then fails with -EUCLEAN.
 */
struct vx_index *vx_index_open(const struct vx_alloc *alloc, const struct vx_cpu *cpu,
			       const struct vx_index_source *source, int *error);

/* Checks every chunk now, links included: 0, -EUCLEAN, -ENOMEM, what read() returned. With by_record a builder only. */
int vx_index_verify(struct vx_index *index);

#endif
