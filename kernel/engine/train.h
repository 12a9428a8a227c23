/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Centre and scale of the coordinates that become codes. All functions use SIMD registers. */
#ifndef VX_TRAIN_H
#define VX_TRAIN_H

#include "navigate.h"

/* Later generations count in whole units, so that threads may add in any order: this many a code unit, bounded. */
#define VX_COUNT_UNIT 16.0f
#define VX_COUNT_BOUND (1 << 17)

/* The factor of unit rows, as bits: four standard deviations of a coordinate are 127. */
vx_u32 vx_unit_factor(vx_u32 dims);

/* Numbers that the functions below keep: `dims` sums, as many squares behind them, and the square of the longest row. */
#define VX_TRAIN_NUMBERS(dims) (2 * (size_t)(dims) + 1)

/* Adds a rotated row; finish sets centre, factor and rows of a generation from `rows` of them. */
void vx_train_add(const float *rotated, vx_u32 dims, double *sums, double *squares);
void vx_train_finish(struct vx_generation *generation, vx_u32 dims, vx_u32 centred, const double *sums,
		     const double *squares, vx_u64 rows);

/* The same in units of the generation before. */
void vx_recount_add(const float *rotated, vx_u32 dims, const struct vx_generation *generation, vx_s64 *sums,
		    vx_s64 *squares);
void vx_recount_finish(struct vx_generation *next, const struct vx_generation *generation, vx_u32 dims, vx_u32 centred,
		       const vx_s64 *sums, const vx_s64 *squares, vx_u64 rows);

#endif
