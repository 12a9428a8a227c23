/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */

/*
 * Generated from shared/ by `node shared/dist/generate.js`: change it there.
 *
 * The ioctl protocol of /dev/vss: a bounded Euclidean store in memory. The first vector fixes the dimension.
 */

#ifndef _UAPI_VSS_H
#define _UAPI_VSS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VSS_IOC_MAGIC 'v'

#define VSS_MAX_DIMENSION 128
#define VSS_MAX_K         32

#define VSS_NO_ID 0xffffffffU

/* VSS_ADD_VECTOR */
struct vss_vector {
	__u32 id;        /* 0: a vector with the same id is replaced */
	__u32 dimension; /* 4 */
	float data[128]; /* 8 */
};

/* VSS_QUERY_TOP_K. Past the last vector ids are VSS_NO_ID and distances +infinity. */
struct vss_query {
	__u32 k;                 /* 0: 1 to VSS_MAX_K */
	__u32 dimension;         /* 4 */
	float query_vector[128]; /* 8 */
	__u32 result_ids[32];    /* 520: out, nearest first */
	float distances[32];     /* 648: out */
};

/* VSS_GET_STATS */
struct vss_stats {
	__u64 vectors;   /* 0 */
	__u64 capacity;  /* 8 */
	__u64 dimension; /* 16 */
	__u64 queries;   /* 24 */
};

#define VSS_ADD_VECTOR  _IOW(VSS_IOC_MAGIC, 1, struct vss_vector)
#define VSS_QUERY_TOP_K _IOWR(VSS_IOC_MAGIC, 2, struct vss_query)
#define VSS_GET_STATS   _IOR(VSS_IOC_MAGIC, 3, struct vss_stats)

#ifdef __cplusplus
#define VSS_LAYOUT_ASSERT static_assert
#else
#define VSS_LAYOUT_ASSERT _Static_assert
#endif

VSS_LAYOUT_ASSERT(sizeof(struct vss_vector) == 520, "size of vss_vector");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_vector, id) == 0, "offset of vss_vector.id");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_vector, dimension) == 4, "offset of vss_vector.dimension");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_vector, data) == 8, "offset of vss_vector.data");

VSS_LAYOUT_ASSERT(sizeof(struct vss_query) == 776, "size of vss_query");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_query, k) == 0, "offset of vss_query.k");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_query, dimension) == 4, "offset of vss_query.dimension");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_query, query_vector) == 8, "offset of vss_query.query_vector");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_query, result_ids) == 520, "offset of vss_query.result_ids");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_query, distances) == 648, "offset of vss_query.distances");

VSS_LAYOUT_ASSERT(sizeof(struct vss_stats) == 32, "size of vss_stats");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_stats, vectors) == 0, "offset of vss_stats.vectors");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_stats, capacity) == 8, "offset of vss_stats.capacity");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_stats, dimension) == 16, "offset of vss_stats.dimension");
VSS_LAYOUT_ASSERT(__builtin_offsetof(struct vss_stats, queries) == 24, "offset of vss_stats.queries");

#undef VSS_LAYOUT_ASSERT

#endif /* _UAPI_VSS_H */
