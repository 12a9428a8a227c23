/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Entering and leaving the sections in which SIMD registers may be used, and how much work fits into one. */
#ifndef VX_SECTIONS_H
#define VX_SECTIONS_H

#include "vexfs_engine.h"

static inline void vx_section_begin(const struct vx_cpu *cpu)
{
	if (cpu->simd_begin)
		cpu->simd_begin();
}

static inline void vx_section_end(const struct vx_cpu *cpu)
{
	if (cpu->simd_end)
		cpu->simd_end();
}

/* Rows of `row_bytes` in one section: at least 1, at most VX_SECTION_ROWS. */
static inline size_t vx_section_rows(size_t row_bytes)
{
	size_t rows = VX_SECTION_BYTES / row_bytes;

	if (rows == 0)
		return 1;
	return rows < VX_SECTION_ROWS ? rows : VX_SECTION_ROWS;
}

#endif
