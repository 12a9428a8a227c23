/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The index in user space: builders with threads, snapshots in files. No part of the kernel module. */
#ifndef VX_HOST_INDEX_H
#define VX_HOST_INDEX_H

#include "host.h"
#include "vexfs_index.h"

/*
 * vx_index_apply() by `threads` threads (1..VX_MAX_WORKERS), made for this call; the calling thread is one of them. When
 * fewer can be made, it goes on with these.
 */
vx_s64 vx_host_index_apply(struct vx_index *index, const struct vx_rows *rows, const struct vx_change *changes, size_t n,
			   vx_u32 threads, const volatile vx_u32 *interrupt);

/*
 * The same, but no round is begun for fewer than `least` (1 or more) changes. With VX_ROUND_CHANGES rounds over a log that
 * comes piece by piece do not depend on the pieces, when the rest of one is put in front of the next.
 */
vx_s64 vx_host_index_rounds(struct vx_index *index, const struct vx_rows *rows, const struct vx_change *changes,
			    size_t n, size_t least, vx_u32 threads, const volatile vx_u32 *interrupt);

/* Saves to an open file from its offset 0, without syncing it. 0 or a negative errno. */
int vx_host_index_save(struct vx_index *index, int fd);

/* An index with the allocator of vx_host_allocator(), on vx_host_cpu(isa). */
struct vx_index *vx_host_index_create(const struct vx_index_params *params, vx_u32 isa, int *error);
struct vx_index *vx_host_index_open(const void *bytes, vx_u64 size, vx_u32 isa, int *error);
struct vx_searcher *vx_host_searcher_create(void);

#endif
