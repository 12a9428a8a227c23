/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the engine needs from user space; no part of the kernel module. */
#ifndef VX_HOST_H
#define VX_HOST_H

#include "vexfs_engine.h"

#define VX_ISA_BEST 0xffffffffu

/* The CPU of this machine restricted to `isa`, or with the fastest it has; NULL when it cannot run that code. */
const struct vx_cpu *vx_host_cpu(vx_u32 isa);

/* Zeroed memory, 64-byte aligned; from 1 MiB on in pages of its own, which cost nothing until they are touched. */
const struct vx_alloc *vx_host_allocator(void);
void *vx_host_allocate(size_t bytes);
void vx_host_release(void *memory, size_t bytes);

/* vx_ids_create() with the allocator above. */
struct vx_ids *vx_host_ids_create(vx_u64 seed);

#endif
