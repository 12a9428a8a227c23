/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What one ISA provides to the rest of the engine. Everything here uses SIMD or floating-point registers; callers in
 * distance.c and element.c enter the SIMD section.
 */
#ifndef VX_KERNELS_H
#define VX_KERNELS_H

#include "vexfs_engine.h"

#define VX_METRICS 3
#define VX_ELEMENTS 4 /* index: element type - 1 */

typedef void vx_distance_fn(const struct vx_query *query, const vx_u8 *rows, size_t stride, const vx_u32 *slots, size_t n,
			    vx_u32 *out);
/* One row each. Encoding writes row bytes only and returns nonzero when a value is not finite or does not fit. */
typedef vx_u32 vx_encode_fn(const vx_u8 *in, vx_u32 dims, vx_u8 *out);
typedef void vx_decode_fn(const vx_u8 *in, vx_u32 dims, vx_u8 *out);

struct vx_kernels {
	vx_distance_fn *distance[VX_METRICS][VX_ELEMENTS];
	vx_encode_fn *encode[VX_ELEMENTS];
	vx_decode_fn *decode[VX_ELEMENTS];
	/* Nonzero when one of n floats is not finite. */
	vx_u32 (*not_finite)(const vx_u8 *floats, size_t n);
	/* Bits of sqrt(sum of squares) of whole blocks of 16 floats. */
	vx_u32 (*norm)(const float *values, vx_u32 blocks);
};

extern const struct vx_kernels vx_kernels_scalar;
#if defined(__x86_64__)
extern const struct vx_kernels vx_kernels_avx2;
extern const struct vx_kernels vx_kernels_avx512;
#elif defined(__aarch64__)
extern const struct vx_kernels vx_kernels_neon;
#endif

/* The values of a query, behind its header. */
static inline const float *vx_query_values(const struct vx_query *query)
{
	return (const float *)(query + 1);
}

static inline vx_u32 vx_blocks(vx_u32 dims)
{
	return (dims + 15) / 16;
}

/* Bits of a distance as a number that orders as the float does. */
static inline vx_u32 vx_distance_key(vx_u32 bits)
{
	return bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
}

#endif
