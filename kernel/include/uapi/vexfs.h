/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */

/*
 * Generated from shared/ by `node shared/dist/generate.js`: change it there.
 *
 * The ioctl protocol of a mounted VexFS volume; docs/api.md says what every call means. Offsets are those of LP64
 * callers, the only ones there are. Reserved fields and unknown flags must be zero. After an error output is undefined
 * and the volume unchanged.
 */

#ifndef _UAPI_VEXFS_H
#define _UAPI_VEXFS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VEXFS_IOC_MAGIC 'V'

/* Element types. BINARY packs eight components into a byte, the first one in its highest bit. */
#define VEXFS_ELEMENT_FLOAT32 1
#define VEXFS_ELEMENT_FLOAT16 2
#define VEXFS_ELEMENT_INT8    3
#define VEXFS_ELEMENT_BINARY  4

#define VEXFS_STORAGE_DENSE      0
#define VEXFS_STORAGE_SPARSE     1
#define VEXFS_STORAGE_COMPRESSED 2

#define VEXFS_COMPRESS_NONE 0
#define VEXFS_COMPRESS_LZ4  1
#define VEXFS_COMPRESS_ZSTD 2

/* Distances; the smaller, the nearer: root taken; 1 - cosine; minus the dot product. */
#define VEXFS_SEARCH_EUCLIDEAN   0
#define VEXFS_SEARCH_COSINE      1
#define VEXFS_SEARCH_DOT_PRODUCT 2

/* Flags of BATCH_INSERT; OVERWRITE and APPEND exclude each other, VALIDATE alone stores nothing. */
#define VEXFS_INSERT_OVERWRITE 1
#define VEXFS_INSERT_APPEND    2
#define VEXFS_INSERT_VALIDATE  4

/* MANAGE_INDEX: kinds of index (FLAT takes COSINE only), operations, states. */
#define VEXFS_INDEX_TYPE_GRAPH      1
#define VEXFS_INDEX_TYPE_FLAT       2
#define VEXFS_INDEX_OP_CREATE       1
#define VEXFS_INDEX_OP_TUNE         2
#define VEXFS_INDEX_OP_WAIT         3
#define VEXFS_INDEX_OP_VERIFY       4
#define VEXFS_INDEX_OP_REBUILD      5
#define VEXFS_INDEX_OP_DROP         6
#define VEXFS_INDEX_OP_INFO         7
#define VEXFS_INDEX_STATE_NONE      0
#define VEXFS_INDEX_STATE_BEHIND    1
#define VEXFS_INDEX_STATE_READY     2
#define VEXFS_INDEX_STATE_RESTING   3
#define VEXFS_INDEX_STATE_ON_VOLUME 4

/* Flags of GET_STATS: the index is read through the page cache, because there is no memory for it. */
#define VEXFS_STATS_INDEX_ON_VOLUME 1

/* Flags of DELETE_EMBEDDING and BATCH_DELETE: pass over ids that no row has. */
#define VEXFS_DELETE_MISSING_OK 1

/* Flags of BATCH_GET: zeros for ids that no row has. */
#define VEXFS_GET_MISSING_OK 1

/* Flags of BATCH_SEARCH: compare every row. */
#define VEXFS_SEARCH_FLAG_EXACT 1

/* What one call, one file and one name can hold. */
#define VEXFS_MAX_DIMENSIONS        65536
#define VEXFS_MAX_ROWS_PER_CALL     1048576
#define VEXFS_MAX_BYTES_PER_CALL    1073741824
#define VEXFS_MAX_K                 10000
#define VEXFS_MAX_ROWS_PER_FILE     4294967294U
#define VEXFS_MAX_EMPTY_DATA_OFFSET 1048576
#define VEXFS_MAX_ALIGNMENT_BYTES   4096
#define VEXFS_MAX_INLINE_BYTES      16000
#define VEXFS_MAX_NAME_BYTES        255

/*
 * Rows below which no search goes by an index, rows that it may be behind while searches do, milliseconds that an
 * insert waits at most for one that is further behind, results above which searches do not; changes below which no
 * snapshot is written while more are coming; automatic_rows of a file that gets no index by itself.
 */
#define VEXFS_INDEX_LEAST_ROWS    4096
#define VEXFS_INDEX_MOST_BEHIND   16384
#define VEXFS_INDEX_MOST_DELAY_MS 10000
#define VEXFS_INDEX_MOST_RESULTS  1000
#define VEXFS_INDEX_LEAST_UNSAVED 8192
#define VEXFS_INDEX_NEVER         4294967295U
#define VEXFS_MAX_RECALL_SAMPLE   10000
#define VEXFS_RECALL_UNIT         1000000
#define VEXFS_RECALL_UNKNOWN      4294967295U

/*
 * Space of deleted rows is given back when more than one slot in so many is free, and more than so many bytes; rows
 * and bytes of one step at most, one row in any case; so few rows for whose records there is no space end it.
 */
#define VEXFS_PACK_LEAST_SHARE 4
#define VEXFS_PACK_LEAST_BYTES 65536
#define VEXFS_PACK_MOST_ROWS   1024
#define VEXFS_PACK_MOST_BYTES  1048576
#define VEXFS_PACK_LEAST_ROWS  16

/* The one 64-bit number that is no id. */
#define VEXFS_NO_ID 0xffffffffffffffffULL

/* Numbers of the commands; those without a structure below are reserved. */
#define VEXFS_NR_SET_VECTOR_META  0x1
#define VEXFS_NR_GET_VECTOR_META  0x2
#define VEXFS_NR_VECTOR_SEARCH    0x3
#define VEXFS_NR_BATCH_INSERT     0x4
#define VEXFS_NR_ADD_EMBEDDING    0x10
#define VEXFS_NR_GET_EMBEDDING    0x11
#define VEXFS_NR_UPDATE_EMBEDDING 0x12
#define VEXFS_NR_DELETE_EMBEDDING 0x13
#define VEXFS_NR_HYBRID_SEARCH    0x14
#define VEXFS_NR_MANAGE_INDEX     0x15
#define VEXFS_NR_BATCH_SEARCH     0x16
#define VEXFS_NR_BATCH_GET        0x17
#define VEXFS_NR_BATCH_DELETE     0x18
#define VEXFS_NR_GET_STATS        0x19

/* SET_VECTOR_META and GET_VECTOR_META */
struct vexfs_vector_file_info {
	__u32 dimensions;       /* 0: 1 to VEXFS_MAX_DIMENSIONS */
	__u32 element_type;     /* 4: VEXFS_ELEMENT_* */
	__u32 vector_count;     /* 8: live rows, saturating; ignored by SET */
	__u32 storage_format;   /* 12: VEXFS_STORAGE_* */
	__u64 data_offset;      /* 16: byte of slot 0, a multiple of the element size */
	__u64 index_offset;     /* 24: 0; ignored by SET */
	__u32 compression_type; /* 32: VEXFS_COMPRESS_* */
	__u32 alignment_bytes;  /* 36: rows are padded to it: 0 or a power of two */
};

/* VECTOR_SEARCH */
struct vexfs_vector_search_request {
	float *query_vector; /* 0: in: dimensions elements */
	__u32 dimensions;    /* 8 */
	__u32 k;             /* 12: room in results and result_ids, 1 to VEXFS_MAX_K */
	__u32 search_type;   /* 16: VEXFS_SEARCH_* */
	float *results;      /* 24: out: distances, nearest first */
	__u64 *result_ids;   /* 32: out: the ids of the same rows */
	__u32 result_count;  /* 40: out: how many there are */
};

/* BATCH_INSERT */
struct vexfs_batch_insert_request {
	float *vectors;     /* 0: in: vector_count * dimensions elements, row after row */
	__u32 vector_count; /* 8 */
	__u32 dimensions;   /* 12 */
	__u64 *vector_ids;  /* 16: in: an id for each row, or NULL: the next free ones */
	__u32 flags;        /* 24: VEXFS_INSERT_* */
};

/* GET_EMBEDDING. With data 0 the vector follows the structure in the argument: see VEXFS_IOC_GET_EMBEDDING_INLINE. */
struct vexfs_get_embedding {
	__u64 id;           /* 0: in */
	__u64 data;         /* 8: in: address of the buffer, 0 for inline */
	__u32 data_size;    /* 16: in: room in bytes, 0 asks for the size only; out: bytes of the vector */
	__u32 element_type; /* 20: in: wanted, 0 as stored; out: delivered */
	__u32 dimensions;   /* 24: out */
	__u32 flags;        /* 28: 0 */
	__u64 slot;         /* 32: out */
	__u64 reserved[3];  /* 40: 0 */
};

/*
 * ADD_EMBEDDING and UPDATE_EMBEDDING. With data 0 the vector follows the structure in the argument: see
 * VEXFS_IOC_ADD_EMBEDDING_INLINE.
 */
struct vexfs_put_embedding {
	__u64 id;           /* 0: in; ADD: VEXFS_NO_ID for the next one; out: of the row */
	__u64 data;         /* 8: in: address of the vector, 0 for inline */
	__u32 data_size;    /* 16: in: bytes of the vector */
	__u32 element_type; /* 20: in: of the vector, 0 as stored */
	__u32 dimensions;   /* 24: in: those of the file */
	__u32 flags;        /* 28: 0 */
	__u64 slot;         /* 32: out */
	__u64 reserved[3];  /* 40: 0 */
};

/* DELETE_EMBEDDING */
struct vexfs_delete_embedding {
	__u64 id;       /* 0: in */
	__u32 flags;    /* 8: VEXFS_DELETE_* */
	__u32 reserved; /* 12: 0 */
};

/* BATCH_DELETE: all rows go, or none does. */
struct vexfs_batch_delete {
	__u64 ids;         /* 0: in: address of count 64-bit ids */
	__u32 count;       /* 8: 1 to VEXFS_MAX_ROWS_PER_CALL */
	__u32 flags;       /* 12: VEXFS_DELETE_* */
	__u64 reserved[2]; /* 16: 0 */
};

/*
 * MANAGE_INDEX. CREATE reads type, metric, m, ef_construction, ef_search; TUNE ef_search and automatic_rows; INFO
 * sample. What an operation does not read is 0 on entry; all is filled in on return.
 */
struct vexfs_manage_index {
	__u32 operation;         /* 0: in: VEXFS_INDEX_OP_* */
	__u32 flags;             /* 4: 0 */
	__u32 type;              /* 8: VEXFS_INDEX_TYPE_*, 0: none */
	__u32 metric;            /* 12: VEXFS_SEARCH_* */
	__u32 m;                 /* 16: M; in: 0 is 16 */
	__u32 ef_construction;   /* 20: in: 0 is 200 */
	__u32 ef_search;         /* 24: candidates of a search; CREATE: 0 is 64 */
	__u32 automatic_rows;    /* 28: rows that make an index; 0: as the mount says */
	__u32 sample;            /* 32: in: rows to measure recall with, 0: none */
	__u32 state;             /* 36: out: VEXFS_INDEX_STATE_* */
	__u32 error;             /* 40: out: errno that it rests for */
	__u32 levels;            /* 44: out */
	__u32 recall;            /* 48: out: in millionths, 2^32 - 1: not measured */
	__u32 reserved;          /* 52: 0 */
	__u64 rows;              /* 56: out: live rows of the file */
	__u64 indexed_rows;      /* 64: out: rows taken */
	__u64 lag;               /* 72: out: changes that wait */
	__u64 memory_bytes;      /* 80: out */
	__u64 snapshot_bytes;    /* 88: out: of the snapshot on the volume */
	__u64 generation;        /* 96: out: of the codes */
	__u64 searches;          /* 104: out: answered by it since the mount */
	__u64 log_position;      /* 112: out: record * 2^32 + slots */
	__u64 snapshot_position; /* 120: out: the same of the snapshot */
};

/* BATCH_SEARCH: count queries in one call. */
struct vexfs_batch_search {
	__u64 queries;       /* 0: in: address of count * dimensions floats */
	__u64 results;       /* 8: out: address of count * k floats */
	__u64 result_ids;    /* 16: out: address of count * k 64-bit ids */
	__u64 result_counts; /* 24: out: address of count 32-bit counts */
	__u32 count;         /* 32: queries, 1 to VEXFS_MAX_ROWS_PER_CALL */
	__u32 dimensions;    /* 36 */
	__u32 k;             /* 40: of each query, 1 to VEXFS_MAX_K */
	__u32 search_type;   /* 44: VEXFS_SEARCH_* */
	__u32 ef;            /* 48: candidates, 0: as the index says */
	__u32 flags;         /* 52: VEXFS_SEARCH_FLAG_* */
	__u64 reserved;      /* 56: 0 */
};

/* BATCH_GET: count rows in one call. */
struct vexfs_batch_get {
	__u64 ids;          /* 0: in: address of count 64-bit ids */
	__u64 data;         /* 8: in: address of the buffer */
	__u64 data_size;    /* 16: in: room in bytes, 0: no vectors wanted; out: bytes of all vectors */
	__u64 found;        /* 24: in: address of count bytes, each 1 or 0: out; 0: not wanted */
	__u32 count;        /* 32: 1 to VEXFS_MAX_ROWS_PER_CALL */
	__u32 element_type; /* 36: in: wanted, 0 as stored; out: delivered */
	__u32 dimensions;   /* 40: in: those of the file */
	__u32 flags;        /* 44: VEXFS_GET_* */
	__u64 reserved[2];  /* 48: 0 */
};

/* GET_STATS: all out, all zero on entry. Counters run since the mount. */
struct vexfs_stats {
	__u64 rows;            /* 0: live rows */
	__u64 slots;           /* 8: of the matrix, free ones included */
	__u64 free_slots;      /* 16 */
	__u64 next_id;         /* 24: the id that a row without one gets next */
	__u64 matrix_bytes;    /* 32: slots * stride */
	__u64 log_bytes;       /* 40: of the row log */
	__u64 log_records;     /* 48 */
	__u64 log_compactions; /* 56 */
	__u64 searches;        /* 64 */
	__u64 rows_scanned;    /* 72: distances computed by searches */
	__u64 insert_calls;    /* 80 */
	__u64 rows_inserted;   /* 88 */
	__u32 dimensions;      /* 96 */
	__u32 element_type;    /* 100 */
	__u32 row_bytes;       /* 104: of one row, without padding */
	__u32 stride;          /* 108: bytes from slot to slot */
	__u32 flags;           /* 112: VEXFS_STATS_* */
	__u32 reserved;        /* 116: 0 */
	__u64 indexed_rows;    /* 120: 0 while there is no index */
};

#define VEXFS_IOC_SET_VECTOR_META    _IOW(VEXFS_IOC_MAGIC, 1, struct vexfs_vector_file_info)
#define VEXFS_IOC_GET_VECTOR_META    _IOR(VEXFS_IOC_MAGIC, 2, struct vexfs_vector_file_info)
#define VEXFS_IOC_VECTOR_SEARCH      _IOWR(VEXFS_IOC_MAGIC, 3, struct vexfs_vector_search_request)
#define VEXFS_IOC_BATCH_INSERT       _IOW(VEXFS_IOC_MAGIC, 4, struct vexfs_batch_insert_request)
#define VEXFS_IOC_ADD_EMBEDDING      _IOWR(VEXFS_IOC_MAGIC, 0x10, struct vexfs_put_embedding)
#define VEXFS_IOC_GET_EMBEDDING      _IOWR(VEXFS_IOC_MAGIC, 0x11, struct vexfs_get_embedding)
#define VEXFS_IOC_UPDATE_EMBEDDING   _IOWR(VEXFS_IOC_MAGIC, 0x12, struct vexfs_put_embedding)
#define VEXFS_IOC_DELETE_EMBEDDING   _IOWR(VEXFS_IOC_MAGIC, 0x13, struct vexfs_delete_embedding)
#define VEXFS_IOC_MANAGE_INDEX       _IOWR(VEXFS_IOC_MAGIC, 0x15, struct vexfs_manage_index)
#define VEXFS_IOC_BATCH_SEARCH       _IOWR(VEXFS_IOC_MAGIC, 0x16, struct vexfs_batch_search)
#define VEXFS_IOC_BATCH_GET          _IOWR(VEXFS_IOC_MAGIC, 0x17, struct vexfs_batch_get)
#define VEXFS_IOC_BATCH_DELETE       _IOWR(VEXFS_IOC_MAGIC, 0x18, struct vexfs_batch_delete)
#define VEXFS_IOC_GET_STATS          _IOWR(VEXFS_IOC_MAGIC, 0x19, struct vexfs_stats)
#define VEXFS_IOCTL_ADD_EMBEDDING    VEXFS_IOC_ADD_EMBEDDING
#define VEXFS_IOCTL_GET_EMBEDDING    VEXFS_IOC_GET_EMBEDDING
#define VEXFS_IOCTL_UPDATE_EMBEDDING VEXFS_IOC_UPDATE_EMBEDDING
#define VEXFS_IOCTL_DELETE_EMBEDDING VEXFS_IOC_DELETE_EMBEDDING
#define VEXFS_IOCTL_MANAGE_INDEX     VEXFS_IOC_MANAGE_INDEX
#define VEXFS_IOCTL_BATCH_SEARCH     VEXFS_IOC_BATCH_SEARCH
#define VEXFS_IOCTL_BATCH_GET        VEXFS_IOC_BATCH_GET
#define VEXFS_IOCTL_BATCH_DELETE     VEXFS_IOC_BATCH_DELETE
#define VEXFS_IOCTL_GET_STATS        VEXFS_IOC_GET_STATS

/* The same with a vector of that many bytes, VEXFS_MAX_INLINE_BYTES at most, behind the structure in the argument. */
#define VEXFS_IOC_ADD_EMBEDDING_INLINE(bytes) \
	_IOC(_IOC_READ | _IOC_WRITE, VEXFS_IOC_MAGIC, VEXFS_NR_ADD_EMBEDDING, \
	     sizeof(struct vexfs_put_embedding) + (bytes))
#define VEXFS_IOC_GET_EMBEDDING_INLINE(bytes) \
	_IOC(_IOC_READ | _IOC_WRITE, VEXFS_IOC_MAGIC, VEXFS_NR_GET_EMBEDDING, \
	     sizeof(struct vexfs_get_embedding) + (bytes))
#define VEXFS_IOC_UPDATE_EMBEDDING_INLINE(bytes) \
	_IOC(_IOC_READ | _IOC_WRITE, VEXFS_IOC_MAGIC, VEXFS_NR_UPDATE_EMBEDDING, \
	     sizeof(struct vexfs_put_embedding) + (bytes))

#ifdef __cplusplus
#define VEXFS_LAYOUT_ASSERT static_assert
#else
#define VEXFS_LAYOUT_ASSERT _Static_assert
#endif

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_vector_file_info) == 40, "size of vexfs_vector_file_info");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_file_info, dimensions) == 0, "offset of vexfs_vector_file_info.dimensions");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_file_info, element_type) == 4, "offset of vexfs_vector_file_info.element_type");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_file_info, vector_count) == 8, "offset of vexfs_vector_file_info.vector_count");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_file_info, storage_format) == 12, "offset of vexfs_vector_file_info.storage_format");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_file_info, data_offset) == 16, "offset of vexfs_vector_file_info.data_offset");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_file_info, index_offset) == 24, "offset of vexfs_vector_file_info.index_offset");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_file_info, compression_type) == 32, "offset of vexfs_vector_file_info.compression_type");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_file_info, alignment_bytes) == 36, "offset of vexfs_vector_file_info.alignment_bytes");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_vector_search_request) == 48, "size of vexfs_vector_search_request");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_search_request, query_vector) == 0, "offset of vexfs_vector_search_request.query_vector");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_search_request, dimensions) == 8, "offset of vexfs_vector_search_request.dimensions");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_search_request, k) == 12, "offset of vexfs_vector_search_request.k");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_search_request, search_type) == 16, "offset of vexfs_vector_search_request.search_type");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_search_request, results) == 24, "offset of vexfs_vector_search_request.results");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_search_request, result_ids) == 32, "offset of vexfs_vector_search_request.result_ids");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_vector_search_request, result_count) == 40, "offset of vexfs_vector_search_request.result_count");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_batch_insert_request) == 32, "size of vexfs_batch_insert_request");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_insert_request, vectors) == 0, "offset of vexfs_batch_insert_request.vectors");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_insert_request, vector_count) == 8, "offset of vexfs_batch_insert_request.vector_count");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_insert_request, dimensions) == 12, "offset of vexfs_batch_insert_request.dimensions");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_insert_request, vector_ids) == 16, "offset of vexfs_batch_insert_request.vector_ids");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_insert_request, flags) == 24, "offset of vexfs_batch_insert_request.flags");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_get_embedding) == 64, "size of vexfs_get_embedding");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_get_embedding, id) == 0, "offset of vexfs_get_embedding.id");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_get_embedding, data) == 8, "offset of vexfs_get_embedding.data");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_get_embedding, data_size) == 16, "offset of vexfs_get_embedding.data_size");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_get_embedding, element_type) == 20, "offset of vexfs_get_embedding.element_type");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_get_embedding, dimensions) == 24, "offset of vexfs_get_embedding.dimensions");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_get_embedding, flags) == 28, "offset of vexfs_get_embedding.flags");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_get_embedding, slot) == 32, "offset of vexfs_get_embedding.slot");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_get_embedding, reserved) == 40, "offset of vexfs_get_embedding.reserved");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_put_embedding) == 64, "size of vexfs_put_embedding");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_put_embedding, id) == 0, "offset of vexfs_put_embedding.id");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_put_embedding, data) == 8, "offset of vexfs_put_embedding.data");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_put_embedding, data_size) == 16, "offset of vexfs_put_embedding.data_size");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_put_embedding, element_type) == 20, "offset of vexfs_put_embedding.element_type");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_put_embedding, dimensions) == 24, "offset of vexfs_put_embedding.dimensions");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_put_embedding, flags) == 28, "offset of vexfs_put_embedding.flags");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_put_embedding, slot) == 32, "offset of vexfs_put_embedding.slot");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_put_embedding, reserved) == 40, "offset of vexfs_put_embedding.reserved");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_delete_embedding) == 16, "size of vexfs_delete_embedding");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_delete_embedding, id) == 0, "offset of vexfs_delete_embedding.id");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_delete_embedding, flags) == 8, "offset of vexfs_delete_embedding.flags");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_delete_embedding, reserved) == 12, "offset of vexfs_delete_embedding.reserved");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_manage_index) == 128, "size of vexfs_manage_index");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, operation) == 0, "offset of vexfs_manage_index.operation");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, flags) == 4, "offset of vexfs_manage_index.flags");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, type) == 8, "offset of vexfs_manage_index.type");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, metric) == 12, "offset of vexfs_manage_index.metric");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, m) == 16, "offset of vexfs_manage_index.m");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, ef_construction) == 20, "offset of vexfs_manage_index.ef_construction");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, ef_search) == 24, "offset of vexfs_manage_index.ef_search");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, automatic_rows) == 28, "offset of vexfs_manage_index.automatic_rows");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, sample) == 32, "offset of vexfs_manage_index.sample");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, state) == 36, "offset of vexfs_manage_index.state");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, error) == 40, "offset of vexfs_manage_index.error");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, levels) == 44, "offset of vexfs_manage_index.levels");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, recall) == 48, "offset of vexfs_manage_index.recall");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, reserved) == 52, "offset of vexfs_manage_index.reserved");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, rows) == 56, "offset of vexfs_manage_index.rows");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, indexed_rows) == 64, "offset of vexfs_manage_index.indexed_rows");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, lag) == 72, "offset of vexfs_manage_index.lag");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, memory_bytes) == 80, "offset of vexfs_manage_index.memory_bytes");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, snapshot_bytes) == 88, "offset of vexfs_manage_index.snapshot_bytes");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, generation) == 96, "offset of vexfs_manage_index.generation");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, searches) == 104, "offset of vexfs_manage_index.searches");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, log_position) == 112, "offset of vexfs_manage_index.log_position");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_manage_index, snapshot_position) == 120, "offset of vexfs_manage_index.snapshot_position");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_batch_search) == 64, "size of vexfs_batch_search");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, queries) == 0, "offset of vexfs_batch_search.queries");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, results) == 8, "offset of vexfs_batch_search.results");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, result_ids) == 16, "offset of vexfs_batch_search.result_ids");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, result_counts) == 24, "offset of vexfs_batch_search.result_counts");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, count) == 32, "offset of vexfs_batch_search.count");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, dimensions) == 36, "offset of vexfs_batch_search.dimensions");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, k) == 40, "offset of vexfs_batch_search.k");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, search_type) == 44, "offset of vexfs_batch_search.search_type");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, ef) == 48, "offset of vexfs_batch_search.ef");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, flags) == 52, "offset of vexfs_batch_search.flags");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_search, reserved) == 56, "offset of vexfs_batch_search.reserved");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_batch_get) == 64, "size of vexfs_batch_get");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_get, ids) == 0, "offset of vexfs_batch_get.ids");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_get, data) == 8, "offset of vexfs_batch_get.data");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_get, data_size) == 16, "offset of vexfs_batch_get.data_size");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_get, found) == 24, "offset of vexfs_batch_get.found");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_get, count) == 32, "offset of vexfs_batch_get.count");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_get, element_type) == 36, "offset of vexfs_batch_get.element_type");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_get, dimensions) == 40, "offset of vexfs_batch_get.dimensions");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_get, flags) == 44, "offset of vexfs_batch_get.flags");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_get, reserved) == 48, "offset of vexfs_batch_get.reserved");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_batch_delete) == 32, "size of vexfs_batch_delete");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_delete, ids) == 0, "offset of vexfs_batch_delete.ids");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_delete, count) == 8, "offset of vexfs_batch_delete.count");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_delete, flags) == 12, "offset of vexfs_batch_delete.flags");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_batch_delete, reserved) == 16, "offset of vexfs_batch_delete.reserved");

VEXFS_LAYOUT_ASSERT(sizeof(struct vexfs_stats) == 128, "size of vexfs_stats");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, rows) == 0, "offset of vexfs_stats.rows");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, slots) == 8, "offset of vexfs_stats.slots");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, free_slots) == 16, "offset of vexfs_stats.free_slots");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, next_id) == 24, "offset of vexfs_stats.next_id");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, matrix_bytes) == 32, "offset of vexfs_stats.matrix_bytes");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, log_bytes) == 40, "offset of vexfs_stats.log_bytes");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, log_records) == 48, "offset of vexfs_stats.log_records");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, log_compactions) == 56, "offset of vexfs_stats.log_compactions");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, searches) == 64, "offset of vexfs_stats.searches");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, rows_scanned) == 72, "offset of vexfs_stats.rows_scanned");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, insert_calls) == 80, "offset of vexfs_stats.insert_calls");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, rows_inserted) == 88, "offset of vexfs_stats.rows_inserted");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, dimensions) == 96, "offset of vexfs_stats.dimensions");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, element_type) == 100, "offset of vexfs_stats.element_type");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, row_bytes) == 104, "offset of vexfs_stats.row_bytes");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, stride) == 108, "offset of vexfs_stats.stride");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, flags) == 112, "offset of vexfs_stats.flags");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, reserved) == 116, "offset of vexfs_stats.reserved");
VEXFS_LAYOUT_ASSERT(__builtin_offsetof(struct vexfs_stats, indexed_rows) == 120, "offset of vexfs_stats.indexed_rows");

#undef VEXFS_LAYOUT_ASSERT

#endif /* _UAPI_VEXFS_H */
