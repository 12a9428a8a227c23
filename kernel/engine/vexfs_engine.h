/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The engine of VexFS: distances, exact search, top k, row conversion and the id table of a vector set. Portable C
 * without libc, compiled into vexfs.ko and into libvexfs_engine.so for the FUSE daemon, so that both backends return
 * the same bits.
 *
 * Conventions
 *   - Lengths are counts of the thing named; *_bytes are bytes. Rows may lie at any address; nothing outside a row's
 *     vx_row_bytes() is read, not even its padding. Memory called `mem` is the caller's and 64-byte aligned.
 *   - Functions that fail return a negative errno of <asm-generic/errno.h> (VX_E*); "index or n" functions return the
 *     index of the first offending item, or n when there is none.
 *   - The engine keeps no global mutable state. What depends on the CPU arrives as a struct vx_cpu. Functions that take
 *     one may use SIMD registers; they enter and leave SIMD sections through its hooks and hold one for at most
 *     VX_SECTION_BYTES of row data or a single row. All others use general registers only.
 *   - Rounding must be to nearest even, denormals kept (the default of Linux user space and of kernel_fpu_begin()).
 */
#ifndef VEXFS_ENGINE_H
#define VEXFS_ENGINE_H

#ifdef __KERNEL__
#include <linux/stddef.h>
#include <linux/types.h>
typedef u8 vx_u8;
typedef u16 vx_u16;
typedef u32 vx_u32;
typedef u64 vx_u64;
typedef s32 vx_s32;
typedef s64 vx_s64;
#else
#include <stddef.h>
#include <stdint.h>
typedef uint8_t vx_u8;
typedef uint16_t vx_u16;
typedef uint32_t vx_u32;
typedef uint64_t vx_u64;
typedef int32_t vx_s32;
typedef int64_t vx_s64;
#endif

#define VX_EINTR 4
#define VX_ENOMEM 12
#define VX_EEXIST 17
#define VX_EINVAL 22
#define VX_EUCLEAN 117

/* Element types and metrics, with the values of the ioctl protocol. */
#define VX_FLOAT32 1
#define VX_FLOAT16 2
#define VX_INT8 3
#define VX_BINARY 4

#define VX_EUCLIDEAN 0
#define VX_COSINE 1
#define VX_DOT_PRODUCT 2

#define VX_MAX_DIMS 65536u
#define VX_MAX_K 10000u
/* A slot that does not exist; also 2^32 - 1 is therefore no slot, and a table holds at most VX_MAX_SLOTS of them. */
#define VX_NO_SLOT 0xffffffffu
#define VX_MAX_SLOTS 0xfffffffeu
/* The one 64-bit value that is no id. */
#define VX_NO_ID 0xffffffffffffffffull

/* ---- CPU ---------------------------------------------------------------------------------------------------------- */

#define VX_ISA_SCALAR 0 /* plain C; every machine */
#define VX_ISA_AVX2 1   /* AVX2 and F16C */
#define VX_ISA_AVX512 2 /* AVX-512 F, BW, DQ, VL */
#define VX_ISA_NEON 3   /* Advanced SIMD of AArch64 */
#define VX_ISA_AVX512_VNNI 4 /* the distances of AVX512; the index also uses VNNI and VPOPCNTDQ */
#define VX_ISA_COUNT 5

#define VX_CRC_TABLE 0
#define VX_CRC_HARDWARE 1 /* SSE4.2, or the CRC32 extension of ARMv8 */

struct vx_kernels;
struct vx_navigation;

struct vx_cpu {
	vx_u32 isa;
	vx_u32 crc;
	const struct vx_kernels *kernels;
	const struct vx_navigation *navigation;
	/* Around every use of SIMD registers; NULL where none is needed (user space). Never nested. */
	void (*simd_begin)(void);
	void (*simd_end)(void);
};

/* Row data touched inside one SIMD section, unless a single row is larger. */
#define VX_SECTION_BYTES (128u * 1024u)
/* Rows handled between two polls of the interrupt word. */
#define VX_SECTION_ROWS 1024u

/*
 * Fills `cpu` for code compiled for `isa` without hooks. The caller has checked that the machine has it. -EINVAL when
 * this build contains no such code.
 */
int vx_cpu_init(struct vx_cpu *cpu, vx_u32 isa, vx_u32 crc);

/* ---- rows and elements -------------------------------------------------------------------------------------------- */

/* Bytes of one row without padding; 0 when element type or dimensions (1..VX_MAX_DIMS) are not valid. */
vx_u32 vx_row_bytes(vx_u32 element, vx_u32 dims);

/* The first of n floats (any alignment) that is NaN or infinite, or n. */
size_t vx_all_finite(const struct vx_cpu *cpu, const void *floats, size_t n);

/*
 * Converts n rows of dims float32 (packed, any alignment) to `element` at out, out + stride, ... (stride >= row bytes),
 * zeroing padding bytes and unused bits. FLOAT16 rounds to nearest even, INT8 half to even; BINARY is x > 0, the first
 * element in the most significant bit. Returns n, or the index of the first row holding a value that is not finite or
 * does not fit; `out` is then undefined. -EINVAL on arguments that are not valid.
 */
vx_s64 vx_encode_rows(const struct vx_cpu *cpu, vx_u32 element, vx_u32 dims, const void *in, size_t n, void *out,
		      size_t stride);

/* The reverse: n rows at in, in + stride, ... to packed float32 (any alignment). 0 or -EINVAL. */
int vx_decode_rows(const struct vx_cpu *cpu, vx_u32 element, vx_u32 dims, const void *in, size_t stride, size_t n,
		   void *out);

/* ---- distances ---------------------------------------------------------------------------------------------------- */

/*
 * A query made ready once: values as float32, padded with zeros to whole blocks of 16, and for COSINE its norm.
 * Lives in memory of vx_query_bytes(dims); may be copied, shared between threads, and used with every vx_cpu.
 */
struct vx_query {
	vx_u32 element; /* of the rows it is compared with */
	vx_u32 metric;
	vx_u32 dims;
	vx_u32 row_bytes;
	vx_u32 norm_bits; /* float32: sqrt of the sum of squares */
	vx_u32 reserved[11];
	/* followed by the values, 64-byte aligned */
};

size_t vx_query_bytes(vx_u32 dims);

/* `values`: dims float32, any alignment. -EINVAL when an argument is not valid or a value is not finite. */
int vx_query_prepare(const struct vx_cpu *cpu, void *mem, vx_u32 metric, vx_u32 element, vx_u32 dims, const void *values);

/* Every distance that is not finite is reported as this NaN. */
#define VX_NO_MATCH 0x7fc00000u

/*
 * Distances to n rows. slots NULL: rows lie at rows + i * stride; else at rows + slots[i] * stride. out: n float32, as
 * their bits, so that integer-only code can pass them on.
 *
 * Elements are decoded to float32 and accumulated in 16 lanes (lane = i mod 16, from +0, ascending i) without fused
 * multiply-add; lanes are folded l[j] + l[j+8], then +4, +2, +1. EUCLIDEAN: sqrt(sum (q - x)^2). COSINE:
 * 1 - dot / (|q| |x|), clamped to [0, 2], 1 when either norm is 0. DOT_PRODUCT: -dot. -0 is returned as +0.
 */
void vx_distances(const struct vx_cpu *cpu, const struct vx_query *query, const void *rows, size_t stride,
		  const vx_u32 *slots, size_t n, vx_u32 *out);

/* ---- top k -------------------------------------------------------------------------------------------------------- */

/* Order: distance, id, slot; `key` is the float32 distance mapped to an integer of the same order. */
struct vx_hit {
	vx_u64 id;
	vx_u32 key;
	vx_u32 slot;
};

/* The k best offered so far, in memory of vx_topk_bytes(k). */
struct vx_topk {
	vx_u32 k;
	vx_u32 count;
	vx_u32 sorted;
	vx_u32 reserved;
	struct vx_hit hits[];
};

size_t vx_topk_bytes(vx_u32 k);

/* k 1..VX_MAX_K, else -EINVAL. */
int vx_topk_init(void *mem, vx_u32 k);

/*
 * Offers n rows: distances as vx_distances() gives them, ids by slot. Item i is slot first + slots[i] (first + i when
 * slots is NULL). Items whose distance is not finite are passed over.
 */
void vx_topk_offer(struct vx_topk *topk, const vx_u32 *distances, const vx_u64 *ids, const vx_u32 *slots, vx_u32 first,
		   size_t n);

/* Offers every hit of another collection: how threads that searched parts of a set join their results. */
void vx_topk_merge(struct vx_topk *topk, const struct vx_topk *other);

/* Sorts and writes the hits, nearest first; any output may be NULL. Returns their count. May be called again. */
vx_u32 vx_topk_finish(struct vx_topk *topk, vx_u32 *distances, vx_u64 *ids, vx_u32 *slots);

/* ---- exact search ------------------------------------------------------------------------------------------------- */

/*
 * One contiguous run of a matrix. Slot first + i lies at rows + i * stride, for i < n. ids and live are indexed by slot
 * (ids[slot]; bit slot % 64 of live[slot / 64]); live NULL: every slot is live. Rows of dead slots are not
 * read. *interrupt is polled at least every VX_SECTION_BYTES or row (NULL: never).
 */
struct vx_scan {
	const void *rows;
	vx_u64 stride;
	const vx_u64 *ids;
	const vx_u64 *live;
	const volatile vx_u32 *interrupt;
	void *scratch; /* VX_SCAN_SCRATCH_BYTES, 64-byte aligned */
	vx_u32 first;
	vx_u32 n;
};

#define VX_SCAN_SCRATCH_BYTES (VX_SECTION_ROWS * 8u)

/* Offers every matching row of the run to topk. 0, -EINTR (topk then holds an unspecified part) or -EINVAL. */
int vx_scan_run(const struct vx_cpu *cpu, const struct vx_query *query, const struct vx_scan *scan,
		struct vx_topk *topk);

/*
 * vx_topk_init, vx_scan_run and vx_topk_finish in one: returns the number of hits, min(k, matching rows), or a
 * negative errno. `topk` is memory of vx_topk_bytes(k).
 */
vx_s64 vx_search_exact(const struct vx_cpu *cpu, const struct vx_query *query, const struct vx_scan *scan, vx_u32 k,
		       void *topk, vx_u32 *distances, vx_u64 *ids, vx_u32 *slots);

/* ---- memory ------------------------------------------------------------------------------------------------------- */

/* alloc returns zeroed memory aligned to 64 bytes, or NULL; free gets the size that alloc was given. */
struct vx_alloc {
	void *(*alloc)(void *context, size_t bytes);
	void (*free)(void *context, void *memory, size_t bytes);
	void *context;
};

/* ---- the ids of one vector set ------------------------------------------------------------------------------------ */

/*
 * Which slot holds which id, and which slots are live. One thread changes a table at a time; others may meanwhile read
 * the arrays that vx_ids_info() names. When an array grows, the old one stays as it was until vx_ids_reclaim() is told
 * that no reader can hold it. The id of a slot does not change while the slot is live, and stays readable after the
 * slot was deleted until the slot is put again.
 *
 * Changing calls are all or nothing: after an error the table is as before. -EEXIST: the slot is live or the id lives
 * in another slot; -EUCLEAN: the slot to delete is not live; -EINVAL: VX_NO_ID or a slot past VX_MAX_SLOTS.
 */
struct vx_ids;

/* `seed` places ids in the hash, so that nobody can choose ids that collide; it changes no result. NULL: no memory. */
struct vx_ids *vx_ids_create(const struct vx_alloc *alloc, vx_u64 seed);
void vx_ids_destroy(struct vx_ids *table);

/* Room for `slots` slots and `rows` live ids, so that puts within them cannot fail with -ENOMEM. */
int vx_ids_reserve(struct vx_ids *table, vx_u32 slots, vx_u32 rows);

/* Slots may be past the slot count, which then grows over them; slots in between are free. */
int vx_ids_put(struct vx_ids *table, vx_u32 slot, vx_u64 id);
int vx_ids_put_range(struct vx_ids *table, vx_u32 slot, vx_u64 id, vx_u32 n);
int vx_ids_put_batch(struct vx_ids *table, const vx_u32 *slots, const vx_u64 *ids, size_t n);
int vx_ids_delete_slots(struct vx_ids *table, const vx_u32 *slots, size_t n);

/* Sets the slot count: slots past it die; new ones are free. Ends what vx_ids_reserve() promised. */
int vx_ids_truncate(struct vx_ids *table, vx_u32 slots);

/* out[i]: the slot of ids[i], or VX_NO_SLOT. Returns how many were found. */
size_t vx_ids_find_batch(const struct vx_ids *table, const vx_u64 *ids, size_t n, vx_u32 *out);

/* Index of the first id that exists, or n; of ids[i], and of id + i. */
size_t vx_ids_first_existing(const struct vx_ids *table, const vx_u64 *ids, size_t n);
size_t vx_ids_first_existing_range(const struct vx_ids *table, vx_u64 id, size_t n);

/*
 * Index of the first id that repeats an earlier one of the same batch, or n. `scratch`: vx_ids_duplicate_bytes(n) bytes, 8-byte
 * aligned, content irrelevant; n up to 2^30.
 */
size_t vx_ids_duplicate_bytes(size_t n);
size_t vx_ids_find_duplicate(const struct vx_ids *table, const vx_u64 *ids, size_t n, void *scratch);

/* The lowest free slot >= from, or the slot count (where the matrix would grow). */
vx_u32 vx_ids_next_free(struct vx_ids *table, vx_u32 from);
/* Up to n free slots >= from and below the slot count, ascending; returns how many. */
size_t vx_ids_free_slots(const struct vx_ids *table, vx_u32 from, vx_u32 *out, size_t n);
/* One past the highest live slot; 0 when none lives. */
vx_u32 vx_ids_live_end(const struct vx_ids *table);

/* Copies the live bitmap: (slots + 63) / 64 words; `words` says how many fit, -EINVAL when too few. Returns words. */
vx_s64 vx_ids_snapshot_live(const struct vx_ids *table, vx_u64 *out, size_t words);

struct vx_ids_info {
	vx_u64 ids;   /* address of the u64 ids by slot */
	vx_u64 live;  /* address of the u64 words of the live bitmap */
	vx_u64 slots; /* slot count */
	vx_u64 rows;  /* live slots */
	vx_u64 slot_capacity;
	vx_u64 memory_bytes; /* everything, retired arrays included */
	vx_u64 retired_bytes;
	vx_u64 id_bound; /* no live id is >= this; 0 when none was put */
};

void vx_ids_info(const struct vx_ids *table, struct vx_ids_info *out);

/*
 * Arrays replaced by growth are marked with the epoch set last. vx_ids_reclaim() frees those whose mark is below
 * oldest_active, the smallest epoch at which a reader that may still run took its pointers.
 */
void vx_ids_set_epoch(struct vx_ids *table, vx_u64 epoch);
void vx_ids_reclaim(struct vx_ids *table, vx_u64 oldest_active);

/* ---- checksum ----------------------------------------------------------------------------------------------------- */

/* CRC-32C as the kernel's crc32c(): the seed is taken and the result returned without inversion. */
vx_u32 vx_crc32c(const struct vx_cpu *cpu, vx_u32 seed, const void *data, size_t bytes);

#endif
