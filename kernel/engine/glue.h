/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the engine needs inside the kernel, for both modules: which code it runs, and its memory. No part of the library for user space. */
#ifndef VEXFS_ENGINE_GLUE_H
#define VEXFS_ENGINE_GLUE_H

#include "vexfs_engine.h"

/* Enters and leaves sections for SIMD registers by itself. */
extern struct vx_cpu vexfs_cpu;
/* The same code for callers that are inside such a section. */
extern struct vx_cpu vexfs_cpu_inside;

int vexfs_engine_init(void);

void vexfs_simd_begin(void);
void vexfs_simd_end(void);

/* Zeroed, aligned to 64 bytes, charged to the caller's memory cgroup; NULL when there is none. May sleep. */
void *vexfs_engine_alloc(size_t bytes);
void vexfs_engine_free(void *memory);

/* For tables of ids: all of them together stay below half of the memory of the machine. */
extern const struct vx_alloc vexfs_table_memory;
/* What they have taken now. */
long vexfs_table_bytes_used(void);

#endif
