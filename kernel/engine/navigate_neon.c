// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Walking with AArch64 Advanced SIMD: sixteen coordinates at a time, products of signed bytes. */
#if defined(__aarch64__)
#include <arm_neon.h>

#include "navigate.h"

#define VX_VECTOR_BYTES 16
#define VX_STEP 16
typedef int32x4_t vx_sums;
typedef int8x16_t vx_part;

VX_INLINE vx_sums vx_no_sums(void)
{
	return vdupq_n_s32(0);
}

VX_INLINE vx_part vx_query_part(const signed char *query)
{
	return vld1q_s8(query);
}

VX_INLINE vx_sums vx_add_products(vx_sums sums, const vx_u8 *code, vx_part query)
{
	int8x16_t row = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(code), vdupq_n_u8(0x80)));

	/* A node's coordinate of a damaged code may be -128; the product with -127 still fits 16 bits. */
	sums = vpadalq_s16(sums, vmull_s8(vget_low_s8(row), vget_low_s8(query)));
	return vpadalq_s16(sums, vmull_high_s8(row, query));
}

/* The products are of signed bytes already: nothing is to be taken off. */
VX_INLINE void vx_fold4(vx_sums a, vx_sums b, vx_sums c, vx_sums d, vx_s32 offset, vx_s32 *dots)
{
	(void)offset;
	vst1q_s32(dots, vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)));
}

#include "navigate_dot4.h"
#include "navigate_body.h"

const struct vx_navigation vx_navigation_neon = VX_NAVIGATION;
#else
typedef int vx_no_neon_navigation;
#endif
